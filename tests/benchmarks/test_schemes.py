"""The tables of schemes and of other quantizers: what is measured is right, and every verdict follows from figures."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mcuq.quantize import built_in_recipes
from tests.benchmarks import quantizers, schemes
from tests.benchmarks.schemes import Row, verdict, verdicts

INT8 = Row("NET", "int8", 0.9, 0.99, 100, 1000, 500, 4000, 10_000, 8_000, "50 bit-exact")


def test_every_built_in_recipe_is_measured() -> None:
    """The table leaves no scheme out."""
    assert sorted(schemes.RECIPES) == sorted(built_in_recipes())


@pytest.mark.parametrize(
    ("flash_bytes", "cycles", "word"),
    [(5_500, 1200, "wins"), (5_501, 1200, "loses"), (5_500, 1201, "loses"), (10_000, 900, "loses")],
)
def test_int4_wins_by_flash_and_cycles(flash_bytes: int, cycles: int, word: str) -> None:
    """45 % less flash at 1.2 times the cycles is a win; a byte or a cycle more is none."""
    int4 = replace(INT8, recipe="int4", flash_bytes=flash_bytes, cycles=cycles)
    assert f"int4 {word}" in verdict(INT8, int4)
    assert list(verdicts([INT8, int4])) == [verdict(INT8, int4)]
    assert list(verdicts([int4])) == []


@pytest.mark.system
@pytest.mark.parametrize("recipe", ["int4", "float"])
def test_the_demo_is_measured(recipe: str) -> None:
    """A recipe's firmware answers as the reference does, and the row has every figure."""
    pytest.importorskip("unicorn", reason="the simulator is not installed")
    row = schemes.measured(schemes.digits(), recipe)
    assert row.accuracy > 0.95
    assert row.agreement > 0.97
    assert row.check == "50 bit-exact" if recipe == "int4" else row.check.startswith("50 within")
    assert min(row.instructions, row.cycles, row.moved_bytes, row.ram_bytes, row.flash_bytes, row.constant_bytes) > 0
    assert schemes.table([row]).row_count == 1


def test_other_quantizers_are_on_the_same_samples() -> None:
    """Every tool was measured on both networks, with agreement a share of the 1200 or 800 samples of each."""
    rows, when = quantizers.others(sorted(quantizers.TASKS))
    assert "tensorflow" in when
    assert "ai-edge-quantizer" in when
    tools = {row.recipe for row in rows}
    assert {(row.task, row.recipe) for row in rows} == {(task, tool) for task in quantizers.TASKS for tool in tools}
    for row in rows:
        samples = {"ic": 1200, "kws": 800}[row.task]
        assert (row.agreement * samples) == pytest.approx(round(row.agreement * samples), abs=1e-6)
        assert row.drop_margin > 0
