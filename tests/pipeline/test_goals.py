"""Kernels chosen for a goal: the finished firmware keeps the limits, and measurements take the place of estimates."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mcuq import demo, pipeline
from mcuq.artifacts import OBJECTIVES, Build, Goal
from mcuq.boards import Board
from mcuq.build import find_toolchain
from mcuq.errors import DoesNotFit, InvalidBoard, ToolMissing
from mcuq.ir import Graph
from mcuq.pipeline import tuning
from tests.networks import residual_block


@pytest.fixture(scope="module")
def digits() -> Graph:
    """The demo model."""
    return pipeline.load(demo.model_path())


def on_simulator(name: str) -> Board:
    """The board of that name; skips where nothing can build for it or run it."""
    found = pipeline.find_board(name)
    try:
        find_toolchain(found)
    except ToolMissing as error:
        pytest.skip(str(error))
    pytest.importorskip("unicorn", reason="the simulator is not installed")
    return found


def built(graph: Graph, folder: Path, goal: Goal) -> Build:
    """A build for the goal."""
    return pipeline.build(graph, on_simulator("cortex-m4"), folder, goal=goal)


def test_size_takes_less_flash_and_says_so(digits: Graph, tmp_path: Path) -> None:
    """A build for size is smaller than one for speed, is opened as it was chosen, and computes the same bits."""
    fast = built(digits, tmp_path / "fast", Goal("speed"))
    small = built(digits, tmp_path / "small", Goal("size"))
    assert small.image.flash_bytes < fast.image.flash_bytes
    assert small.schedule.cycles > fast.schedule.cycles
    facts = json.loads((tmp_path / "small" / "build.json").read_text())
    assert facts["options"]["optimize"] == "size"
    assert "optimize=size" in small.sources.of_role("model")[0].text
    opened = pipeline.open_build(tmp_path / "small")
    assert opened.schedule.steps == small.schedule.steps
    assert opened.goal == small.goal
    assert pipeline.run(opened, pipeline.random_samples(digits), count_samples=0).bit_exact


def test_flash_limits_are_kept_by_the_firmware(digits: Graph, tmp_path: Path) -> None:
    """Between the smallest and the fastest firmware a limit gives one that keeps it and is faster than the smallest."""
    fast = built(digits, tmp_path / "fast", Goal("speed"))
    small = built(digits, tmp_path / "small", Goal("size"))
    limit = (fast.image.flash_bytes + small.image.flash_bytes) // 2
    found = built(digits, tmp_path / "limited", Goal("speed", max_flash_bytes=limit))
    assert found.image.flash_bytes <= limit
    assert found.schedule.cycles <= small.schedule.cycles


def test_what_cannot_fit_is_refused_with_the_bytes_that_are_missing(digits: Graph, tmp_path: Path) -> None:
    """The error names both limits, how much is missing and what would help; nothing is written."""
    with pytest.raises(DoesNotFit) as error:
        built(digits, tmp_path / "out", Goal(max_flash_bytes=5000, max_ram_bytes=1000))
    for words in ("--max-flash 5000", "--max-ram 1000", "too many", "goes below", "would help"):
        assert words in str(error.value)
    assert not (tmp_path / "out").exists()
    nearest = built(digits, tmp_path / "out", Goal(max_flash_bytes=5000, max_ram_bytes=1000, enforced=False))
    assert nearest.image.flash_bytes > 5000


def test_the_trade_names_every_goal(digits: Graph) -> None:
    """Each goal is best at what it is for, and no arena lies below its bound."""
    board = pipeline.find_board("cortex-m4")
    found = {trade.optimize: trade for trade in pipeline.trade(digits, board)}
    assert tuple(found) == OBJECTIVES
    assert found["speed"].cycles == min(trade.cycles for trade in found.values())
    assert found["size"].flash_bytes <= found["balanced"].flash_bytes <= found["speed"].flash_bytes
    assert found["ram"].arena_bytes == min(trade.arena_bytes for trade in found.values())
    assert all(trade.lower_bound_bytes <= trade.arena_bytes for trade in found.values())


def test_tuning_measures_each_layer_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Measured cycles are those that the profile of the whole build finds; a second time nothing is measured."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    told: list[tuple[int, int]] = []
    graph, board = residual_block(), on_simulator("cortex-m4")
    first = pipeline.build(
        graph, board, tmp_path / "a", goal=Goal(tune=True), progress=lambda _, done, total: told.append((done, total))
    )
    assert told[-1][0] == told[-1][1] == len(told)
    for step, profiled in zip(first.schedule.steps, pipeline.profile(first).steps, strict=True):
        assert step.cycles == pytest.approx(profiled.cost.cycles, rel=0.02, abs=40)
    assert any(tuning.tuning_folder().iterdir())

    def never(*arguments: object) -> int:
        raise AssertionError("it was measured again")

    monkeypatch.setattr(tuning, "_measured", never)
    again = built(graph, tmp_path / "b", Goal(tune=True))
    assert again.schedule.steps == first.schedule.steps
    assert (tmp_path / "a" / "build.json").read_text() == (tmp_path / "b" / "build.json").read_text()


def test_tuning_needs_a_simulator(digits: Graph, tmp_path: Path) -> None:
    """A board without a simulator cannot be measured on; the error says what to leave out."""
    with pytest.raises(InvalidBoard, match="leave --tune out"):
        pipeline.build(digits, pipeline.find_board("host"), tmp_path, goal=Goal(tune=True))
