"""Pictures of memory are in proportion and show every byte once."""

from __future__ import annotations

import io
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from mcuq.artifacts import MemoryPlan, Placement
from mcuq.report.memory_map import Part, arena_table, bar, bytes_in_use, zoomed


def lines_of(renderable: Any) -> list[str]:
    """The lines of a wide terminal."""
    out = io.StringIO()
    Console(file=out, width=200, highlight=False).print(renderable)
    return [line.rstrip() for line in out.getvalue().splitlines()]


@given(st.lists(st.integers(0, 1 << 32), min_size=1, max_size=4).filter(any), st.integers(20, 100))
def test_bars_are_as_wide_as_asked_for(sizes: list[int], width: int) -> None:
    """Every part that has a byte has a character, and together they fill the width."""
    parts = [Part(mark, size, mark) for mark, size in zip("abcd", sizes, strict=False)]
    text = bar(parts, width)
    assert len(text) == width
    for part in parts:
        assert (part.mark in text) == (part.bytes > 0)


def test_bars_are_in_proportion() -> None:
    """A quarter of the bytes is a quarter of the bar."""
    assert bar([Part("", 25, "#"), Part("", 75, "·")], 40) == "#" * 10 + "·" * 30


def test_much_free_memory_is_cut() -> None:
    """Free memory never takes more of the picture than what is used, so that small models are seen on large boards."""
    parts = (Part("used", 10, "#"), Part("free", 1_000_000, "·"))
    cut, is_cut = zoomed(parts)
    assert is_cut
    assert [part.bytes for part in cut] == [10, 10]
    assert zoomed((Part("used", 10, "#"), Part("free", 5, "·"))) == ((parts[0], Part("free", 5, "·")), False)


def test_shared_bytes_count_once(plan: MemoryPlan) -> None:
    """At step 0 the input and the value over its second half take 24 bytes, not 32."""
    assert [bytes_in_use(plan, step) for step in range(-1, 4)] == [16, 24, 24, 4, 4]


def test_the_arena_shows_lives(plan: MemoryPlan) -> None:
    """One row a buffer in the order of birth, one column from the filling of inputs to the reading of outputs."""
    lines = lines_of(arena_table(plan))
    assert [line.split()[:3] for line in lines[2:6]] == [
        ["0", "16", "██···"],
        ["8", "16", "·██··"],
        ["0", "8", "··█··"],
        ["8", "4", "··███"],
    ]
    assert "3 steps" in lines[0]
    assert lines[4].endswith("scratch of step 1")
    assert lines[-1].split()[:2] == ["24", "▆██▂▂"]


def test_long_models_are_squeezed() -> None:
    """Of a model with more steps than columns several steps share one, and only the largest buffers are listed."""
    placements = tuple(Placement(f"v{i}", "arena", 0, 10 + i, i - 1, i) for i in range(100))
    lines = lines_of(arena_table(MemoryPlan(placements, 109, 4, 109, "by hand"), columns=20, rows=5))
    assert "99 steps, 6 steps a column" in lines[0]
    assert any("and 95 smaller buffers" in line for line in lines)
    assert "v99" in "".join(lines)
    assert max(line.count("█") + line.count("·") for line in lines[2:7]) <= 20
