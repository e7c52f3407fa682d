"""Compiled inner loops: tables of a segment are filled and probed here, one function a task.

Numba compiles these at their first use (a few seconds, kept on disk for later processes) and
runs them without Python's global lock. Arguments shared by the searches:

- words: codes, [words, n]; query: [words], or queries [words, queries].
- perm: uint32 [tables, n], rows in the order of each table's buckets, ascending in a bucket.
- offsets: uint32, all tables' bucket boundaries; table t begins at `layout[t, 0]`.
- layout: int64 [tables, 4]: where its offsets begin; then which bits: word, shift, length.
- dead: bool [n], or empty if no row was removed.
- budget: float64 [3], cost of a probe, cost of a candidate, and how much a query may cost.
- keys: an entry as one number, distance << 32 | row: sorts nearest first, ties by row.
- report: int64 [queries, 4], filled with: entries found (-1 - found if the budget ended the
  search early), the largest radius in a table, probes, candidates.

The searches are multi-index hashing (Norouzi, Punjani, Fleet, "Fast search in Hamming space
with multi-index hashing", 2012): with t of m tables probed at radius r and the others at
r - 1, a row that was not met yet differs from the query in at least m * r + t bits.
"""

from __future__ import annotations

import numba
import numpy as np
from numba.extending import intrinsic

BUCKETS, ROWS = 256, 512  # a block of probes and of candidates: small enough for the L1 cache


@intrinsic
def popcount(typing_context, value):  # type: ignore[no-untyped-def]
    """Number of ones, as one machine instruction."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.ctpop(arguments[0])

    return value(value), generate


try:
    compiled = numba.njit(nogil=True, cache=True)
    compiled(lambda: None)
except RuntimeError:  # nowhere to keep compiled code: compile anew in each process
    compiled = numba.njit(nogil=True)


@compiled
def fill_table(words, shift, length, offsets, perm):  # type: ignore[no-untyped-def]
    """Counting sort of rows by `length` bits of one word."""
    mask = np.uint64((1 << length) - 1)
    by = np.uint64(shift)
    for row in range(len(words)):
        offsets[((np.uint64(words[row]) >> by) & mask) + np.uint64(1)] += np.uint32(1)
    for bucket in range(1 << length):
        offsets[bucket + 1] += offsets[bucket]
    place = offsets[:-1].copy()
    for row in range(len(words)):
        bucket = (np.uint64(words[row]) >> by) & mask
        perm[place[bucket]] = row
        place[bucket] += np.uint32(1)


@compiled
def push(heap, count, key):  # type: ignore[no-untyped-def]
    """Puts a key into a heap of the smallest keys, largest on top; returns the new count."""
    if count < len(heap):
        at = count
        while at > 0 and heap[(at - 1) // 2] < key:
            heap[at] = heap[(at - 1) // 2]
            at = (at - 1) // 2
        heap[at] = key
        return count + 1
    at = 0
    while True:
        child = 2 * at + 1
        if child >= count:
            break
        if child + 1 < count and heap[child + 1] > heap[child]:
            child += 1
        if heap[child] <= key:
            break
        heap[at] = heap[child]
        at = child
    heap[at] = key
    return count


@compiled
def _step_cost(budget, n, length, radius):  # type: ignore[no-untyped-def]
    """Expected cost of one table at one radius."""
    flips = 1.0
    for i in range(radius):
        flips = flips * (length - i) / (i + 1)
    return budget[0] * flips + budget[1] * flips * n / (1 << length)


@compiled
def _bucket(query, layout, table):  # type: ignore[no-untyped-def]
    """The query's own bucket in a table."""
    mask = np.uint64((1 << layout[table, 3]) - 1)
    return (np.uint64(query[layout[table, 1]]) >> np.uint64(layout[table, 2])) & mask


@compiled
def _probe(offsets, base, own, flip, last, starts, stops):  # type: ignore[no-untyped-def]
    """Bucket bounds for the next flips of a radius: (probes made, next flip or 0 at the end)."""
    probes = 0
    while probes < len(starts):
        bucket = base + np.int64(own ^ np.uint64(flip))
        starts[probes] = offsets[bucket]
        stops[probes] = offsets[bucket + 1]
        probes += 1
        if flip == last:
            return probes, 0
        # Gosper's hack: the next number with as many ones.
        low = flip & -flip
        ripple = flip + low
        flip = (((flip ^ ripple) >> 2) // low) | ripple
    return probes, flip


@compiled
def _collect(perm, starts, stops, probes, rows):  # type: ignore[no-untyped-def]
    """Copies rows of buckets until `rows` is full: (rows copied, buckets left at the front).

    Buckets are taken from the end; what was taken of the last one is cut off its end.
    """
    count = 0
    while probes > 0:
        start, stop = np.int64(starts[probes - 1]), np.int64(stops[probes - 1])
        take = min(stop - start, len(rows) - count)
        for place in range(stop - take, stop):
            rows[count] = perm[place]
            count += 1
        if take < stop - start:
            stops[probes - 1] = stop - take
            break
        probes -= 1
    return count, probes


@compiled
def _measure(words, query, rows, count, distances):  # type: ignore[no-untyped-def]
    """Distances of rows to the query, without a branch: the memory accesses overlap."""
    first = np.uint64(query[0])
    for i in range(count):
        distances[i] = popcount(np.uint64(words[0, rows[i]]) ^ first)
    for word in range(1, len(words)):
        other = np.uint64(query[word])
        for i in range(count):
            distances[i] += popcount(np.uint64(words[word, rows[i]]) ^ other)


@compiled
def _seen_before(words, row, query, layout, table, radius):  # type: ignore[no-untyped-def]
    """Whether an earlier probe, of any table, met this row already."""
    for other in range(len(layout)):
        word, shift, length = layout[other, 1], layout[other, 2], layout[other, 3]
        differing = np.uint64(words[word, row]) ^ np.uint64(query[word])
        mask = np.uint64((1 << length) - 1)
        distance = np.int64(popcount((differing >> np.uint64(shift)) & mask))
        if distance < radius or (distance == radius and other < table):
            return True
    return False


@compiled
def nearest(words, perm, offsets, layout, dead, queries, bounds, budget, keys, report):  # type: ignore[no-untyped-def]
    """The k nearest rows of each query.

    Args: see the module; bounds: int64 [queries], farther rows are not wanted; keys: uint64
    [queries, k], filled with heaps in no order.
    """
    tables, n = perm.shape
    k = keys.shape[1]
    starts, stops = np.empty(BUCKETS, np.int64), np.empty(BUCKETS, np.int64)
    rows, distances = np.empty(ROWS, np.int64), np.empty(ROWS, np.uint64)
    query = np.empty(len(words), words.dtype)
    for number in range(queries.shape[1]):
        query[:] = queries[:, number]
        heap = keys[number]
        count, probes, candidates, radius, table, cost = 0, 0, 0, 0, 0, 0.0
        within_budget = True
        limit = np.uint64(0)  # keys below it are wanted
        if bounds[number] >= 0:
            limit = (np.uint64(bounds[number] + 1) << np.uint64(32)) - np.uint64(1)
        while limit > 0:
            length = layout[table, 3]
            if np.int64(limit >> np.uint64(32)) < tables * radius + table or radius > length:
                break
            if cost + _step_cost(budget, n, length, radius) > budget[2]:
                within_budget = False
                break
            own = _bucket(query, layout, table)
            flip = (1 << radius) - 1
            last = flip << (length - radius)
            more = True
            while more:
                buckets, flip = _probe(offsets, layout[table, 0], own, flip, last, starts, stops)
                more = flip != 0
                probes += buckets
                while buckets > 0:
                    found, buckets = _collect(perm[table], starts, stops, buckets, rows)
                    _measure(words, query, rows, found, distances)
                    candidates += found
                    for i in range(found):
                        key = (distances[i] << np.uint64(32)) | np.uint64(rows[i])
                        if key >= limit or (len(dead) and dead[rows[i]]):
                            continue
                        if _seen_before(words, rows[i], query, layout, table, radius):
                            continue
                        count = push(heap, count, key)
                        if count == k:
                            limit = min(limit, heap[0])
            cost = budget[0] * probes + budget[1] * candidates
            table += 1
            if table == tables:
                table, radius = 0, radius + 1
        report[number, 0] = count if within_budget else -1 - count
        report[number, 1] = radius
        report[number, 2] = probes
        report[number, 3] = candidates


@compiled
def within(words, perm, offsets, layout, dead, queries, radii, budget, keys, report):  # type: ignore[no-untyped-def]
    """Every row within each query's radius.

    Args: see the module; radii: int64 [queries]; keys: uint64 [capacity], filled with the
    queries' keys one after the other in no order. Where they are more than the capacity, the
    report's counts say how many there would be.
    """
    tables, n = perm.shape
    starts, stops = np.empty(BUCKETS, np.int64), np.empty(BUCKETS, np.int64)
    rows, distances = np.empty(ROWS, np.int64), np.empty(ROWS, np.uint64)
    query = np.empty(len(words), words.dtype)
    total = 0
    for number in range(queries.shape[1]):
        query[:] = queries[:, number]
        before, probes, candidates, radius, table = total, 0, 0, 0, 0
        expected = 0.0
        for step in range(radii[number] + 1):
            length = layout[step % tables, 3]
            if step // tables > length or expected > budget[2]:
                break
            expected += _step_cost(budget, n, length, step // tables)
        within_budget = expected <= budget[2]
        while (
            within_budget
            and radii[number] >= tables * radius + table
            and radius <= layout[table, 3]
        ):
            length = layout[table, 3]
            own = _bucket(query, layout, table)
            flip = (1 << radius) - 1
            last = flip << (length - radius)
            more = True
            while more:
                buckets, flip = _probe(offsets, layout[table, 0], own, flip, last, starts, stops)
                more = flip != 0
                probes += buckets
                while buckets > 0:
                    found, buckets = _collect(perm[table], starts, stops, buckets, rows)
                    _measure(words, query, rows, found, distances)
                    candidates += found
                    for i in range(found):
                        if distances[i] > np.uint64(radii[number]):
                            continue
                        if len(dead) and dead[rows[i]]:
                            continue
                        if _seen_before(words, rows[i], query, layout, table, radius):
                            continue
                        if total < len(keys):
                            keys[total] = (distances[i] << np.uint64(32)) | np.uint64(rows[i])
                        total += 1
            if budget[0] * probes + budget[1] * candidates > budget[2]:
                within_budget = False
            table += 1
            if table == tables:
                table, radius = 0, radius + 1
        if not within_budget:
            total = before
        report[number, 0] = total - before if within_budget else -1
        report[number, 1] = radius
        report[number, 2] = probes
        report[number, 3] = candidates
