"""Layers that are streamed row by row give the bytes that they give one by one."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from mcuq.artifacts import Schedule
from mcuq.ir import Graph
from mcuq.schedule.choose import streamed_schedules
from tests.chains import chain_network
from tests.codegen.harness import assert_equal_interpreter, case_of
from tests.ops.strategies import inputs_for

NETWORKS = int(os.environ.get("MCUQ_STREAMED_NETWORKS", "16"))
DSP = frozenset({"dsp"})


def streamed(seed: int, graph: Graph, features: frozenset[str], keep_inputs: bool) -> Schedule | None:
    """The graph with one of its runs streamed, one of the longer ones mostly; None where it has none."""
    ways = streamed_schedules(graph, features, keep_inputs)
    layers = [max(len(step.nodes) for step in planned.steps) for planned in ways]
    if not ways:
        return None
    ranked = sorted(range(len(ways)), key=lambda k: -layers[k])
    return ways[ranked[int(np.random.default_rng(seed).integers(0, min(4, len(ranked))))]]


@pytest.mark.parametrize("features", [frozenset(), DSP], ids=["portable", "dsp"])
def test_streamed_networks_equal_the_interpreter(features: frozenset[str], tmp_path: Path) -> None:
    """Random chains with residual sums, a run of each as one streamed step, inputs kept or not, under sanitizers."""
    cases = []
    for seed in range(NETWORKS):
        graph, keep_inputs = chain_network(seed), seed % 3 == 0
        planned = streamed(seed, graph, features, keep_inputs)
        if planned is not None:
            case = case_of(graph, f"m{seed}", keep_inputs=keep_inputs, planned=planned)
            cases.append((case, inputs_for(graph, seed, 3)))
    assert len(cases) > NETWORKS // 2
    assert_equal_interpreter(cases, tmp_path)
