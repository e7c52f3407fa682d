"""`winner-take-all`: of a batch each unit reconstructs only the examples it likes most."""

from __future__ import annotations

import keras

from zoo.autoencoder import Autoencoder
from zoo.layers import LifetimeSparsity
from zoo.plan import Plan
from zoo.registry import variant
from zoo.variants._parts import pre_activation


@variant("winner-take-all", kind="sparse", source="Makhzani & Frey 2015")
def winner_take_all(plan: Plan, rate: float = 0.05) -> Autoencoder:
    """Rectified units, each of which reconstructs only the examples that excite it most.

    Args:
        plan: The input, the backbone and the size of the code.
        rate: Share of a batch's examples that each unit keeps in training, in (0, 1]. Batches
            must be large enough for it: 100 examples and 0.05 leave 5.

    Returns:
        The model. Codes are not limited: all rectified units are in them. The decoder reads
        those above the thresholds of `LifetimeSparsity`.

    Raises:
        ValueError: If `rate` is out of range.

    Reference:
        [Makhzani & Frey, Winner-Take-All Autoencoders, 2015](https://arxiv.org/abs/1409.2752)
    """
    logits = pre_activation(plan)
    code = keras.layers.Activation("relu", dtype="float32", name="code")(logits)
    winners = LifetimeSparsity(rate, dtype="float32", name="lifetime_sparsity")
    return plan.autoencoder(code, selection=winners)
