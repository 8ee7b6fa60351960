"""Float models in .tflite files: half-precision, byte and dynamic-range weights survive the road there and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mcuq.arithmetic.tolerance import differing
from mcuq.exporters import export_tflite, save_graph
from mcuq.importers import load_model, load_tflite
from mcuq.interpreter import run
from mcuq.ir import FLOAT16, FLOAT32, Constant, Graph, Node, Tensor
from mcuq.ops import NoAttrs, refusals
from mcuq.ops.binary import Binary
from mcuq.passes import simplify
from tests.codegen.harness import examples
from tests.ops.floats import AXES, STORAGES, as_stored, float_inputs, floated
from tests.ops.strategies import graphs_of


def _stored(graph: Graph) -> list[tuple[str, list[str]]]:
    return [(node.arithmetic, [graph[name].dtype.name for name in node.inputs]) for node in graph.nodes]


@pytest.mark.parametrize("op", AXES)
@pytest.mark.parametrize("storage", STORAGES)
def test_weights_stay_as_they_are_stored(storage: str, op: str) -> None:
    """Exported and imported, a layer has the same arithmetic and the same small weights, and computes the same."""
    for seed, graph in enumerate(examples(graphs_of(op), 15)):
        model = floated(graph, storage)
        back = simplify(load_tflite(export_tflite(model), "back"))
        layers = [layer for layer in _stored(back) if len(layer[1]) > 1]
        assert layers == _stored(model)
        assert refusals(back) == ()
        inputs = float_inputs(model, seed)
        for mine, theirs in zip(run(back, inputs), run(model, inputs), strict=True):
            # A depthwise layer on one channel comes back as a convolution, which adds in another order.
            assert not differing(mine, theirs, 1e-5 if op == "DEPTHWISE_CONV_2D" else 0).any()


@pytest.mark.parametrize("storage", STORAGES)
def test_the_container_keeps_them(storage: str, tmp_path: Path) -> None:
    """A .mcuq file holds every way to store weights, bit for bit."""
    for graph in examples(graphs_of("CONV_2D"), 10):
        model = floated(graph, storage)
        path = tmp_path / "model.mcuq"
        path.write_bytes(save_graph(model))
        back = load_model(path)
        assert _stored(back) == _stored(model)
        for name, value in model.values.items():
            if isinstance(value, Constant):
                assert back.constant(name).values.tobytes() == value.values.tobytes()


def test_half_precision_operands_fold() -> None:
    """A float16 constant that is dequantized for an ADD becomes a float32 constant at import."""
    x, y = (Tensor(name, (1, 4), FLOAT32) for name in ("x", "y"))
    half = Constant("half", (4,), FLOAT16, None, np.array([0.5, 1, 2, 6e-8], np.float16))
    wide = Tensor("wide", (4,), FLOAT32)
    nodes = (
        Node("DEQUANTIZE", ("half",), ("wide",), NoAttrs(), "tflm", ("wide",)),
        Node("ADD", ("x", "wide"), ("y",), Binary(), "float", ("y",)),
    )
    graph = Graph("sum", {value.name: value for value in (x, half, wide, y)}, nodes, ("x",), ("y",))
    back = simplify(load_tflite(export_tflite(graph), "sum"))
    assert [node.op for node in back.nodes] == ["ADD"]
    np.testing.assert_array_equal(back.constant("wide").values, half.values.astype(np.float32))


@pytest.mark.parametrize(("storage", "greatest_bytes"), [("float16", 55_000), ("int8", 40_000), ("hybrid", 40_000)])
def test_small_weights_make_small_files(zoo: Path, storage: str, greatest_bytes: int) -> None:
    """Files grow by what is stored, not by what it is dequantized to."""
    graph = simplify(load_model(zoo / "models" / "kws_ref_float.tflite"))
    assert len(export_tflite(graph)) > 90_000
    assert len(export_tflite(as_stored(graph, storage))) < greatest_bytes


def test_dynamic_range_models_are_hybrid(zoo: Path) -> None:
    """Layers with int8 weights between floats quantize their inputs at run time; the others stay float."""
    graph = simplify(load_model(zoo / "models" / "kws_ref_dynrange.tflite"))
    kinds = {(node.op, node.arithmetic) for node in graph.nodes if node.op in AXES}
    assert kinds == {("CONV_2D", "hybrid"), ("DEPTHWISE_CONV_2D", "float"), ("FULLY_CONNECTED", "float")}
