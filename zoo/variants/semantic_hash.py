"""`semantic-hash`: binary codes by noise that grows before the sigmoid."""

from __future__ import annotations

import keras

from zoo.autoencoder import Autoencoder
from zoo.layers import MeanOnlyBatchNormalization, SaturatingNoise
from zoo.layers.schedules import linear
from zoo.plan import Plan
from zoo.registry import variant


@variant("semantic-hash", kind="binary", source="Salakhutdinov & Hinton 2009")
def semantic_hash(
    plan: Plan,
    noise: float | keras.optimizers.schedules.LearningRateSchedule = 4.0,
    training_steps: int = 2000,
    balance: bool = True,
    code_weight: float = 10.0,
    seed: int | None = None,
) -> Autoencoder:
    """Binary codes, by noise that grows before the sigmoid while training goes on.

    Args:
        plan: The input, the backbone and the size of the code.
        noise: Standard deviation of the noise at the end of training, 0 for none; or a
            schedule of it over training steps.
        training_steps: Steps that the model will be trained for; the noise grows over all of
            them, linearly from 0.
        balance: Whether pre-activations are centred, so that each bit is set about half of the
            time. Their scale stays free: noise saturates the code only if it can grow.
        code_weight: Factor, in the loss, of the cross-entropy between noisy activations and the
            codes that `fit` is given, if it is: see `zoo.neighbours`.
        seed: Seed of the noise.

    Returns:
        The model.

    Raises:
        ValueError: If `noise` or `code_weight` is negative or `training_steps` is not positive.

    Reference:
        [Salakhutdinov & Hinton, Semantic Hashing, 2009](https://doi.org/10.1016/j.ijar.2008.11.006)
    """
    if code_weight < 0:
        raise ValueError(f"`code_weight` must not be negative. Received: code_weight={code_weight}")
    features = plan.backbone.encode(plan.encoder_input)
    logits = keras.layers.Dense(plan.code_dim, use_bias=not balance, name="logits")(features)
    if balance:
        logits = MeanOnlyBatchNormalization(name="balance")(logits)
    if isinstance(noise, int | float) and noise > 0:
        noise = linear(0.0, noise, training_steps)
    noisy = SaturatingNoise(noise, seed=seed, name="saturating_noise")(logits)
    sigmoid = keras.layers.Activation("sigmoid", dtype="float32", name="code")
    return plan.autoencoder(
        code=sigmoid(logits), decoder_input=sigmoid(noisy), code_weight=code_weight
    )
