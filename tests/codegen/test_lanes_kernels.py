"""Kernels for cores without DSP instructions: their C on the host, their assembly on a simulated Cortex-M0."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcuq.artifacts import Samples
from mcuq.ir import Graph
from mcuq.schedule import KERNELS
from mcuq.schedule import candidates as choices
from mcuq.schedule.kernel import Kernel
from mcuq.schedule.kernels.lanes import FEATURES, LANE_LIMIT, blocks, runs_of
from tests.codegen.harness import assert_equal_interpreter, case_of, examples
from tests.ops.lanes import GRAPHS
from tests.ops.strategies import inputs_for

EXAMPLES = int(os.environ.get("MCUQ_CODEGEN_EXAMPLES", "24"))
SIMULATED = int(os.environ.get("MCUQ_SIMULATED_EXAMPLES", "6"))


def _named(name: str) -> Kernel:
    return next(kernel for kernel in KERNELS if kernel.name == name)


@pytest.fixture(autouse=True)
def only_the_kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no other kernel, so that none is chosen in its place where the layer is small."""
    if "kernel" in request.fixturenames:
        kernel = _named(request.getfixturevalue("kernel"))
        monkeypatch.setattr(choices, "known_kernels", lambda: (kernel,))


def _reached(kernel: str, count: int) -> list[Graph]:
    """Random graphs that the kernel computes; most of those drawn must be such."""
    refuses = _named(kernel).refuses
    graphs = [g for g in examples(GRAPHS[kernel], count) if refuses(g.nodes[0], g) is None]
    assert len(graphs) >= count // 3
    return graphs


@pytest.mark.parametrize("kernel", sorted(GRAPHS))
def test_c_equals_interpreter(kernel: str, tmp_path: Path) -> None:
    """The plain C gives the interpreter's bytes under sanitizers."""
    graphs = _reached(kernel, EXAMPLES)
    cases = [(case_of(graph, f"m{k}", features=FEATURES), inputs_for(graph, seed=k)) for k, graph in enumerate(graphs)]
    assert_equal_interpreter(cases, tmp_path)


@pytest.mark.parametrize("name", ["cortex-m0", "cortex-m3"])
@pytest.mark.parametrize("kernel", sorted(GRAPHS))
def test_cores_equal_interpreter(kernel: str, name: str, tmp_path: Path) -> None:
    """On simulated cores, assembly where there is some, the interpreter's bytes come out."""
    pytest.importorskip("unicorn", reason="the simulator needs unicorn")
    from mcuq import pipeline

    board = pipeline.find_board(name)
    count = SIMULATED if name == "cortex-m0" else 2
    for number, graph in enumerate(_reached(kernel, 3 * SIMULATED)[:count]):
        made = pipeline.build(graph, board, tmp_path / str(number), name="net")
        samples = Samples(tuple(np.asarray(array) for array in inputs_for(graph, seed=number)), None, "random")
        verdict = pipeline.run(made, samples, link="sim", count_samples=1)
        assert verdict.bit_exact, f"{graph.nodes[0]}: {verdict.first_difference}"


def test_every_kernel_is_compared() -> None:
    """No kernel of these cores goes untested."""
    assert {kernel.name for kernel in KERNELS if kernel.features == FEATURES} == set(GRAPHS)


@given(st.integers(0, 1 << 32), st.integers(1, 300), st.sampled_from((0, 1, 40, 127)))
def test_no_run_overflows_a_lane_and_none_could_be_longer(seed: int, taps: int, greatest: int) -> None:
    """Runs cover all taps; the worst inputs stay within 16 bits; one tap more would not, or would not fit a byte."""
    rows = np.random.default_rng(seed).integers(-greatest, greatest + 1, (3, taps))
    (block,) = blocks(rows)
    runs = runs_of(block)
    assert sum(runs) == taps
    start = 0
    for run in runs:
        held = 128 * np.abs(block[start : start + run]).sum(axis=0)
        assert held.max() < LANE_LIMIT
        more = 128 * np.abs(block[start : start + run + 1]).sum(axis=0)
        assert start + run == taps or run == 255 or more.max() >= LANE_LIMIT
        start += run
