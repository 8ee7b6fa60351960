"""Streamed steps in memory: the checker walks their rows, and the planner lays their output over consumed rows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mcuq.artifacts import Schedule, Step, Stream
from mcuq.errors import IllegalGraph
from mcuq.memory import check_plan, plan_memory
from mcuq.schedule.choose import streamed_schedules
from tests.chains import chain_network

SEEDS = range(40)
NO_FEATURES: frozenset[str] = frozenset()


def streamed_step(planned: Schedule) -> tuple[Step, Stream]:
    """The one streamed step and its inside."""
    step = next(step for step in planned.steps if step.stream is not None)
    assert step.stream is not None
    return step, step.stream


def with_step(planned: Schedule, step: Step) -> Schedule:
    """The schedule with one step replaced."""
    return replace(planned, steps=tuple(step if s.index == step.index else s for s in planned.steps))


def accepts(planned: Schedule) -> bool:
    """Whether a plan of the schedule passes the checker."""
    try:
        plan_memory(planned)
    except IllegalGraph:
        return False
    return True


def schedules() -> list[Schedule]:
    """The longest streamed run of each of the random networks that have one."""
    found = []
    for seed in SEEDS:
        ways = streamed_schedules(chain_network(seed), NO_FEATURES, False)
        if ways:
            found.append(max(ways, key=lambda way: max(len(step.nodes) for step in way.steps)))
    return found


def test_streams_are_accepted() -> None:
    """Every run that can be streamed has a plan that the checker accepts, row by row."""
    assert len(schedules()) > len(SEEDS) // 2
    assert all(map(accepts, schedules()))


def test_a_missing_row_is_seen() -> None:
    """Without any one of its events, whichever it is, a streamed step is refused."""
    planned = schedules()[0]
    step, stream = streamed_step(planned)
    for k in range(len(stream.events)):
        events = stream.events[:k] + stream.events[k + 1 :]
        assert not accepts(with_step(planned, replace(step, stream=replace(stream, events=events)))), k


def test_a_buffer_of_fewer_rows_is_seen() -> None:
    """A buffer that holds one row less than is needed at once is refused."""
    for planned in schedules():
        step, stream = streamed_step(planned)
        for k, buffer in enumerate(stream.buffers):
            buffers = list(stream.buffers)
            buffers[k] = replace(buffer, rows=buffer.rows - 1)
            assert not accepts(with_step(planned, replace(step, stream=replace(stream, buffers=tuple(buffers)))))


def test_overlapping_buffers_are_seen() -> None:
    """Two things in one place of the scratch are refused."""
    found = 0
    for planned in schedules():
        step, stream = streamed_step(planned)
        if len(stream.buffers) > 1:
            moved = (*stream.buffers[:-1], replace(stream.buffers[-1], offset_bytes=0))
            with pytest.raises(IllegalGraph, match="two things in one place of its scratch"):
                plan_memory(with_step(planned, replace(step, stream=replace(stream, buffers=moved))))
            found += 1
    assert found > 3


def test_margins_are_exact() -> None:
    """The output of a streamed step may lie over its input at the margin that is stated, and four bytes less is refused
    (by the walk over its rows, whatever the stated margin) wherever the margin is one that can be met that exactly.
    """
    refused = accepted = 0
    for planned in schedules():
        step, _ = streamed_step(planned)
        overlap = step.overlaps[0]
        if len(planned.steps) > 1 or overlap.margin_bytes % 4 or overlap.margin_bytes >= planned.buffers[-2].bytes:
            continue
        for slack, wanted in ((0, True), (4, False)):
            free = replace(overlap, margin_bytes=-(1 << 20))
            loose = with_step(planned, replace(step, overlaps=(free,)))
            plan = plan_memory(planned)
            at = {overlap.input: overlap.margin_bytes - slack, overlap.output: 0}
            lift = max(0, -min(at.values()))
            placements = tuple(
                replace(p, offset_bytes=at[p.buffer] + lift)
                if p.buffer in at
                else replace(p, offset_bytes=2 * plan.arena_bytes)
                for p in plan.placements
            )
            wide = replace(plan, placements=placements, arena_bytes=4 * plan.arena_bytes)
            try:
                check_plan(loose, wide)
                ok = True
            except IllegalGraph:
                ok = False
            if wanted:
                assert ok
                accepted += 1
            else:
                refused += not ok
    assert accepted > 5
    assert refused > accepted // 2
