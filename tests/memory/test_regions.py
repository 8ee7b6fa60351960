"""An arena in two memories: what is used most lies in the fast one, all of it fits, and the checker sees mistakes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mcuq.errors import IllegalGraph
from mcuq.memory import check_plan, plan_memory
from mcuq.memory.regions import traffic_bytes
from mcuq.schedule import schedule
from tests.memory.simulation import is_harmless
from tests.networks import network


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("share", [0.3, 0.6, 1.0])
def test_the_fast_region_holds(seed: int, share: float) -> None:
    """It never takes more than it may; no step disturbs what is needed; an arena that fits as a whole is not split."""
    planned = schedule(network(seed))
    whole = plan_memory(planned)
    room = int(whole.arena_bytes * share)
    plan = plan_memory(planned, room)
    assert plan.region_bytes("fast") <= room
    assert is_harmless(planned, plan)
    assert share < 1.0 or (not plan.is_split and plan.region_bytes("fast") == whole.arena_bytes)
    assert plan_memory(planned, 0) == whole


def test_the_most_used_buffer_is_fast() -> None:
    """With room for the densest buffer alone, that is the one in fast memory."""
    planned = schedule(network(3))
    traffic = traffic_bytes(planned)
    densest = max((b for b in planned.buffers if traffic[b.name]), key=lambda b: traffic[b.name] / b.bytes)
    plan = plan_memory(planned, densest.bytes)
    assert plan.region_bytes("slow") > 0
    fast = sum(traffic[p.buffer] for p in plan.placements if p.region == "fast")
    assert fast >= traffic[densest.name]


def test_a_buffer_in_two_regions_is_seen() -> None:
    """A plan whose buffer reaches over the end of its region, or names another one, is refused."""
    planned = schedule(network(3))
    plan = plan_memory(planned, plan_memory(planned).arena_bytes // 2)
    assert plan.is_split
    first = plan.placements[0]
    for wrong in (replace(first, region="slow"), replace(first, offset_bytes=plan.regions[1].offset_bytes)):
        with pytest.raises(IllegalGraph):
            check_plan(planned, replace(plan, placements=(wrong, *plan.placements[1:])))
