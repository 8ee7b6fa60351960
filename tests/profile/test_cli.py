"""`mcuq profile`: what it prints, what it writes, what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from mcuq import pipeline
from mcuq.build import find_toolchain
from mcuq.cli import app
from mcuq.errors import ToolMissing


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("unicorn", reason="the simulator is not installed")
    try:
        find_toolchain(pipeline.find_board("cortex-m4"))
    except ToolMissing as missing:
        pytest.skip(str(missing))
    monkeypatch.chdir(tmp_path)


def mcuq(*arguments: str | Path) -> Result:
    """What a command line ends with."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_both_figures_are_printed(digits_model: Path) -> None:
    """A model file is built, counted and priced, with hot blocks on request."""
    done = mcuq("profile", digits_model, "-b", "cortex-m4", "--memory", "stm32l4r5", "--hot", "2")
    assert done.exit_code == 0, done.output
    assert "within 15 %" in done.output
    assert "within 5 %" in done.output
    assert done.output.count("cycles each") == 2


def test_a_build_is_profiled_as_it_is(digits_model: Path, digits_data: Path) -> None:
    """The folder of a build needs no board; JSON goes to standard output, a page to its file."""
    assert mcuq("build", digits_model, "-b", "cortex-m4", "-o", "out").exit_code == 0
    done = mcuq("profile", "out", "--data", digits_data, "--json", "-", "--html", "page.html")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["memory"] is None
    assert document["core"]["cycles"]["median"] == document["core_cycles"]
    assert Path("page.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--memory", "stm32h7"), "there is no memory model 'stm32h7'"),
        (("--memory", "stm32u575"), "cortex-m33, not cortex-m4"),
    ],
)
def test_wrong_memory_models_are_user_errors(digits_model: Path, options: tuple[str, ...], told: str) -> None:
    """What cannot be priced is told in a sentence, with exit status 2."""
    done = mcuq("profile", digits_model, "-b", "cortex-m4", *options)
    assert done.exit_code == 2
    assert told in done.output
