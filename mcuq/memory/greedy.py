"""Placement in a given order, each block at the lowest offset that is still free, and a search for the best order.

Every placement that cannot be improved by sliding blocks down is that of some order: the one by offsets.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mcuq.memory.problem import Block, Problem

SEARCH_ROUNDS = 1000
QUICK_ROUNDS = 100
SEED = 20240229


def _align(offset: int, alignment: int) -> int:
    return -(-offset // alignment) * alignment


@dataclass(frozen=True, slots=True)
class _Neighbour:
    """Another block that is alive with this one: where this one may not start, relative to the other's offset.

    The open interval from `low` to `high`, but for `low` < 0 < `high` with 0 itself allowed where `same_start`.
    """

    index: int
    low: int
    high: int
    same_start: bool


def neighbours_of(problem: Problem) -> tuple[tuple[_Neighbour, ...], ...]:
    """For each block what limits it."""
    found = []
    for block in problem.blocks:
        row = []
        for index, other in enumerate(problem.blocks):
            intervals = problem.forbidden(block, other, 0) if other is not block else ()
            if intervals:
                row.append(_Neighbour(index, intervals[0][0], intervals[-1][1], len(intervals) > 1))
        found.append(tuple(row))
    return tuple(found)


def lowest_offset(block: Block, limits: Sequence[_Neighbour], offsets: Sequence[int | None]) -> int:
    """The lowest aligned offset at which the block disturbs none of those that have an offset already."""
    near = [(offsets[limit.index], limit) for limit in limits]
    placed = [(offset, limit) for offset, limit in near if offset is not None]
    candidate, moved = 0, True
    while moved:
        moved = False
        for offset, limit in placed:
            at = candidate - offset
            if limit.low < at < limit.high and not (limit.same_start and at == 0):
                onward = offset if limit.same_start and at < 0 else offset + limit.high
                candidate, moved = _align(onward, block.alignment_bytes), True
    return candidate


class Placer:
    """Places the blocks of one problem in orders of their indices."""

    def __init__(self, problem: Problem) -> None:
        self.blocks = problem.blocks
        self.neighbours = neighbours_of(problem)

    def place(self, order: Sequence[int]) -> list[int]:
        """The offset of each block, by index."""
        offsets: list[int | None] = [None] * len(self.blocks)
        for index in order:
            offsets[index] = lowest_offset(self.blocks[index], self.neighbours[index], offsets)
        return [offset for offset in offsets if offset is not None]

    def end(self, offsets: Sequence[int]) -> int:
        """The end of the highest block."""
        return max((offset + block.bytes for offset, block in zip(offsets, self.blocks, strict=True)), default=0)

    def named(self, offsets: Sequence[int]) -> dict[str, int]:
        """The offsets by the blocks' names."""
        return {block.name: offset for block, offset in zip(self.blocks, offsets, strict=True)}


def arena_bytes(problem: Problem, offsets: dict[str, int]) -> int:
    """The end of the highest block."""
    return max((offsets[block.name] + block.bytes for block in problem.blocks), default=0)


def _orders(problem: Problem) -> Iterator[tuple[str, list[int]]]:
    keys: dict[str, Callable[[Block], tuple[int, ...]]] = {
        "by size": lambda b: (-b.bytes, b.life.first),
        "by area": lambda b: (-b.bytes * (b.life.last - b.life.first + 1), b.life.first),
        "by lifetime": lambda b: (-(b.life.last - b.life.first), -b.bytes),
        "by execution": lambda b: (b.life.first, -b.bytes),
        "by end": lambda b: (-b.life.last, -b.bytes),
        "backwards": lambda b: (-b.life.first, -b.bytes),
    }
    for name, key in keys.items():
        yield name, sorted(range(len(problem.blocks)), key=lambda index: key(problem.blocks[index]))


def _critical(placer: Placer, offsets: Sequence[int], end: int) -> list[int]:
    """The highest block, what it rests on, what that rests on, and so on."""
    top = next(i for i, block in enumerate(placer.blocks) if offsets[i] + block.bytes == end)
    found, waiting = [top], [top]
    while waiting:
        index = waiting.pop()
        for limit in placer.neighbours[index]:
            touches = 0 <= offsets[limit.index] + limit.high - offsets[index] < 8
            if touches and limit.index not in found:
                found.append(limit.index)
                waiting.append(limit.index)
    return found


def _searched(
    placer: Placer, order: Sequence[int], offsets: list[int], target_bytes: int, rounds: int
) -> tuple[list[int], bool]:
    """The best placement after that many moves of blocks that matter within the order, and whether it is better."""
    generator = random.Random(SEED)
    best, start, current = placer.end(offsets), placer.end(offsets), list(order)
    critical = _critical(placer, offsets, best)
    for _ in range(rounds if len(order) > 2 else 0):
        if best <= target_bytes:
            break
        trial = list(current)
        moving = generator.choice(critical) if generator.random() < 0.8 else generator.choice(trial)
        trial.remove(moving)
        trial.insert(generator.randrange(len(trial) + 1), moving)
        found = placer.place(trial)
        size = placer.end(found)
        if size <= best:
            best, current, offsets = size, trial, found
            critical = _critical(placer, offsets, best)
    return offsets, best < start


def searched_placement(problem: Problem, target_bytes: int, rounds: int) -> tuple[str, dict[str, int]]:
    """`(how, offsets)`: the best of several orders, then of seeded moves in the two best, until `target_bytes`."""
    placer = Placer(problem)
    results = [(name, order, placer.place(order)) for name, order in _orders(problem)]
    results.sort(key=lambda result: placer.end(result[2]))
    name, _, best = results[0]
    for _, order, offsets in results[:2]:
        found, is_new = _searched(placer, order, offsets, target_bytes, rounds)
        if is_new and placer.end(found) < placer.end(best):
            name, best = "by search", found
    return name, placer.named(best)


def quick_placement(problem: Problem, target_bytes: int) -> tuple[str, dict[str, int]]:
    """`(how, offsets)` after a short search, for comparing many schedules."""
    return searched_placement(problem, target_bytes, QUICK_ROUNDS)


def best_placement(problem: Problem, target_bytes: int) -> tuple[str, dict[str, int]]:
    """`(how, offsets)` after a long search."""
    return searched_placement(problem, target_bytes, SEARCH_ROUNDS)
