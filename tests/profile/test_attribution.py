"""Costs are given to functions and to blocks of code."""

from __future__ import annotations

import pytest

from mcuq.artifacts import Edge
from mcuq.profile import memory_model, timing_of
from mcuq.profile.attribution import Accountant

pytest.importorskip("capstone", reason="estimating cycles needs capstone")

# first: three adds, a call. second: a load and an add, twice round a loop, then back.
CODE = {0x100: bytes.fromhex("8818 8818 8818 00f07bf8"), 0x200: bytes.fromhex("0868 8818 fcd1 7047")}
EDGES = {
    Edge(0, 0, 0x100, 10): 1,
    Edge(0x100, 10, 0x200, 6): 1,
    Edge(0x200, 6, 0x200, 6): 1,
    Edge(0x200, 6, 0x206, 2): 1,
}
EVENTS = {(0x200, 2): 2}


def read(address: int, size: int) -> bytes:
    """The program."""
    start = max(begin for begin in CODE if begin <= address)
    return CODE[start][address - start : address - start + size]


def function_at(address: int) -> tuple[str, int]:
    """Two functions."""
    return ("first", 0x100) if address < 0x200 else ("second", 0x200)


def accountant(with_memory: bool = False) -> Accountant:
    """Of a Cortex-M4, on an STM32L4R5 if asked for."""
    timing = timing_of("cortex-m4")
    assert timing is not None
    model = memory_model("stm32l4r5", "cortex-m4") if with_memory else None
    return Accountant(timing, model, read, function_at)


def test_functions_have_their_own_code() -> None:
    """Each function has its instructions and the refills of its branches; together they are the whole."""
    found = accountant().functions(EDGES, {})
    assert {name: (cost.instructions, cost.cycles) for name, cost in found.items()} == {
        "first": (4, 4 + 2),
        "second": (7, 2 * (2 + 1 + 1) + 2 + 1),
    }
    whole = accountant().cost(EDGES, {})
    assert whole.cycles == sum(cost.cycles for cost in found.values())
    assert whole.board_cycles is None


def test_events_go_to_the_function_that_met_them() -> None:
    """Two isolated misses of 4.4 cycles, and a taken branch or call of half a cycle more than the core's."""
    found = accountant(True).functions(EDGES, EVENTS)
    first, second = found["first"].board_cycles, found["second"].board_cycles
    assert first == pytest.approx(6 + 0.5)
    assert second == pytest.approx(11 + 0.5 + 2 * 4.4)
    assert accountant(True).cost(EDGES, EVENTS).board_cycles == pytest.approx(first + second)


def test_hot_blocks() -> None:
    """Code is cut where it ran differently often and behind branches; the dearest block comes first."""
    blocks = accountant().hot_blocks(EDGES, 10)
    assert [(b.function, b.offset_bytes, b.bytes, b.times, b.cycles) for b in blocks] == [
        ("second", 0, 6, 2, 10),
        ("first", 0, 10, 1, 6),
        ("second", 6, 2, 1, 1),
    ]
    assert [line.text for line in blocks[0].lines][:2] == ["ldr r0, [r1]", "adds r0, r1, r2"]
    assert len(accountant().hot_blocks(EDGES, 1)) == 1
