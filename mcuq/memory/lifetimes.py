"""When each buffer is in use, and which pairs of buffers may overlap although both are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mcuq.artifacts import Schedule, Step


@dataclass(frozen=True, slots=True)
class Lifetime:
    """In use from step `first` to step `last`, both included."""

    first: int
    last: int

    def meets(self, other: Lifetime) -> bool:
        """Whether there is a step at which both are in use."""
        return self.first <= other.last and other.first <= self.last


def _uses(schedule: Schedule) -> dict[str, list[int]]:
    """The steps at which each buffer is touched; inputs are written at step -1, outputs read after the last step."""
    home = {location.value: location.buffer for location in schedule.locations}
    uses: dict[str, list[int]] = {buffer.name: [] for buffer in schedule.buffers}
    for name in schedule.graph.inputs:
        uses[home[name]].append(-1)
        if schedule.keep_inputs:
            uses[home[name]].append(len(schedule.steps))
    for name in schedule.graph.outputs:
        uses[home[name]].append(len(schedule.steps))
    for step in schedule.steps:
        for name in (*step.inputs, *step.outputs):
            uses[home[name]].append(step.index)
        if step.scratch_bytes:
            uses[step.scratch].append(step.index)
    return uses


def lifetimes(schedule: Schedule) -> dict[str, Lifetime]:
    """The lifetime of every buffer; a buffer that nothing touches is left out."""
    return {name: Lifetime(min(steps), max(steps)) for name, steps in _uses(schedule).items() if steps}


@dataclass(frozen=True, slots=True)
class Relation:
    """How an output buffer may lie to the input buffer of the same step although both are in use.

    It may start at least `margin_bytes` below it; with `same_start` also exactly where it starts.
    """

    margin_bytes: int
    same_start: bool


def _joined(first: Relation | None, second: Relation) -> Relation:
    """What both relations allow."""
    if first is None:
        return second
    return Relation(max(first.margin_bytes, second.margin_bytes), first.same_start and second.same_start)


def _step_relations(schedule: Schedule, step: Step, lives: Mapping[str, Lifetime]) -> dict[tuple[str, str], Relation]:
    """For each (input buffer, output buffer) of a step that may overlap: how.

    The input buffer must die and the output buffer be born at this step, and every input value of the step that lies in
    the input buffer must allow the overlap with every output value that lies in the output buffer.
    """
    allowed = {(overlap.input, overlap.output): overlap for overlap in step.overlaps}
    relations: dict[tuple[str, str], Relation] = {}
    refused: set[tuple[str, str]] = set()
    for read in set(step.inputs):
        for written in step.outputs:
            source, target = schedule.location(read), schedule.location(written)
            pair = (source.buffer, target.buffer)
            if (
                (read, written) not in allowed
                or lives[source.buffer].last != step.index
                or lives[target.buffer].first != step.index
            ):
                refused.add(pair)
                continue
            shift = target.offset_bytes - source.offset_bytes
            overlap = allowed[read, written]
            relation = Relation(overlap.margin_bytes + shift, overlap.same_start and shift == 0)
            relations[pair] = _joined(relations.get(pair), relation)
    return {pair: relation for pair, relation in relations.items() if pair not in refused}


def overlap_relations(schedule: Schedule, lives: Mapping[str, Lifetime]) -> dict[tuple[str, str], Relation]:
    """`(input buffer, output buffer) -> relation` for every pair that may overlap."""
    relations: dict[tuple[str, str], Relation] = {}
    for step in schedule.steps:
        relations.update(_step_relations(schedule, step, lives))
    return relations
