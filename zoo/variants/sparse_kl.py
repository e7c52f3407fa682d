"""`sparse-kl`: sigmoid units whose mean activation is drawn to a small target."""

from __future__ import annotations

import keras

from zoo.autoencoder import Autoencoder
from zoo.layers import KLSparsity
from zoo.layers.schedules import Scheduled
from zoo.plan import Plan
from zoo.registry import variant
from zoo.variants._parts import per_component


@variant("sparse-kl", kind="sparse", source="Lee et al. 2007; Ng 2011")
def sparse_kl(
    plan: Plan, target: float = 0.05, weight: Scheduled = 1.0, momentum: float = 0.0
) -> Autoencoder:
    """Sigmoid units that are active in a small share of examples, the same for all units.

    Args:
        plan: The input, the backbone and the size of the code.
        target: The mean activation wanted of each unit, in (0, 1).
        weight: Factor of the divergence from the target, summed over units, against the error
            summed over components. A schedule is taken as it is, against the mean error.
        momentum: Weight of the past in the mean, in [0, 1); 0 for the mean of the batch alone.

    Returns:
        The model.

    Raises:
        ValueError: If an option is out of range.

    Reference:
        [Ng, Sparse Autoencoder, CS294A lecture notes,
        2011](https://web.stanford.edu/class/cs294a/sparseAutoencoder.pdf)
    """
    features = plan.backbone.encode(plan.encoder_input)
    logits = keras.layers.Dense(plan.code_dim, name="pre_activation")(features)
    code = keras.layers.Activation("sigmoid", dtype="float32", name="code")(logits)
    penalty = KLSparsity(target, per_component(plan, weight), momentum, name="kl_sparsity")
    return plan.autoencoder(code, decoder_input=penalty(code))
