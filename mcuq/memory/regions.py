"""Which buffers go into fast memory: those with most traffic for their bytes, as far as they fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mcuq.artifacts import Schedule
from mcuq.memory.greedy import arena_bytes, quick_placement
from mcuq.memory.problem import Problem, lower_bound_bytes

CHANNELS_AT_A_TIME = 4  # kernels use what they read of an activation for about so many output channels
MAX_TRIALS = 300  # sets of buffers that are looked at

Group = frozenset[str]


def traffic_bytes(schedule: Schedule) -> dict[str, int]:
    """Bytes that one inference is estimated to move to and from each buffer.

    Every value is read or written once in each step that uses it, and the multiply-accumulates of a step read its
    scratch, or its largest operand where it has none, again and again.
    """
    home = {location.value: location.buffer for location in schedule.locations}
    found = {buffer.name: 0 for buffer in schedule.buffers}
    for step in schedule.steps:
        for name in (*step.inputs, *step.outputs):
            found[home[name]] += schedule.graph.tensor(name).bytes
        if not step.inputs:
            continue
        largest = max(step.inputs, key=lambda name: schedule.graph.tensor(name).bytes)
        tensor = schedule.graph.tensor(largest)
        inner = step.macs * tensor.bytes // max(tensor.elements, 1) // CHANNELS_AT_A_TIME
        found[step.scratch if step.scratch_bytes else home[largest]] += inner
        if step.scratch_bytes:
            found[step.scratch] += step.scratch_bytes
    return found


def groups_of(schedule: Schedule, problem: Problem) -> tuple[Group, ...]:
    """Buffers that must lie in one region: those of a streamed step; all others stand alone."""
    groups = [frozenset((block.name,)) for block in problem.blocks]
    for step in schedule.steps:
        if step.stream is None:
            continue
        names = {schedule.location(name).buffer for name in (*step.inputs, *step.outputs)} | {step.scratch}
        joined = frozenset[str]().union(*(group for group in groups if group & names))
        groups = [*(group for group in groups if not group & names), joined]
    return tuple(groups)


def part_of(problem: Problem, names: frozenset[str]) -> Problem:
    """The problem of these buffers alone."""
    blocks = tuple(block for block in problem.blocks if block.name in names)
    return Problem(blocks, {pair: r for pair, r in problem.relations.items() if names.issuperset(pair)})


def height_bytes(problem: Problem, names: frozenset[str], limit_bytes: int) -> int:
    """What these buffers take by a quick placement; only the bound where that is beyond the limit anyway."""
    part = part_of(problem, names)
    bound = lower_bound_bytes(part)
    if not part.blocks or bound > limit_bytes:
        return bound
    return arena_bytes(part, quick_placement(part, limit_bytes)[1])


class _Knapsack:
    """Sets of groups by traffic: depth first, the densest group first, what cannot beat the best left out."""

    def __init__(self, problem: Problem, groups: Sequence[Group], traffic: Mapping[str, int], room_bytes: int) -> None:
        self.problem, self.room_bytes, self.trials = problem, room_bytes, 0
        size = {block.name: block.bytes for block in problem.blocks}
        worth = {group: sum(traffic[name] for name in group) for group in groups}
        key = {group: (worth[group] / sum(size[name] for name in group), sorted(group)) for group in groups}
        self.groups = sorted(groups, key=lambda group: (-key[group][0], key[group][1]))
        self.worth = [worth[group] for group in self.groups]
        self.best: frozenset[str] = frozenset()
        self.best_worth = -1

    def run(self, index: int = 0, taken: frozenset[str] = frozenset(), worth: int = 0) -> None:
        if worth > self.best_worth:
            self.best, self.best_worth = taken, worth
        if index == len(self.groups) or worth + sum(self.worth[index:]) <= self.best_worth:
            return
        if self.trials < MAX_TRIALS:
            self.trials += 1
            more = taken | self.groups[index]
            if height_bytes(self.problem, more, self.room_bytes) <= self.room_bytes:
                self.run(index + 1, more, worth + self.worth[index])
            self.run(index + 1, taken, worth)


def fast_buffers(
    schedule: Schedule, problem: Problem, fast_bytes: int, slow_bytes: int | None = None
) -> frozenset[str]:
    """The buffers for the fast region.

    They fit into `fast_bytes` and carry the most traffic that was found; where the rest would not fit into
    `slow_bytes`, what leaves least too many bytes there is taken in their place.
    """
    groups, traffic = groups_of(schedule, problem), traffic_bytes(schedule)
    search = _Knapsack(problem, groups, traffic, fast_bytes)
    search.run()
    if slow_bytes is None:
        return search.best
    everything = frozenset(block.name for block in problem.blocks)
    size = {block.name: block.bytes for block in problem.blocks}
    by_size = _Knapsack(problem, groups, size, fast_bytes)
    by_size.groups.sort(key=lambda group: (-sum(size[name] for name in group), sorted(group)))
    by_size.worth = [sum(size[name] for name in group) for group in by_size.groups]
    by_size.run()

    def beyond(taken: frozenset[str]) -> int:
        return max(0, height_bytes(problem, everything - taken, slow_bytes) - slow_bytes)

    return min((search.best, by_size.best), key=beyond)
