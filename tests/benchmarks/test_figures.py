"""The figures of the reference models do not rise unless figures.json says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mcuq import pipeline
from mcuq.profile import memory_model
from tests.benchmarks import bench

FIGURES = bench.read_figures()


@pytest.fixture
def zoo_named(zoo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """bench.py looks where the tests look."""
    monkeypatch.setenv("MCUQ_ZOO", str(zoo))


def check(key: str) -> None:
    """The model of that key, built and counted again, takes no more than was committed."""
    pytest.importorskip("unicorn", reason="the simulator is not installed")
    board, version, name, goal = key.split(", ")
    family = version.partition(" ")[0]
    if bench.compilers_for(board).get(family) != version:
        pytest.skip(f"{version} is not installed")
    found = bench.risen(FIGURES[key], bench.figures_of(bench.measured(name, board, family, goal=goal)))
    assert not found, f"{key}: {'; '.join(found)}. If that is right: python tests/benchmarks/bench.py --update"


@pytest.mark.parametrize("key", [key for key in FIGURES if key.split(", ")[2] == "digits"])
def test_the_demo_does_not_grow(key: str) -> None:
    """Cycles, instructions, RAM and flash of the demo are at most 1 % above what was committed."""
    check(key)


@pytest.mark.slow
@pytest.mark.usefixtures("zoo_named")
@pytest.mark.parametrize("key", [key for key in FIGURES if key.split(", ")[2] != "digits"])
def test_reference_models_do_not_grow(key: str) -> None:
    """So are those of the reference models."""
    if bench.model_path(key.split(", ")[2]) is None:
        pytest.skip("the model is not in the zoo")
    check(key)


def test_every_board_and_model_has_figures() -> None:
    """Each model has figures on each board, with both compilers, for the goals that are kept there."""
    for family in bench.COMPILERS:
        wanted = {
            (board, name, goal)
            for board in bench.BOARDS
            for name in bench.MODELS
            for goal in bench.goals_of(board, family)
        }
        keys = [key.split(", ") for key in FIGURES]
        assert {(board, name, goal) for board, version, name, goal in keys if version.startswith(family)} == wanted


def test_a_rise_is_told() -> None:
    """1 % more is let pass, more than that is named; less is always welcome."""
    old = bench.Figures(1000, 1000, 1000, 1000, 1000, 1000)
    assert bench.risen(old, replace(old, cycles=1010, arena_bytes=10)) == []
    assert bench.risen(old, replace(old, ram_bytes=1011)) == ["ram_bytes rose from 1,000 to 1,011 (+1.1%)"]


def test_peers_are_of_known_models_and_boards() -> None:
    """Every figure of others has a place in the tables: its model, its board or memory model, and a count."""
    peers = bench.read_peers()
    for row in peers["emulated"]:
        assert row["model"] in bench.MODELS
        assert row["board"] in bench.BOARDS
        assert row["instructions"] > 0
    for row in peers["silicon"]:
        assert row["model"] in bench.MODELS
        assert row["memory"] in bench.BOARDS.values()
        assert row["cycles"] > 0


def test_tables_have_the_demo_without_the_zoo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a folder of models the tables show the demo alone."""
    pytest.importorskip("unicorn", reason="the simulator is not installed")
    monkeypatch.delenv("MCUQ_ZOO", raising=False)
    if not bench.compilers_for("cortex-m4"):
        pytest.skip("there is no compiler")
    assert bench.present_models() == ("digits",)
    emulated, silicon = bench.tables(["cortex-m4"])
    assert (emulated.row_count, silicon.row_count) == (len(bench.GOALS), 1)


def test_board_names_exist() -> None:
    """The boards of the benchmark are boards, their memory models fit their cores."""
    for board, memory in bench.BOARDS.items():
        assert memory_model(memory, pipeline.find_board(board).core).name == memory
