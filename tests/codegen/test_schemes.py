"""Every integer scheme: generated C gives the interpreter's bytes on random graphs, under sanitizers."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mcuq.codegen.views import functions_of
from mcuq.exporters import save_graph
from mcuq.importers import load_container
from mcuq.interpreter import run
from mcuq.ir import (
    INT8,
    INT16,
    INT32,
    INT64,
    Constant,
    DType,
    Graph,
    Node,
    Quantization,
    Tensor,
    Value,
    verify,
)
from mcuq.ops import refusals
from mcuq.ops.conv_2d import Conv2D
from mcuq.ops.quantize import Quantize
from mcuq.ops.requirements import quantization_of
from mcuq.schedule import KERNELS, schedule
from tests.codegen.harness import assert_equal_interpreter, case_of, examples
from tests.ops.schemes import RUN_TIME_OPS, WEIGHTED, asymmetric_graphs, graphs_in
from tests.ops.strategies import inputs_for

SCHEMES = ("single", "shift", "int16x8")
EXAMPLES = int(os.environ.get("MCUQ_CODEGEN_EXAMPLES", "16"))


@pytest.mark.parametrize("op", RUN_TIME_OPS)
@pytest.mark.parametrize("arithmetic", SCHEMES)
def test_c_equals_interpreter(arithmetic: str, op: str, tmp_path: Path) -> None:
    """One op in one scheme, many random shapes and quantizations, inputs with all extremes: every byte is equal."""
    graphs = examples(graphs_in(arithmetic, op), EXAMPLES)
    assert len(graphs) >= EXAMPLES // 4
    cases = [(case_of(graph, f"m{k}"), inputs_for(graph, seed=k)) for k, graph in enumerate(graphs)]
    assert_equal_interpreter(cases, tmp_path)


def test_every_kernel_is_compared() -> None:
    """The graphs of the schemes reach each kernel that is for them alone."""
    pairs = ((arithmetic, op) for arithmetic in SCHEMES for op in RUN_TIME_OPS)
    graphs = (graph for arithmetic, op in pairs for graph in examples(graphs_in(arithmetic, op), 20))
    reached = {step.kernel for graph in graphs for step in schedule(graph).steps}
    assert {kernel.name for kernel in KERNELS if set(kernel.arithmetics) <= set(SCHEMES)} <= reached


@pytest.mark.parametrize("op", WEIGHTED)
@pytest.mark.parametrize("arithmetic", ["tflm", "single", "shift"])
def test_asymmetric_weights(arithmetic: str, op: str, tmp_path: Path) -> None:
    """Weights with zero points, per tensor and per channel, in each int8 scheme: every byte is equal."""
    graphs = examples(asymmetric_graphs(op, arithmetic), EXAMPLES)
    assert len(graphs) >= EXAMPLES // 4
    cases = [(case_of(graph, f"m{k}"), inputs_for(graph, seed=k)) for k, graph in enumerate(graphs)]
    assert_equal_interpreter(cases, tmp_path)


def _conv(name: str, x: str, channels: int, arithmetic: str, values: dict[str, Value]) -> Node:
    """A 1x1 convolution of `x`, whose values are added; the output is called `name`."""
    rng = np.random.default_rng(len(values))
    wide = arithmetic == "int16x8"
    weights = rng.integers(-127, 128, (channels, 1, 1, channels)).astype(np.int8)
    bias = rng.integers(-1000, 1000, channels).astype(np.int64 if wide else np.int32)
    q, scale = quantization_of(values[x]), 2.0**-7
    dtype = INT16 if wide else INT8
    values[f"{name}_w"] = Constant(f"{name}_w", weights.shape, INT8, Quantization((scale,), (0,)), weights)
    biased = Quantization((q.scale * scale,), (0,))
    values[f"{name}_b"] = Constant(f"{name}_b", bias.shape, INT64 if wide else INT32, biased, bias)
    values[name] = Tensor(name, values[x].shape, dtype, Quantization((q.scale * 2,), (0 if wide else 3,)))
    return Node("CONV_2D", (x, f"{name}_w", f"{name}_b"), (name,), Conv2D(), arithmetic, (name,))


def _requantize(name: str, x: str, dtype: DType, scale: float, values: dict[str, Value]) -> Node:
    values[name] = Tensor(name, values[x].shape, dtype, Quantization((scale,), (0,)))
    return Node("QUANTIZE", (x,), (name,), Quantize(dtype.name), "int16x8", (name,))


def mixed_graph() -> Graph:
    """int8 rounded twice, once and by shifts, then int16 and back: one model, five arithmetics, equal shapes."""
    x = Tensor("x", (1, 4, 3, 5), INT8, Quantization((2.0**-5,), (0,)))
    values: dict[str, Value] = {"x": x}
    nodes = [
        _conv("twice", "x", 5, "tflm", values),
        _conv("once", "twice", 5, "single", values),
        _conv("shifted", "once", 5, "shift", values),
        _requantize("wide", "shifted", INT16, 2.0**-10, values),
        _conv("sixteen", "wide", 5, "int16x8", values),
        _requantize("y", "sixteen", INT8, 2.0**-4, values),
    ]
    return verify(Graph("mixed", values, tuple(nodes), ("x",), ("y",)))


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_one_model_may_mix_arithmetics(compiler: str, tmp_path: Path) -> None:
    """Equal layers in different arithmetics get a function each, and every step gives the interpreter's bytes."""
    graph = mixed_graph()
    case = case_of(graph, "mixed")
    functions = functions_of(case.schedule, "mixed").values()
    assert [f.arithmetic.name for f in functions if f.kernel == "conv_2d/portable"] == ["tflm", "single", "shift"]
    assert_equal_interpreter([(case, inputs_for(graph, seed=1, samples=20))], tmp_path, compiler)


def test_mixed_graphs_survive_saving() -> None:
    """mcuq's own file keeps every arithmetic, type and 64-bit bias, and loads without a refusal."""
    graph = mixed_graph()
    loaded = load_container(save_graph(graph))
    assert (loaded.nodes, dict(loaded.values)) == (graph.nodes, dict(graph.values))
    inputs = inputs_for(graph, seed=2)
    np.testing.assert_array_equal(run(loaded, inputs)[0], run(graph, inputs)[0])


@pytest.mark.parametrize("op", WEIGHTED)
def test_q_format_stores_no_multipliers(op: str) -> None:
    """In flash there are shifts of one byte, and neither multipliers nor anything else of 32 bits but the bias."""
    for graph in examples(graphs_in("shift", op), 20):
        (step,) = schedule(graph).steps
        roles = {constant.role for constant in step.constants}
        assert roles <= {"weights", "bias", "shifts"}
        assert getattr(step.parameters, "multiplier", 1 << 30) in (0, 1 << 30)


def test_each_scheme_asks_for_its_scales_and_types() -> None:
    """A graph in an arithmetic that it is not made for is refused with the reason."""
    graph = mixed_graph()

    def reasons(arithmetic: str, place: int) -> str:
        node = replace(graph.nodes[place], arithmetic=arithmetic)
        values = {name: graph[name] for name in (*node.inputs, *node.outputs)}
        return " ".join(r.reason for r in refusals(Graph("one", values, (node,), node.inputs[:1], node.outputs)))

    assert "int16x8 arithmetic" in reasons("tflm", 4)
    assert "input or output is int16" in reasons("int16x8", 0)
    assert reasons("shift", 0) == reasons("single", 0) == reasons("tflm", 0) == ""
    odd = replace(graph, values={**graph.values, "x": replace(graph["x"], quantization=Quantization((0.3,), (0,)))})
    assert "every scale is a power of two" in " ".join(
        r.reason for r in refusals(replace(odd, nodes=(replace(odd.nodes[0], arithmetic="shift"),)))
    )
