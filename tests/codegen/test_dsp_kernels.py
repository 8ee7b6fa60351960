"""Kernels for DSP instructions: their C model on the host, their assembly on the simulator."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mcuq.artifacts import Samples
from mcuq.ir import Graph, Node
from mcuq.schedule import KERNELS
from mcuq.schedule.kernel import Work
from tests.codegen.harness import assert_equal_interpreter, case_of, examples
from tests.ops.dsp import GRAPHS
from tests.ops.strategies import inputs_for

EXAMPLES = int(os.environ.get("MCUQ_CODEGEN_EXAMPLES", "24"))
SIMULATED = int(os.environ.get("MCUQ_SIMULATED_EXAMPLES", "8"))
DSP = frozenset({"dsp"})


def _offer(monkeypatch: pytest.MonkeyPatch, name: str, way: int) -> None:
    """Let every node be computed by that kernel alone, and by one of its ways alone."""
    (kernel,) = (kernel for kernel in KERNELS if kernel.name == name)

    def plans(node: Node, graph: Graph) -> tuple[Work, ...]:
        works = kernel.plans(node, graph)
        return (works[way % len(works)],)

    monkeypatch.setattr(
        "mcuq.schedule.candidates.known_kernels", lambda: (replace(kernel, plans=plans, under_flash_limit=False),)
    )


def _reached(kernel: str, count: int) -> list[Graph]:
    """Random graphs that the kernel computes; most of those drawn must be such."""
    drawn = examples(GRAPHS[kernel], count)
    (asked,) = (known for known in KERNELS if known.name == kernel)
    graphs = [graph for graph in drawn if asked.refuses(graph.nodes[0], graph) is None]
    assert len(graphs) >= count // 3
    return graphs


@pytest.mark.parametrize("kernel", sorted(GRAPHS))
def test_c_model_equals_interpreter(kernel: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plain C twin of the assembly gives the interpreter's bytes under sanitizers."""
    cases = []
    for k, graph in enumerate(_reached(kernel, EXAMPLES)):
        _offer(monkeypatch, kernel, way=k)
        cases.append((case_of(graph, f"m{k}", features=DSP), inputs_for(graph, seed=k)))
    assert_equal_interpreter(cases, tmp_path)


@pytest.mark.parametrize("kernel", sorted(GRAPHS))
def test_assembly_equals_interpreter(kernel: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The assembly itself gives the interpreter's bytes on a simulated Cortex-M4."""
    pytest.importorskip("unicorn", reason="the simulator needs unicorn")
    from mcuq import pipeline

    board = pipeline.find_board("cortex-m4")
    for number, graph in enumerate(_reached(kernel, 3 * SIMULATED)[:SIMULATED]):
        _offer(monkeypatch, kernel, way=number)
        made = pipeline.build(graph, board, tmp_path / str(number), name="net")
        samples = Samples(tuple(np.asarray(array) for array in inputs_for(graph, seed=number)), None, "random")
        verdict = pipeline.run(made, samples, link="sim", count_samples=1)
        assert verdict.bit_exact, f"{graph.nodes[0]}: {verdict.first_difference}"


def test_every_dsp_kernel_is_compared() -> None:
    """No kernel that needs DSP instructions goes untested."""
    assert {kernel.name for kernel in KERNELS if kernel.features == DSP} == set(GRAPHS)
