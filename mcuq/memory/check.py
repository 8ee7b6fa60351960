"""An independent check of a memory plan: simulate the steps and watch every byte that is still needed."""

from __future__ import annotations

from mcuq.artifacts import MemoryPlan, Schedule, Step
from mcuq.errors import IllegalGraph


def _range(schedule: Schedule, plan: MemoryPlan, value: str) -> tuple[int, int]:
    location = schedule.location(value)
    start = plan.placement(location.buffer).offset_bytes + location.offset_bytes
    return start, start + schedule.graph.tensor(value).bytes


def _disjoint(a: tuple[int, int], b: tuple[int, int]) -> bool:
    return a[1] <= b[0] or b[1] <= a[0]


def _overlap_is_proved(step: Step, read: str, written: str, source: tuple[int, int], target: tuple[int, int]) -> bool:
    return any(
        overlap.input == read and overlap.output == written and target[0] + overlap.margin_bytes <= source[0]
        for overlap in step.overlaps
    )


def _needed_after(schedule: Schedule, index: int) -> set[str]:
    """The values that a later step or the user still reads."""
    needed = {name for step in schedule.steps[index + 1 :] for name in step.inputs} | set(schedule.graph.outputs)
    return needed | (set(schedule.graph.inputs) if schedule.keep_inputs else set())


def _check_step(schedule: Schedule, plan: MemoryPlan, step: Step, alive: set[str]) -> None:
    survivors = alive & _needed_after(schedule, step.index)
    targets = {name: _range(schedule, plan, name) for name in step.outputs}
    scratch = []
    if step.scratch_bytes:
        start = plan.placement(step.scratch).offset_bytes
        scratch.append((start, start + step.scratch_bytes))
    for name in survivors | set(step.inputs):
        source = _range(schedule, plan, name)
        for written, target in targets.items():
            proved = name in step.inputs and name not in survivors
            proved = proved and _overlap_is_proved(step, name, written, source, target)
            if not _disjoint(source, target) and not proved:
                raise IllegalGraph(f"step {step.index} writes {written!r} over {name!r}, which is still needed")
        if any(not _disjoint(source, used) for used in scratch):
            raise IllegalGraph(f"the scratch of step {step.index} lies over {name!r}, which is still needed")
    ranges = [*targets.values(), *scratch]
    if any(not _disjoint(a, b) for i, a in enumerate(ranges) for b in ranges[:i]):
        raise IllegalGraph(f"step {step.index} writes two things to one place")


def check_plan(schedule: Schedule, plan: MemoryPlan) -> MemoryPlan:
    """The same plan; raises IllegalGraph when a step destroys what is still needed or leaves the arena.

    It shares no code with the planners: it walks values, not buffers.
    """
    for placement in plan.placements:
        if placement.offset_bytes < 0 or placement.offset_bytes + placement.bytes > plan.arena_bytes:
            raise IllegalGraph(f"buffer {placement.buffer!r} leaves the arena")
        if placement.offset_bytes % schedule.buffer(placement.buffer).alignment_bytes:
            raise IllegalGraph(f"buffer {placement.buffer!r} is not aligned")
    inputs = [_range(schedule, plan, name) for name in schedule.graph.inputs]
    if any(not _disjoint(a, b) for i, a in enumerate(inputs) for b in inputs[:i]):
        raise IllegalGraph("two inputs lie in one place")
    alive = set(schedule.graph.inputs)
    for step in schedule.steps:
        _check_step(schedule, plan, step, alive)
        alive |= set(step.outputs)
    return plan
