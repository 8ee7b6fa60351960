"""Float firmware on the simulator: with an FPU and without one, every way to store weights."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mcuq import demo, pipeline
from mcuq.artifacts import Measurement, Samples
from mcuq.build.compile import check_compiles
from mcuq.errors import ToolMissing, UnsupportedModel
from mcuq.interpreter import tolerances
from mcuq.ir import Graph
from mcuq.ops import NoAttrs
from mcuq.ops.quantize import Quantize
from mcuq.ops.softmax import Softmax
from tests.networks import PROBABILITY, Builder, conv
from tests.ops.floats import as_stored

needs_simulator = pytest.mark.skipif(importlib.util.find_spec("unicorn") is None, reason="unicorn is not installed")


def _measure(board: str, storage: str, folder: Path, count: int) -> Measurement:
    """The demo's float network with these weights, built and run; skips where there is no compiler."""
    graph = as_stored(pipeline.load(demo.model_path().with_name("digits_float.tflite")), storage)
    try:
        made = pipeline.build(graph, pipeline.find_board(board), folder)
    except ToolMissing as error:
        pytest.skip(str(error))
    shape = (count, *graph.tensor(graph.inputs[0]).shape)
    inputs = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    return pipeline.run(made, Samples((inputs,), None, "random"), per_step=True, count_samples=1)


@needs_simulator
@pytest.mark.parametrize("storage", ["float32", "float16", "int8", "hybrid"])
@pytest.mark.parametrize("board", ["cortex-m4", "cortex-m0"])
def test_firmware_equals_the_interpreter(board: str, storage: str, tmp_path: Path) -> None:
    """Every step and every output is the interpreter's within the tolerance; nothing is claimed bit for bit."""
    m = _measure(board, storage, tmp_path, 2)
    assert (m.agrees, m.bit_exact, m.first_difference) == (True, False, None)
    assert m.max_error is not None
    assert m.max_error < 1e-5
    assert m.instructions is not None


@pytest.mark.parametrize("compiler", ["gcc", "clang", "zig"])
@pytest.mark.parametrize("storage", ["float32", "float16", "int8", "hybrid"])
@pytest.mark.parametrize("board", ["cortex-m4", "cortex-m0"])
def test_every_compiler_takes_it(board: str, storage: str, compiler: str, tmp_path: Path) -> None:
    """No compiler finds anything to warn of."""
    graph = as_stored(pipeline.load(demo.model_path().with_name("digits_float.tflite")), storage)
    sources = pipeline.codegen(graph, tmp_path).sources
    try:
        check_compiles(sources, pipeline.find_board(board), compiler=compiler)
    except ToolMissing as error:
        pytest.skip(str(error))


def _float_between_integers() -> Graph:
    """int8 convolution, float SOFTMAX, int8 RELU: two cuts."""
    b = Builder(np.random.default_rng(3))
    real = b.node("DEQUANTIZE", (conv(b, b.input((1, 5, 5, 3))),), NoAttrs(), None)
    likely = b.node("QUANTIZE", (b.node("SOFTMAX", (real,), Softmax(), None),), Quantize("int8"), PROBABILITY)
    graph = b.graph((b.node("RELU", (likely,), NoAttrs(), PROBABILITY),))
    nodes = tuple(replace(node, arithmetic="float") if node.op == "SOFTMAX" else node for node in graph.nodes)
    return replace(graph, nodes=nodes)


def test_integers_that_depend_on_floats(tmp_path: Path) -> None:
    """In a mixed model the steps before the first float one are compared bit for bit, the others within two steps."""
    graph = _float_between_integers()
    allowed = tolerances(graph)
    assert [allowed[node.outputs[0]] > 0 for node in graph.nodes] == [False, False, True, True, True]
    made = pipeline.build(graph, pipeline.find_board("host"), tmp_path)
    inputs = np.random.default_rng(0).integers(-128, 128, (5, 1, 5, 5, 3), np.int8)
    m = pipeline.run(made, Samples((inputs,), None, "random"), per_step=True)
    assert m.agrees
    assert m.max_error is not None
    assert m.max_error <= 2 / 256


def test_the_host_runs_float_too(tmp_path: Path) -> None:
    """The same sources on this computer, over the same protocol."""
    m = _measure("host", "float32", tmp_path, 3)
    assert m.agrees
    assert m.agreement == 1.0


def test_a_float_self_test_is_refused(tmp_path: Path) -> None:
    """A self-test compares bits; float steps do not promise any."""
    graph = pipeline.load(demo.model_path().with_name("digits_float.tflite"))
    with pytest.raises(UnsupportedModel, match="self-test"):
        pipeline.codegen(graph, tmp_path, selftest=1)
