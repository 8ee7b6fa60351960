"""Whole graphs: after every step the arena holds what the interpreter computed, so the memory plan holds too."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mcuq.schedule import schedule
from tests.codegen.harness import assert_equal_interpreter, case_of
from tests.networks import network, residual_block
from tests.ops.strategies import inputs_for

NETWORKS = int(os.environ.get("MCUQ_CODEGEN_NETWORKS", "30"))


@pytest.mark.parametrize("keep_inputs", [False, True], ids=["inputs_overwritten", "inputs_kept"])
@pytest.mark.parametrize("half", [0, 1])
def test_every_step_equals_the_interpreter(half: int, keep_inputs: bool, tmp_path: Path) -> None:
    """Random graphs with branches, joins and aliases: each step writes the right bytes; outputs survive."""
    seeds = range(half * NETWORKS, (half + 1) * NETWORKS)
    graphs = [network(seed) for seed in seeds]
    cases = [
        (case_of(graph, f"m{seed}", keep_inputs=keep_inputs), inputs_for(graph, seed, 5))
        for seed, graph in zip(seeds, graphs, strict=True)
    ]
    assert_equal_interpreter(cases, tmp_path)


def test_random_networks_are_various() -> None:
    """Among the random graphs are free concatenations, copied ones, in-place steps, several inputs and outputs."""
    graphs = [network(seed) for seed in range(2 * NETWORKS)]
    planned = [schedule(graph) for graph in graphs]
    concatenations = sum(node.op == "CONCATENATION" for graph in graphs for node in graph.nodes)
    copied = sum(step.kernel.startswith("concatenation/") for s in planned for step in s.steps)
    assert 0 < copied < concatenations
    assert sum(bool(step.overlaps) for s in planned for step in s.steps) > NETWORKS
    assert sum(len(graph.inputs) > 1 for graph in graphs) > NETWORKS // 2
    assert sum(len(graph.outputs) > 1 for graph in graphs) > NETWORKS // 2


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_residual_block(compiler: str, tmp_path: Path) -> None:
    """Two convolutions and a sum give the interpreter's bytes with each compiler of this computer."""
    graph = residual_block()
    assert_equal_interpreter([(case_of(graph), inputs_for(graph, 0))], tmp_path, compiler)
