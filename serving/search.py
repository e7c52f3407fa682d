"""From a query to its neighbours: through the served model to a code, then into the index."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from serving.client import Client
from serving.errors import InvalidInput
from serving.index import HashIndex, Matches, Neighbors


class Search:
    """A served model and the index of its codes.

    Args:
        client: Speaks to a model that has a `hash` signature.
        index: Codes that the same model made.

    Raises:
        InvalidInput: The codes of the model do not have the length of the index's.

    Example:
        >>> search = Search(Client("localhost:8500", model="fashion"), HashIndex.open("codes"))
        >>> search.nearest(images, k=5).ids
    """

    def __init__(self, client: Client, index: HashIndex):
        self.client = client
        self.index = index
        bits = code_bits(client)
        if bits is not None and bits != index.bits and -(-bits // 8) != -(-index.bits // 8):
            raise InvalidInput(
                f"model {client.address.model} makes codes of {bits} bits;"
                f" the index holds codes of {index.bits}"
            )

    def nearest(
        self,
        queries: Any,
        k: int = 10,
        *,
        margin: bool = False,
        among: np.ndarray | None = None,
        where: Callable[[Any], bool] | None = None,
    ) -> Neighbors:
        """Returns the `k` entries nearest to each query, ties by id.

        Args:
            queries: Model inputs [n, ...].
            k: How many.
            margin: Rank by how sure the query is of each bit, as the model's `hash_query`
                tells; distances are then sums of margins instead of numbers of bits.
            among: Only entries with one of these ids.
            where: Only entries for whose payload this is true.
        """
        code, margins = self.encode(queries, margin)
        return self.index.search(code, k=k, margin=margins, among=among, where=where)

    def within(
        self,
        queries: Any,
        radius: int = 2,
        *,
        among: np.ndarray | None = None,
        where: Callable[[Any], bool] | None = None,
    ) -> Matches:
        """Returns every entry within a Hamming distance of each query, nearest first."""
        return self.index.within(self.client.hash(queries), radius=radius, among=among, where=where)

    def same_bucket(self, queries: Any) -> Matches:
        """Returns the entries whose code is the query's own."""
        return self.index.lookup(self.client.hash(queries))

    def encode(self, queries: Any, margin: bool = False) -> tuple[np.ndarray, np.ndarray | None]:
        """Returns the codes of queries, uint8 [n, bytes], and if wanted their margins.

        Margins are float32 [n, bits of the index]: zero for the bits that only pad the code,
        in which no two codes differ.

        Raises:
            SignatureNotFound: The model has no `hash_query`, which tells margins.
        """
        if not margin:
            return self.client.hash(queries), None
        code, margins = self.client.hash_query(queries)
        padding = max(0, self.index.bits - margins.shape[1])
        return code, np.pad(margins, ((0, 0), (0, padding)))


def code_bits(client: Client) -> int | None:
    """Asks a model how many bits its codes have; None when it does not tell.

    `hash_query` tells exactly; the packed code of `hash` only up to the padding.
    """
    signatures = client.metadata()
    for name, output, scale in (("hash_query", "margin", 1), ("hash", "code", 8)):
        spec = signatures[name].outputs.get(output) if name in signatures else None
        if spec and spec.shape and spec.shape[-1]:
            return spec.shape[-1] * scale
    return None


def rows_of(found: Neighbors | Matches) -> list[dict[str, list[Any]]]:
    """Lists ids and distances query by query, without the padding of short rows."""
    rows = []
    for query in range(len(found)):
        if isinstance(found, Matches):
            ids, distances = found[query].ids, found[query].distances
        else:
            real = found.ids[query] != -1
            ids, distances = found.ids[query][real], found.distances[query][real]
        rows.append({"ids": np.asarray(ids).tolist(), "distances": np.asarray(distances).tolist()})
    return rows


def hamming(index: HashIndex, code: np.ndarray, ids: list[int]) -> list[int]:
    """Counts the bits in which one code, uint8 [bytes], differs from those of entries."""
    differing = np.bitwise_count(index.codes(np.array(ids, np.int64)) ^ code)
    return differing.sum(axis=1, dtype=np.int64).tolist()
