"""`masked-patches`: most of an image is hidden, and told from the rest."""

from __future__ import annotations

import keras

from zoo.autoencoder import Autoencoder
from zoo.backbones.vit import ViT
from zoo.layers import DropPatches, Emphasis
from zoo.plan import Plan
from zoo.registry import variant


@variant("masked-patches", kind="real", source="He et al. 2022", backbone="vit")
def masked_patches(
    plan: Plan, rate: float = 0.75, activation: str = "linear", seed: int | None = None
) -> Autoencoder:
    """Most patches of an image are hidden in training and must be told from the others.

    In training the encoder computes the visible patches alone, and the loss counts the hidden
    ones alone. Unlike in the paper the decoder reads one code for the image, not one for each
    patch, so that the code is an embedding.

    Args:
        plan: The input, the vit backbone and the size of the code.
        rate: Share of the patches that is hidden.
        activation: Activation of the code layer.
        seed: Seed of what is hidden.

    Returns:
        The model.

    Raises:
        ValueError: If the backbone is another, `rate` is out of range or hides no patch.

    Reference:
        [He et al., Masked Autoencoders Are Scalable Vision Learners,
        2022](https://arxiv.org/abs/2111.06377)
    """
    vit = plan.backbone
    if not isinstance(vit, ViT):
        raise ValueError(
            "The masked-patches variant wants backbone='vit', which cuts images into patches. "
            f"Received: {type(vit).__name__}"
        )
    drop = DropPatches(rate, seed=seed, name="drop_patches")
    hidden = vit.patches - drop.kept(vit.patches)
    if not hidden:
        raise ValueError(
            f"`rate` must hide at least one patch. Received: rate={rate} of {vit.patches} patches"
        )
    code_layer = keras.layers.Dense(plan.code_dim, activation, name="code")
    tokens = vit.tokens(plan.encoder_input)
    visible, dropped = drop(tokens)
    pixels = vit.patch_size**2 * vit.input_shape[-1]
    mask = vit.assemble(keras.ops.repeat(dropped[:, :, None], pixels, axis=-1))
    # Scaled so that the weights of an image are 1 in the mean, whatever the rate.
    weight = Emphasis(vit.patches / hidden, 0.0, name="hidden_patches")(mask)
    return plan.autoencoder(
        code_layer(vit.encode_tokens(tokens)),
        decoder_input=code_layer(vit.encode_tokens(visible)),
        training_weight=weight,
    )
