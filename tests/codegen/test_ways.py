"""Kernels that offer several ways to compute a node: every way gives the same bytes."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mcuq.artifacts import Samples
from mcuq.ir import Graph, Node
from mcuq.schedule import KERNELS
from mcuq.schedule import candidates as choices
from mcuq.schedule.kernel import Kernel, Work
from tests.codegen.harness import assert_equal_interpreter, case_of, examples
from tests.ops import dsp, lanes
from tests.ops.strategies import inputs_for

EXAMPLES = int(os.environ.get("MCUQ_CODEGEN_EXAMPLES", "16"))
SIMULATED = int(os.environ.get("MCUQ_SIMULATED_EXAMPLES", "4"))
GRAPHS = {**dsp.GRAPHS, **lanes.GRAPHS}
NAMES = ("depthwise_conv_2d/dsp", "depthwise_conv_2d_any/dsp", "fully_connected/dsp", "depthwise_conv_2d/lanes")


def _only_way(kernel: Kernel, way: int) -> Kernel:
    """The kernel with one of its ways alone."""

    def plans(node: Node, graph: Graph) -> tuple[Work, ...]:
        return (kernel.plans(node, graph)[way],)

    return replace(kernel, plans=plans)


def _ways(name: str, count: int) -> list[tuple[Graph, Kernel]]:
    """Random graphs that the kernel computes, each in all its ways."""
    kernel = next(kernel for kernel in KERNELS if kernel.name == name)
    drawn = examples(GRAPHS[name], count)
    graphs = [graph for graph in drawn if kernel.refuses(graph.nodes[0], graph) is None]
    assert len(graphs) >= count // 3
    found = [(g, _only_way(kernel, way)) for g in graphs for way in range(len(kernel.plans(g.nodes[0], g)))]
    assert len(found) > len(graphs)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_c_of_every_way_equals_the_interpreter(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plain C twins give the interpreter's bytes under sanitizers."""
    cases = []
    for k, (graph, kernel) in enumerate(_ways(name, EXAMPLES)):
        monkeypatch.setattr(choices, "known_kernels", lambda kernel=kernel: (kernel,))
        cases.append((case_of(graph, f"m{k}", features=kernel.features), inputs_for(graph, seed=k)))
    assert_equal_interpreter(cases, tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_assembly_of_every_way_equals_the_interpreter(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So does the assembly, or the C, on a simulated Cortex-M4 or M0."""
    pytest.importorskip("unicorn", reason="the simulator needs unicorn")
    from mcuq import pipeline

    board = pipeline.find_board("cortex-m4" if name.endswith("/dsp") else "cortex-m0")
    ways = _ways(name, 3 * SIMULATED)
    for number, (graph, kernel) in enumerate(ways[:: -(-len(ways) // SIMULATED)]):
        monkeypatch.setattr(choices, "known_kernels", lambda kernel=kernel: (kernel,))
        made = pipeline.build(graph, board, tmp_path / str(number), name="net")
        samples = Samples(tuple(np.asarray(array) for array in inputs_for(graph, seed=number)), None, "random")
        verdict = pipeline.run(made, samples, link="sim", count_samples=1)
        assert verdict.bit_exact, f"{graph.nodes[0]}: {verdict.first_difference}"
