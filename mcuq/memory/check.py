"""An independent check of a memory plan: simulate the steps and watch every byte that is still needed."""

from __future__ import annotations

from collections.abc import Sequence

from mcuq.artifacts import MemoryPlan, Placement, Region, Schedule, Step
from mcuq.errors import IllegalGraph
from mcuq.ir import Node
from mcuq.memory.check_stream import check_stream


def _range(schedule: Schedule, plan: MemoryPlan, value: str) -> tuple[int, int]:
    location = schedule.location(value)
    start = plan.placement(location.buffer).offset_bytes + location.offset_bytes
    return start, start + schedule.graph.tensor(value).bytes


def _disjoint(a: tuple[int, int], b: tuple[int, int]) -> bool:
    return a[1] <= b[0] or b[1] <= a[0]


def _overlap_is_proved(step: Step, read: str, written: str, source: tuple[int, int], target: tuple[int, int]) -> bool:
    return any(
        (target[0] + overlap.margin_bytes <= source[0]) or (overlap.same_start and target[0] == source[0])
        for overlap in step.overlaps
        if (overlap.input, overlap.output) == (read, written)
    )


def _free_nodes(schedule: Schedule) -> list[Node]:
    """The nodes that no step computes: their results lie where their operands were written."""
    computed = {name for step in schedule.steps for node in step.nodes for name in node.outputs}
    return [node for node in schedule.graph.nodes if not computed.intersection(node.outputs)]


def _needed_after(schedule: Schedule, index: int, free: Sequence[Node]) -> set[str]:
    """The values that a later step or the user still reads, and those that such values consist of."""
    needed = {name for step in schedule.steps[index + 1 :] for name in step.inputs} | set(schedule.graph.outputs)
    if schedule.keep_inputs:
        needed |= set(schedule.graph.inputs)
    for node in reversed(free):
        if needed.intersection(node.outputs):
            needed.update(node.inputs)
    return needed


def _check_free_node(schedule: Schedule, plan: MemoryPlan, node: Node) -> None:
    """The operands lie one behind the other and fill the result."""
    start, end = _range(schedule, plan, node.outputs[0])
    for name in node.inputs:
        source = _range(schedule, plan, name)
        if source[0] != start:
            raise IllegalGraph(f"{name!r} does not lie where {node.outputs[0]!r} expects it")
        start = source[1]
    if start != end:
        raise IllegalGraph(f"the operands of {node.outputs[0]!r} do not fill it")


def _check_step(schedule: Schedule, plan: MemoryPlan, step: Step, survivors: set[str]) -> None:
    """`survivors` are the values that were written before the step and are read after it."""
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


def _inside(placement: Placement, region: Region) -> bool:
    end = region.offset_bytes + region.bytes
    is_there = region.offset_bytes <= placement.offset_bytes and placement.offset_bytes + placement.bytes <= end
    return is_there and placement.region == region.name


def _check_regions(schedule: Schedule, plan: MemoryPlan) -> None:
    """Regions lie one behind the other, aligned, and what a streamed step reads and writes lies in one of them."""
    end = 0
    for region in plan.regions:
        if region.bytes <= 0 or region.offset_bytes < end or region.offset_bytes % max(plan.alignment_bytes, 1):
            raise IllegalGraph(f"region {region.name!r} of the arena is empty, misaligned or lies over another")
        end = region.offset_bytes + region.bytes
    if end > plan.arena_bytes:
        raise IllegalGraph("a region leaves the arena")
    for step in schedule.steps:
        if step.stream is not None and plan.regions:
            values = {schedule.location(name).buffer for name in (*step.inputs, *step.outputs)}
            if len({plan.placement(name).region for name in (*values, step.scratch)}) > 1:
                raise IllegalGraph(f"step {step.index} computes row by row in two regions of the arena")


def check_plan(schedule: Schedule, plan: MemoryPlan) -> MemoryPlan:
    """The same plan; raises IllegalGraph when a step destroys what is still needed or leaves the arena.

    It shares no code with the planners: it walks values, not buffers.
    """
    _check_regions(schedule, plan)
    for placement in plan.placements:
        if placement.offset_bytes < 0 or placement.offset_bytes + placement.bytes > plan.arena_bytes:
            raise IllegalGraph(f"buffer {placement.buffer!r} leaves the arena")
        if not any(_inside(placement, region) for region in plan.regions) and plan.regions:
            raise IllegalGraph(f"buffer {placement.buffer!r} does not lie within one region of the arena")
        if placement.offset_bytes % schedule.buffer(placement.buffer).alignment_bytes:
            raise IllegalGraph(f"buffer {placement.buffer!r} is not aligned")
    inputs = [_range(schedule, plan, name) for name in schedule.graph.inputs]
    if any(not _disjoint(a, b) for i, a in enumerate(inputs) for b in inputs[:i]):
        raise IllegalGraph("two inputs lie in one place")
    free = _free_nodes(schedule)
    for node in free:
        _check_free_node(schedule, plan, node)
    alive = set(schedule.graph.inputs)
    for step in schedule.steps:
        _check_step(schedule, plan, step, alive & _needed_after(schedule, step.index, free))
        check_stream(schedule, plan, step)
        alive |= set(step.outputs)
    return plan
