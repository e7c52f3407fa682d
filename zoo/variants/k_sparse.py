"""`k-sparse`: linear units of which each example keeps its k largest."""

from __future__ import annotations

from zoo.autoencoder import Autoencoder
from zoo.layers import TopK
from zoo.layers.schedules import linear
from zoo.plan import Plan
from zoo.registry import variant
from zoo.variants._parts import few, pre_activation


@variant("k-sparse", kind="sparse", source="Makhzani & Frey 2013")
def k_sparse(
    plan: Plan,
    k: int | None = None,
    start_k: int | None = None,
    training_steps: int = 2000,
    alpha: float = 1.0,
) -> Autoencoder:
    """Linear units of which each example keeps its k largest.

    Inputs should be centred, or units that agree with their mean win always, and many others never.

    Args:
        plan: The input, the backbone and the size of the code.
        k: Number of units that reconstruct an example; the square root of `code_dim` if
            omitted.
        start_k: Number at the start of training, from which it falls to `k` linearly, so that
            no unit dies early; 4 times `k` if omitted.
        training_steps: Steps that the model will be trained for; it falls over the first half.
        alpha: Codes have `alpha * k` active units; the paper takes up to 3 to classify by.

    Returns:
        The model. It reconstructs from `k` units whatever `alpha` is.

    Raises:
        ValueError: If `k`, `start_k` or `alpha * k` is not between 1 and `code_dim`, or
            `training_steps` is not positive.

    Reference:
        [Makhzani & Frey, k-Sparse Autoencoders, 2013](https://arxiv.org/abs/1312.5663)
    """
    k = few(plan.code_dim) if k is None else k
    if not 1 <= k <= plan.code_dim:
        raise ValueError(f"`k` must be between 1 and code_dim={plan.code_dim}. Received: k={k}")
    start = min(4 * k, plan.code_dim) if start_k is None else start_k
    if not k <= start <= plan.code_dim:
        raise ValueError(
            f"`start_k` must be between k={k} and code_dim={plan.code_dim}. Received: {start_k}"
        )
    logits = pre_activation(plan)
    code = TopK(round(alpha * k), dtype="float32", name="code")(logits)
    annealed = TopK(k, linear(start, k, -(-training_steps // 2)), dtype="float32", name="k_sparse")
    return plan.autoencoder(code, decoder_input=annealed(logits))
