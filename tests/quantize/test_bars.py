"""What the quantizer promises on real models: agreement with the float model and SQNR of its logits."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcuq.quantize import load_recipe
from tests.benchmarks.quantizers import TASKS, Answers, Task, answers, compare

# Recipe -> least agreement and least logits SQNR in dB, IC and KWS.
BARS = {
    "int8": {"ic": (0.975, 28.0), "kws": (0.992, 32.0)},
    "int16x8": {"ic": (0.995, 36.0), "kws": (0.995, 40.0)},
    "int8-q": {"ic": (0.96, 28.0), "kws": (0.98, 25.0)},
    "int4": {"ic": (0.955, 23.0), "kws": (0.98, 25.5)},
    "int4-mixed": {"ic": (0.96, 24.0), "kws": (0.98, 26.5)},
}


@pytest.fixture(scope="module")
def tasks(zoo: Path) -> dict[str, tuple[Task, Answers]]:
    """Both models with their float answers."""
    loaded = {name: load(zoo) for name, load in TASKS.items()}
    return {name: (task, answers(task.graph, task.inputs)) for name, task in loaded.items()}


@pytest.mark.zoo
@pytest.mark.slow
@pytest.mark.parametrize("model", sorted(TASKS))
@pytest.mark.parametrize("recipe", sorted(BARS))
def test_recipes_reach_their_bars(tasks: dict[str, tuple[Task, Answers]], recipe: str, model: str) -> None:
    """200 samples without labels are enough for these figures, measured on the others."""
    task, reference = tasks[model]
    row = compare(task, load_recipe(recipe), reference)
    agreement, sqnr_db = BARS[recipe][model]
    assert row.agreement >= agreement, row
    assert row.sqnr_db >= sqnr_db, row
