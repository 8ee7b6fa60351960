"""Kernels with int4 weights: generated C gives the interpreter's bytes, and weights take half a byte."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from mcuq import pipeline
from mcuq.artifacts import Samples
from mcuq.build import check_compiles, find_toolchain
from mcuq.errors import ToolMissing
from mcuq.ir import Graph
from mcuq.schedule import KERNELS, schedule
from mcuq.schedule.kernels.conv_2d_dsp_rows_w4 import UNPACKED_BYTES
from mcuq.schedule.kernels.packing_int4 import packed_lanes
from tests.codegen.harness import assert_equal_interpreter, case_of, examples
from tests.ops import dsp
from tests.ops.int4 import STRATEGIES, int4_graphs
from tests.ops.strategies import inputs_for

EXAMPLES = int(os.environ.get("MCUQ_CODEGEN_EXAMPLES", "16"))
SIMULATED = int(os.environ.get("MCUQ_SIMULATED_EXAMPLES", "8"))
OPS = sorted(STRATEGIES)


@pytest.mark.parametrize("asymmetric", [False, True])
@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("arithmetic", ["tflm", "single", "shift"])
def test_c_equals_interpreter(arithmetic: str, op: str, asymmetric: bool, tmp_path: Path) -> None:
    """Random shapes, paddings, dilations and odd channel counts, in each int8 scheme: every byte is equal."""
    graphs = examples(int4_graphs(op, arithmetic, asymmetric=asymmetric), EXAMPLES)
    assert len(graphs) >= EXAMPLES // 4
    cases = [(case_of(graph, f"m{k}"), inputs_for(graph, seed=k)) for k, graph in enumerate(graphs)]
    assert {step.kernel for case, _ in cases for step in case.schedule.steps} == {f"{op.lower()}/portable_w4"}
    assert_equal_interpreter(cases, tmp_path)


def _need(board: str, compiler: str) -> None:
    try:
        find_toolchain(pipeline.find_board(board), compiler)
    except ToolMissing as error:
        pytest.skip(str(error))


def _largest(op: str, count: int) -> list[Graph]:
    """Of many random graphs those with the most weights: they reach all widths and more than one block of taps."""
    graphs = examples(int4_graphs(op), 10 * count)
    return sorted(graphs, key=lambda graph: graph.constant("weights").elements)[-count:]


@pytest.mark.parametrize(
    ("board", "compiler"), [("cortex-m4", "gcc"), ("cortex-m4", "zig"), ("cortex-m0-large", "gcc")]
)
@pytest.mark.parametrize("op", OPS)
def test_devices_equal_interpreter(op: str, board: str, compiler: str, tmp_path: Path) -> None:
    """Assembly for Thumb-2, and C where there is none, give the interpreter's bytes on simulated cores."""
    pytest.importorskip("unicorn", reason="the simulator needs unicorn")
    _need(board, compiler)
    for number, graph in enumerate(_largest(op, SIMULATED if compiler == "gcc" else 2)):
        made = pipeline.build(graph, pipeline.find_board(board), tmp_path / str(number), name="net", compiler=compiler)
        samples = Samples(inputs_for(graph, seed=number), None, "random")
        verdict = pipeline.run(made, samples, link="sim", count_samples=1)
        assert verdict.bit_exact, f"{graph.nodes[0]}: {verdict.first_difference}"


@pytest.mark.parametrize("compiler", ["gcc", "clang", "zig"])
@pytest.mark.parametrize("board", ["host", "cortex-m0", "cortex-m4"])
def test_compilers_have_nothing_to_say(board: str, compiler: str) -> None:
    """Kernels with int4 weights compile without a warning with gcc, clang and zig."""
    _need(board, compiler)
    known = pipeline.find_board(board)
    for op in OPS:
        graphs = examples(int4_graphs(op, asymmetric=True), 2 if compiler == "zig" else 6)
        for index, graph in enumerate([*graphs, *examples(int4_graphs(op), 2)]):
            case = case_of(graph, f"m{index}", features=frozenset(known.features))
            check_compiles(case.sources, known, compiler=compiler)


@pytest.mark.parametrize("op", OPS)
def test_weights_take_half_a_byte(op: str) -> None:
    """The weights of a step take half a byte each in flash, and one channel more where their number is odd."""
    for graph in examples(int4_graphs(op), EXAMPLES):
        (step,) = schedule(graph).steps
        weights = graph.constant("weights")
        channels = weights.shape[3 if op == "DEPTHWISE_CONV_2D" else 0]
        taps = weights.elements // channels
        packed_bytes = sum(c.bytes for c in step.constants if c.role.startswith("weights_"))
        assert packed_bytes == taps * ((channels + 1) // 2)


def test_every_int4_kernel_is_compared() -> None:
    """No kernel with int4 weights goes untested, here or among those for DSP instructions."""
    portable = {f"{op.lower()}/portable_w4" for op in OPS}
    assert {kernel.name for kernel in KERNELS if kernel.name.endswith("_w4")} == portable | {
        "conv_2d/dsp_rows_w4",
        "fully_connected/dsp_w4",
    }


@pytest.mark.parametrize("size", dsp.MANY_WEIGHTS, ids=str)
def test_weights_are_unpacked_in_pieces(size: tuple[int, tuple[int, int], int]) -> None:
    """Layers with many weights take half a byte of flash each and 6 KB of scratch for them, in every form of rows."""
    (kernel,) = (kernel for kernel in KERNELS if kernel.name == "conv_2d/dsp_rows_w4")
    (bytewise,) = (kernel for kernel in KERNELS if kernel.name == "conv_2d/dsp_rows")
    forms = set()
    for graph in examples(dsp.many_weights_conv_graphs((size,)), EXAMPLES):
        small = dsp.as_int4(graph)
        if kernel.refuses(small.nodes[0], small) is not None:
            continue
        work, other = kernel.plans(small.nodes[0], small)[0], bytewise.plans(graph.nodes[0], graph)[0]
        assert work.shape.groups > 1
        assert work.shape.stream_bytes <= UNPACKED_BYTES
        assert work.scratch_bytes <= other.scratch_bytes + UNPACKED_BYTES
        assert other.constant_bytes - work.constant_bytes >= graph.constant("weights").elements // 2
        assert not work.overlaps
        forms.add(work.shape.rows.form)
    assert "chunks" in forms if size[1] == (1, 1) else forms <= {"ring", "whole"}
    assert forms


def test_packed_lanes_are_unpacked_by_a_mask_and_a_subtraction() -> None:
    """Any two weights of -8 to 7 a lane: lanes less 0x0808, each of 16 bits, are what was packed."""
    rng = np.random.default_rng(1)
    even, odd = rng.integers(-8, 8, (2, 4000))
    lanes = (256 * odd + even).astype(np.int16)
    packed = packed_lanes(lanes.view(np.uint32))
    halves = np.stack([packed & 0x0F0F0F0F, packed >> 4 & 0x0F0F0F0F], axis=1).astype(np.uint32)
    assert np.array_equal(halves.reshape(-1).view(np.int16) - np.int16(0x0808), lanes)
