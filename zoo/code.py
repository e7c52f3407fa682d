"""What a code is: its kind and its size."""

from __future__ import annotations

import dataclasses

KINDS = ("real", "sparse", "binary", "discrete")


@dataclasses.dataclass(frozen=True)
class CodeSpec:
    """Describes the codes of an autoencoder.

    Args:
        kind: `"real"`, `"sparse"` (real, mostly zero), `"binary"` (activations in [0, 1] that
            thresholds turn into bits) or `"discrete"` (real, each unit or group of units one of a
            few values: the vectors of codebooks one after the other, or rounded levels).
        size: Number of units, whatever their kind; for a binary code the number of bits.

    Raises:
        ValueError: If `kind` is unknown or `size` is not a positive integer.

    Example:
    >>> CodeSpec("binary", 12).num_bytes
    2
    """

    kind: str
    size: int

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(
                f"`kind` must be one of {', '.join(KINDS)}. Received: kind={self.kind}"
            )
        if isinstance(self.size, bool) or not isinstance(self.size, int) or self.size < 1:
            raise ValueError(f"`code_dim` must be a positive integer. Received: {self.size!r}")

    @property
    def num_bytes(self) -> int:
        """Bytes of one stored code as it is served: packed bits, or float32 components."""
        return (self.size + 7) // 8 if self.kind == "binary" else 4 * self.size
