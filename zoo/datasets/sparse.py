"""`SparseRows`: rows of counts, nearly all 0, that are stored without the zeros."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse


class SparseRows:
    """A matrix that gives dense float32 rows where it is indexed, and only those.

    So code that takes rows of an array some at a time works on it as it is; `take` chooses rows
    that stay sparse.

    Args:
        matrix: SciPy's CSR matrix or array `[n, columns]`.

    Example:
    >>> SparseRows(scipy.sparse.csr_array(np.eye(3)))[1:]
    array([[0., 1., 0.],
           [0., 0., 1.]], dtype=float32)
    """

    dtype = np.dtype("float32")
    ndim = 2

    def __init__(self, matrix: Any):
        self.matrix = scipy.sparse.csr_array(matrix, dtype="float32")

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> SparseRows:
        """Counts from the arrays `data`, `indices`, `indptr` and `shape` of a CSR matrix.

        Raises:
            ValueError: If the arrays do not fit together, or counts are negative or not finite.
        """
        names = ("data", "indices", "indptr")
        data, indices, indptr = (np.asarray(arrays[name]).ravel() for name in names)
        rows, columns = (int(size) for size in np.ravel(arrays["shape"]))
        if (
            len(indptr) != rows + 1
            or len(data) != len(indices)
            or indptr[0] != 0
            or indptr[-1] != len(data)
            or (np.diff(indptr.astype("int64")) < 0).any()
            or (len(indices) and not 0 <= int(indices.min()) <= int(indices.max()) < columns)
        ):
            raise ValueError(
                f"data, indices, indptr and shape are not those of a CSR matrix. Received: "
                f"{len(data)} data, {len(indices)} indices, {len(indptr)} indptr, "
                f"shape={(rows, columns)}"
            )
        if not np.isfinite(data).all() or (data < 0).any():
            raise ValueError("Counts must be finite and not negative.")
        indices = indices.astype("int32")
        return cls(scipy.sparse.csr_array((data, indices, indptr.astype("int64")), (rows, columns)))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.matrix.shape

    @property
    def nbytes(self) -> int:
        """Bytes of what is stored."""
        return sum(array.nbytes for array in self.arrays().values())

    def __len__(self) -> int:
        return self.matrix.shape[0]

    def __getitem__(self, rows: Any) -> np.ndarray:
        return self.matrix[rows].toarray()

    def take(self, rows: np.ndarray, axis: int = 0) -> SparseRows:
        """Some rows, sparse; the arguments are those of NumPy's `take`."""
        return SparseRows(self.matrix[rows])

    def joined(self, other: SparseRows) -> SparseRows:
        """These rows and then those."""
        return SparseRows(scipy.sparse.vstack([self.matrix, other.matrix], format="csr"))

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays of the CSR matrix, as `from_arrays` takes them."""
        return {
            "data": self.matrix.data,
            "indices": self.matrix.indices,
            "indptr": self.matrix.indptr,
            "shape": np.array(self.shape),
        }
