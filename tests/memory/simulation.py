"""What a plan does to memory, byte by byte: every byte carries the mark of the value that it belongs to."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mcuq.artifacts import MemoryPlan, Overlap, Schedule, Step

Marks = npt.NDArray[np.int64]


def marks_of_values(schedule: Schedule) -> dict[str, Marks]:
    """A number for each byte of each run-time value; what a free node gives has the marks of what it reads."""
    graph = schedule.graph
    marks: dict[str, Marks] = {}
    start = 0
    computed = [name for step in schedule.steps for name in step.outputs]
    for name in (*graph.inputs, *computed):
        marks[name] = np.arange(start, start + graph.tensor(name).bytes)
        start += graph.tensor(name).bytes
    for node in graph.nodes:
        if node.outputs[0] not in marks:
            assert node.op in ("RESHAPE", "CONCATENATION")
            marks[node.outputs[0]] = np.concatenate([marks[name] for name in node.inputs])
    return marks


def extent(schedule: Schedule, plan: MemoryPlan, name: str) -> slice:
    """The bytes of the arena in which a value lies."""
    location = schedule.location(name)
    start = plan.placement(location.buffer).offset_bytes + location.offset_bytes
    return slice(start, start + schedule.graph.tensor(name).bytes)


def _meet(a: slice, b: slice) -> bool:
    return a.start < b.stop and b.start < a.stop


def _is_allowed(overlap: Overlap, source: slice, target: slice) -> bool:
    is_below = target.start + overlap.margin_bytes <= source.start
    return is_below or (overlap.same_start and target.start == source.start)


def _step_disturbs_itself(schedule: Schedule, plan: MemoryPlan, step: Step) -> bool:
    """Whether the step writes over what it still reads: only overlaps that the kernel allows are harmless."""
    overlaps = {(o.input, o.output): o for o in step.overlaps}
    (written,) = step.outputs
    target = extent(schedule, plan, written)
    reads = {name: extent(schedule, plan, name) for name in step.inputs}
    for name, source in reads.items():
        overlap = overlaps.get((name, written))
        if _meet(source, target) and (overlap is None or not _is_allowed(overlap, source, target)):
            return True
    if not step.scratch_bytes:
        return False
    start = plan.placement(step.scratch).offset_bytes
    return any(_meet(slice(start, start + step.scratch_bytes), other) for other in (target, *reads.values()))


def is_harmless(schedule: Schedule, plan: MemoryPlan) -> bool:
    """Whether every step reads what it must, and outputs (and kept inputs) are whole at the end."""
    graph, marks = schedule.graph, marks_of_values(schedule)
    memory = np.full(plan.arena_bytes, -1, np.int64)

    def holds(name: str) -> bool:
        return np.array_equal(memory[extent(schedule, plan, name)], marks[name])

    for name in graph.inputs:
        memory[extent(schedule, plan, name)] = marks[name]
    if not all(map(holds, graph.inputs)):
        return False
    for step in schedule.steps:
        if not all(map(holds, step.inputs)) or _step_disturbs_itself(schedule, plan, step):
            return False
        if step.scratch_bytes:
            start = plan.placement(step.scratch).offset_bytes
            memory[start : start + step.scratch_bytes] = -1
        for name in step.outputs:
            memory[extent(schedule, plan, name)] = marks[name]
    return all(map(holds, (*graph.outputs, *(graph.inputs if schedule.keep_inputs else ()))))
