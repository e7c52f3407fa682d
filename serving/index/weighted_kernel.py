"""Compiled query-directed flipping: the least certain bits are flipped first, and exactly.

In each table, flips of the query's bits are tried in the order of what they weigh (the sum of
their absolute margins). A row not met yet differs, in each table's bits, by at least as much
as that table's next flips weigh; so by at least their sum over all tables. When the k-th best
is nearer, the search ends. See `serving.index.kernels` for the arguments' shapes.
"""

from __future__ import annotations

import numpy as np

from serving.index.kernels import ROWS, _bucket, _collect, compiled

FLIPS = 4096  # tried in one table before giving up


@compiled
def _before(cost, row, other_cost, other_row):  # type: ignore[no-untyped-def]
    return cost < other_cost or (cost == other_cost and row < other_row)


@compiled
def _push_best(costs, rows, count, cost, row):  # type: ignore[no-untyped-def]
    """Puts a row into a heap of the nearest rows, farthest on top; returns the new count."""
    if count < len(costs):
        at = count
        while at > 0:
            parent = (at - 1) // 2
            if not _before(costs[parent], rows[parent], cost, row):
                break
            costs[at], rows[at] = costs[parent], rows[parent]
            at = parent
        costs[at], rows[at] = cost, row
        return count + 1
    at = 0
    while True:
        child = 2 * at + 1
        if child >= count:
            break
        if child + 1 < count and _before(
            costs[child], rows[child], costs[child + 1], rows[child + 1]
        ):
            child += 1
        if not _before(cost, row, costs[child], rows[child]):
            break
        costs[at], rows[at] = costs[child], rows[child]
        at = child
    costs[at], rows[at] = cost, row
    return count


@compiled
def _push_flip(costs, masks, lasts, count, cost, mask, last):  # type: ignore[no-untyped-def]
    """Puts flips into a heap, cheapest on top."""
    at = count
    while at > 0 and costs[(at - 1) // 2] > cost:
        parent = (at - 1) // 2
        costs[at], masks[at], lasts[at] = costs[parent], masks[parent], lasts[parent]
        at = parent
    costs[at], masks[at], lasts[at] = cost, mask, last


@compiled
def _pop_flip(costs, masks, lasts, count):  # type: ignore[no-untyped-def]
    """Takes the cheapest flips off a heap; `count` is the number left."""
    cost, mask, last = costs[count], masks[count], lasts[count]
    at = 0
    while True:
        child = 2 * at + 1
        if child >= count:
            break
        if child + 1 < count and costs[child + 1] < costs[child]:
            child += 1
        if costs[child] >= cost:
            break
        costs[at], masks[at], lasts[at] = costs[child], masks[child], lasts[child]
        at = child
    costs[at], masks[at], lasts[at] = cost, mask, last


@compiled
def nearest_weighted(  # type: ignore[no-untyped-def]
    words, perm, offsets, layout, dead, queries, weights, table_of_bytes, bounds, budget, slack,
    costs, rows, report,
):  # fmt: skip
    """The k nearest rows of each query by the weight of the bits in which they differ.

    Args: see `serving.index.kernels` and `serving.index.weights.Weights`; bounds: float64
    [queries]; costs, rows: float64 and int64 [queries, k], filled with heaps in no order.
    """
    tables = len(layout)
    size = words.itemsize
    word_bits = 8 * size
    k = costs.shape[1]
    longest = layout[:, 3].max()
    # Each table's bits in the order of their weights, and a heap of flips yet to be tried.
    weight, bit = np.empty((tables, longest)), np.empty((tables, longest), np.int64)
    room = min(FLIPS, 1 << longest) + 2
    flip_costs = np.empty((tables, room))
    flip_masks = np.empty((tables, room), np.int64)
    flip_lasts = np.empty((tables, room), np.int64)
    waiting, tried = np.empty(tables, np.int64), np.empty(tables, np.int64)
    starts, stops = np.empty(1, np.int64), np.empty(1, np.int64)
    block, block_costs = np.empty(ROWS, np.int64), np.empty(ROWS)
    query = np.empty(len(words), words.dtype)
    for number in range(queries.shape[1]):
        query[:] = queries[:, number]
        bytes_table = table_of_bytes[number]
        for table in range(tables):
            length = layout[table, 3]
            first = layout[table, 1] * word_bits + word_bits - 1 - layout[table, 2]
            own = weights[number, first - length + 1 : first + 1][::-1].copy()
            order = np.argsort(own)
            for i in range(length):
                weight[table, i], bit[table, i] = own[order[i]], order[i]
            flip_costs[table, 0], flip_masks[table, 0], flip_lasts[table, 0] = 0.0, 0, -1
            waiting[table], tried[table] = 1, 0
        count, probes, candidates = 0, 0, 0
        within_budget = True
        while True:
            # The table whose next flips are cheapest, and what any row not met weighs at least.
            table, least = -1, 0.0
            for other in range(tables):
                if waiting[other] == 0:  # every row was met in this table
                    table = -1
                    break
                least += flip_costs[other, 0]
                if table < 0 or flip_costs[other, 0] < flip_costs[table, 0]:
                    table = other
            limit = costs[number, 0] if count == k else bounds[number]
            if table < 0 or least * (1 - slack) > limit:
                break
            spent = budget[0] * probes * 3 + budget[1] * candidates
            if tried[table] == FLIPS or spent > budget[2]:
                within_budget = False
                break
            mask, last = flip_masks[table, 0], flip_lasts[table, 0]
            cost, length = flip_costs[table, 0], layout[table, 3]
            waiting[table] -= 1
            tried[table] += 1
            heap = flip_costs[table], flip_masks[table], flip_lasts[table]
            _pop_flip(heap[0], heap[1], heap[2], waiting[table])
            if last + 1 < length:
                heavier = weight[table, last + 1]
                added = mask | (1 << bit[table, last + 1])
                _push_flip(
                    heap[0], heap[1], heap[2], waiting[table], cost + heavier, added, last + 1
                )
                waiting[table] += 1
                if last >= 0:
                    swapped = added ^ (1 << bit[table, last])
                    cost += heavier - weight[table, last]
                    _push_flip(heap[0], heap[1], heap[2], waiting[table], cost, swapped, last + 1)
                    waiting[table] += 1
            bucket = layout[table, 0] + np.int64(_bucket(query, layout, table) ^ np.uint64(mask))
            starts[0], stops[0] = offsets[bucket], offsets[bucket + 1]
            probes += 1
            buckets = 1
            while buckets > 0:
                found, buckets = _collect(perm[table], starts, stops, 1, block)
                candidates += found
                block_costs[:found] = 0.0
                for word in range(len(words)):
                    for i in range(found):
                        differing = np.uint64(words[word, block[i]]) ^ np.uint64(query[word])
                        for byte in range(size):
                            shift = np.uint64(8 * (size - 1 - byte))
                            value = (differing >> shift) & np.uint64(255)
                            block_costs[i] += bytes_table[word * size + byte, value]
                for i in range(found):
                    row, total = block[i], block_costs[i]
                    if total > bounds[number] or (len(dead) and dead[row]):
                        continue
                    if count == k and not _before(total, row, costs[number, 0], rows[number, 0]):
                        continue
                    known = False
                    for j in range(count):
                        known |= rows[number, j] == row
                    if not known:
                        count = _push_best(costs[number], rows[number], count, total, row)
        report[number, 0] = count if within_budget else -1 - count
        report[number, 1] = tried.max()
        report[number, 2] = probes
        report[number, 3] = candidates
