"""Every kernel's way has an estimate, so that `inspect` never says that a layer takes nothing."""

from __future__ import annotations

import pytest

from mcuq import demo, pipeline
from mcuq.schedule import schedule

RECIPES = ("int8", "int4", "int8-q", "int16x8", "dynamic", "weights8", "float16", "float")


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("features", [frozenset(), frozenset({"dsp", "fpu"})], ids=["plain", "dsp"])
def test_every_step_of_every_scheme_has_an_estimate(recipe: str, features: frozenset[str]) -> None:
    """No step that computes something is free."""
    graph = pipeline.quantize(pipeline.load(demo.float_model_path()), demo.data_path(), recipe, samples=8).graph
    assert [step.kernel for step in schedule(graph, features).steps if step.cycles <= 0] == []
