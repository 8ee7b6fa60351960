"""Greedy placement: blocks in a given order, each at the lowest offset that is still free."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

from mcuq.memory.problem import Block, Problem

SEARCH_ROUNDS = 300
SEED = 20240229


def _align(offset: int, alignment: int) -> int:
    return -(-offset // alignment) * alignment


def lowest_offset(problem: Problem, block: Block, placed: Sequence[tuple[Block, int]]) -> int:
    """The lowest aligned offset at which `block` disturbs none of those already placed."""
    intervals = [interval for other, offset in placed for interval in problem.forbidden(block, other, offset)]
    candidate = 0
    for low, high in sorted(intervals):
        if low < candidate < high:
            candidate = _align(high, block.alignment_bytes)
    # A later interval may start below an earlier one's end, so look again until nothing moves.
    while any(low < candidate < high for low, high in intervals):
        candidate = _align(min(high for low, high in intervals if low < candidate < high), block.alignment_bytes)
    return candidate


def place(problem: Problem, order: Sequence[Block]) -> dict[str, int]:
    """Offsets of all blocks, placed in that order."""
    placed: list[tuple[Block, int]] = []
    for block in order:
        placed.append((block, lowest_offset(problem, block, placed)))
    return {block.name: offset for block, offset in placed}


def arena_bytes(problem: Problem, offsets: dict[str, int]) -> int:
    """The end of the highest block."""
    return max((offsets[block.name] + block.bytes for block in problem.blocks), default=0)


def _orders(problem: Problem) -> Iterator[tuple[str, list[Block]]]:
    keys: dict[str, Callable[[Block], tuple[int, ...]]] = {
        "by size": lambda b: (-b.bytes, b.life.first),
        "by area": lambda b: (-b.bytes * (b.life.last - b.life.first + 1), b.life.first),
        "by lifetime": lambda b: (-(b.life.last - b.life.first), -b.bytes),
        "by execution": lambda b: (b.life.first, -b.bytes),
        "by end": lambda b: (-b.life.last, -b.bytes),
    }
    for name, key in keys.items():
        yield name, sorted(problem.blocks, key=key)


def quick_placement(problem: Problem) -> tuple[str, dict[str, int]]:
    """`(how, offsets)`: the best of several orders."""
    results = [(name, place(problem, order)) for name, order in _orders(problem)]
    return min(results, key=lambda result: arena_bytes(problem, result[1]))


def best_placement(problem: Problem, target_bytes: int) -> tuple[str, dict[str, int]]:
    """`(how, offsets)`: the best of several orders, then of seeded swaps of the best order, until `target_bytes`."""
    results = [(name, order, place(problem, order)) for name, order in _orders(problem)]
    name, order, offsets = min(results, key=lambda result: arena_bytes(problem, result[2]))
    best = arena_bytes(problem, offsets)
    generator = random.Random(SEED)
    for _ in range(SEARCH_ROUNDS if len(order) > 2 else 0):
        if best <= target_bytes:
            break
        trial = list(order)
        i, j = generator.sample(range(len(trial)), 2)
        trial.insert(j, trial.pop(i))
        found = place(problem, trial)
        size = arena_bytes(problem, found)
        if size <= best:
            name = "by search" if size < best else name
            best, order, offsets = size, trial, found
    return name, offsets
