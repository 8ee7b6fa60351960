"""Kernels for DSP instructions: their C model on the host, their assembly on the simulator."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from mcuq.artifacts import Samples
from mcuq.ir import Graph
from mcuq.schedule import KERNELS, schedule
from tests.codegen.harness import assert_equal_interpreter, case_of, examples
from tests.ops.dsp import GRAPHS
from tests.ops.strategies import inputs_for

EXAMPLES = int(os.environ.get("MCUQ_CODEGEN_EXAMPLES", "24"))
SIMULATED = int(os.environ.get("MCUQ_SIMULATED_EXAMPLES", "8"))
DSP = frozenset({"dsp"})


def _reached(kernel: str, count: int) -> list[Graph]:
    """Random graphs that the kernel computes; most of those drawn must be such."""
    drawn = examples(GRAPHS[kernel], count)
    graphs = [graph for graph in drawn if schedule(graph, DSP).steps[0].kernel == kernel]
    assert len(graphs) >= count // 3
    return graphs


@pytest.mark.parametrize("kernel", sorted(GRAPHS))
def test_c_model_equals_interpreter(kernel: str, tmp_path: Path) -> None:
    """The plain C twin of the assembly gives the interpreter's bytes under sanitizers."""
    graphs = _reached(kernel, EXAMPLES)
    cases = [(case_of(graph, f"m{k}", features=DSP), inputs_for(graph, seed=k)) for k, graph in enumerate(graphs)]
    assert_equal_interpreter(cases, tmp_path)


@pytest.mark.parametrize("kernel", sorted(GRAPHS))
def test_assembly_equals_interpreter(kernel: str, tmp_path: Path) -> None:
    """The assembly itself gives the interpreter's bytes on a simulated Cortex-M4."""
    pytest.importorskip("unicorn", reason="the simulator needs unicorn")
    from mcuq import pipeline

    board = pipeline.find_board("cortex-m4")
    for number, graph in enumerate(_reached(kernel, 3 * SIMULATED)[:SIMULATED]):
        made = pipeline.build(graph, board, tmp_path / str(number), name="net")
        samples = Samples(tuple(np.asarray(array) for array in inputs_for(graph, seed=number)), None, "random")
        verdict = pipeline.run(made, samples, link="sim", count_samples=1)
        assert verdict.bit_exact, f"{graph.nodes[0]}: {verdict.first_difference}"


def test_every_dsp_kernel_is_compared() -> None:
    """No kernel that needs DSP instructions goes untested."""
    assert {kernel.name for kernel in KERNELS if kernel.features == DSP} == set(GRAPHS)
