"""`vit`: small vision transformers, for images cut into patches."""

from __future__ import annotations

from typing import Any

import keras

from zoo.backbones.backbone import Backbone
from zoo.layers.arguments import check_integer
from zoo.layers.position_embedding import PositionEmbedding
from zoo.registry import backbone


@backbone("vit")
class ViT(Backbone):
    """Transformers over patches; the code reads the mean of the patches' features.

    Args:
        input_shape: (height, width, channels); sizes that the patches do not divide are padded
            with 0 at the bottom and the right, and the reconstruction is cropped.
        likelihood: How reconstructions are judged.
        patch_size: Height and width of the patches.
        width: Features of a token.
        heads: Heads of the attention; must divide `width`.
        encoder_blocks: Transformer blocks of the encoder.
        decoder_blocks: Transformer blocks of the decoder.

    Raises:
        ValueError: If the input is not an image or `heads` does not divide `width`.

    Reference:
        [Dosovitskiy et al., An Image is Worth 16x16 Words, 2021](https://arxiv.org/abs/2010.11929)
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        likelihood: str,
        patch_size: int = 4,
        width: int = 64,
        heads: int = 4,
        encoder_blocks: int = 2,
        decoder_blocks: int = 1,
    ):
        super().__init__(input_shape, likelihood)
        if len(self.input_shape) != 3:
            raise ValueError(
                "The vit backbone, which masked-patches needs, wants images of the shape (height, "
                "width, channels); for other data use another variant or backbone='dense'. "
                f"Received: input_shape={self.input_shape}"
            )
        sizes = {"patch_size": patch_size, "width": width, "heads": heads}
        for name, value in sizes.items():
            check_integer(name, value)
        if width % heads:
            raise ValueError(f"`heads` must divide `width`. Received: heads={heads}, width={width}")
        height, image_width, channels = self.input_shape
        self.patch_size = patch_size
        self.grid = (-(-height // patch_size), -(-image_width // patch_size))
        self.padding = (
            (0, self.grid[0] * patch_size - height),
            (0, self.grid[1] * patch_size - image_width),
        )
        layers = keras.layers
        self.pad = layers.ZeroPadding2D(self.padding, name="encoder_pad")
        self.embed = layers.Conv2D(width, patch_size, strides=patch_size, name="encoder_patches")
        self.to_tokens = layers.Reshape((self.patches, width), name="encoder_tokens")
        self.encoder_positions = PositionEmbedding(name="encoder_positions")
        self.encoder_blocks = [
            _Block(width, heads, f"encoder_block_{i}") for i in range(encoder_blocks)
        ]
        self.encoder_norm = layers.LayerNormalization(name="encoder_norm")
        self.mean = layers.GlobalAveragePooling1D(name="encoder_mean")
        self.decoder_dense = layers.Dense(width, name="decoder_dense")
        self.repeat = layers.RepeatVector(self.patches, name="decoder_repeat")
        self.decoder_positions = PositionEmbedding(name="decoder_positions")
        self.decoder_blocks = [
            _Block(width, heads, f"decoder_block_{i}") for i in range(decoder_blocks)
        ]
        self.decoder_norm = layers.LayerNormalization(name="decoder_norm")
        self.to_pixels = layers.Dense(patch_size * patch_size * channels, name="decoder_output")
        self.crop = layers.Cropping2D(self.padding, name="decoder_crop")

    @property
    def patches(self) -> int:
        """Number of patches of an image."""
        return self.grid[0] * self.grid[1]

    def encode(self, x: Any) -> Any:
        """The mean of all patches' features."""
        return self.encode_tokens(self.tokens(x))

    def tokens(self, x: Any) -> Any:
        """Patches with their places, `[batch, patches, width]`."""
        return self.encoder_positions(self.to_tokens(self.embed(self.pad(x))))

    def encode_tokens(self, tokens: Any) -> Any:
        """The mean of the features of some patches, `[batch, width]`."""
        for block in self.encoder_blocks:
            tokens = block(tokens)
        return self.mean(self.encoder_norm(tokens))

    def decode(self, code: Any) -> Any:
        """A token for each place, told by the code, becomes a patch."""
        tokens = self.decoder_positions(self.repeat(self.decoder_dense(code)))
        for block in self.decoder_blocks:
            tokens = block(tokens)
        return self.output(self.assemble(self.to_pixels(self.decoder_norm(tokens))))

    def assemble(self, patches: Any) -> Any:
        """An image `[batch, *input_shape]` of patches `[batch, patches, pixels * channels]`."""
        (rows, columns), size, channels = self.grid, self.patch_size, self.input_shape[-1]
        x = keras.ops.reshape(patches, (-1, rows, columns, size, size, channels))
        x = keras.ops.transpose(x, (0, 1, 3, 2, 4, 5))
        return self.crop(keras.ops.reshape(x, (-1, rows * size, columns * size, channels)))


class _Block:
    # Attention and a dense network, each normalised first and added to what it read.
    def __init__(self, width: int, heads: int, name: str):
        layers = keras.layers
        self.attention_norm = layers.LayerNormalization(name=f"{name}_attention_norm")
        self.attention = layers.MultiHeadAttention(heads, width // heads, name=f"{name}_attention")
        self.dense_norm = layers.LayerNormalization(name=f"{name}_dense_norm")
        self.dense = layers.Dense(2 * width, "gelu", name=f"{name}_dense_in")
        self.dense_out = layers.Dense(width, name=f"{name}_dense_out")

    def __call__(self, x: Any) -> Any:
        normed = self.attention_norm(x)
        x = x + self.attention(normed, normed)
        return x + self.dense_out(self.dense(self.dense_norm(x)))
