"""Graphs as .tflite files: what is written is read back the same, and TFLM runs it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcuq.errors import UnsupportedModel
from mcuq.exporters import export_tflite
from mcuq.importers import load_tflite
from mcuq.interpreter import run
from mcuq.ir import FLOAT32, Constant, Graph
from mcuq.ops import OPS, NoAttrs
from mcuq.ops.pool import Pool2D
from mcuq.ops.reshape import Reshape
from mcuq.ops.window import Padding
from tests.importers.models import Q, Sketch, many_ops, small_conv
from tests.ops.oracle import run_tflm
from tests.ops.strategies import graphs_of, inputs_for


def assert_same(graph: Graph, again: Graph) -> None:
    """Equal in everything but nodes' origins, constants included."""
    without_origins = [replace(g, nodes=tuple(replace(n, origin=()) for n in g.nodes)) for g in (graph, again)]
    assert without_origins[0] == without_origins[1]
    for name, value in graph.values.items():
        if isinstance(value, Constant):
            np.testing.assert_array_equal(value.values, again.constant(name).values)


@pytest.mark.parametrize("graph", [small_conv(), many_ops()], ids=lambda graph: graph.name)
def test_round_trip(graph: Graph) -> None:
    """A graph whose paddings TFLite has words for comes back as it was."""
    assert_same(graph, load_tflite(export_tflite(graph), graph.name))


@pytest.mark.parametrize("op", [card.name for card in OPS])
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_round_trip_of_every_op(op: str, data: st.DataObject) -> None:
    """A node comes back as it was, or as a PAD and itself where the padding has no name in TFLite."""
    graph = data.draw(graphs_of(op))
    again = load_tflite(export_tflite(graph), graph.name)
    if len(again.nodes) == len(graph.nodes):
        assert_same(graph, again)
    else:
        assert [node.op for node in again.nodes] == ["PAD", op]
    inputs = inputs_for(graph, 3)
    for ours, theirs in zip(run(graph, inputs), run(again, inputs), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_same_graph_is_the_same_file() -> None:
    """Exporting twice, or exporting what was imported, gives the same bytes."""
    data = export_tflite(many_ops())
    assert data == export_tflite(many_ops())
    assert data == export_tflite(load_tflite(data, "many_ops"))


def test_tflm_runs_a_graph_of_every_op() -> None:
    """TFLM gives the interpreter's bytes for a graph in which every op feeds another."""
    graph = many_ops()
    inputs = inputs_for(graph, 5)
    model = export_tflite(graph)
    for ours, theirs in zip(run(graph, inputs), run_tflm(model, inputs), strict=True):
        np.testing.assert_array_equal(ours, theirs.reshape(ours.shape))


def test_file_header() -> None:
    """The file says what it is, and constants start on 16 bytes."""
    data = export_tflite(small_conv())
    assert data[4:8] == b"TFL3"
    weights = small_conv().constant("w").values.tobytes()
    assert data.index(weights) % 16 == 0


def test_explicit_padding_becomes_an_operator() -> None:
    """A padding that is neither SAME nor VALID is a PAD of its own, named after the layer."""
    s = Sketch()
    pool = s.node("MAX_POOL_2D", (s.input("x", (1, 4, 4, 1)),), "y", Pool2D((2, 2), (2, 2), Padding(1, 1, 1, 1)), Q)
    again = load_tflite(export_tflite(s.graph(pool)), "m")
    assert [node.op for node in again.nodes] == ["PAD", "MAX_POOL_2D"]
    assert again.nodes[0].attrs.value == -128
    assert again.nodes[0].outputs == ("y/padded",)


def test_what_tflite_cannot_say() -> None:
    """An averaged frame, and arithmetic that TFLite does not have, are refused with the layer's name."""
    s = Sketch()
    x = s.input("x", (1, 4, 4, 1))
    average = s.node("AVERAGE_POOL_2D", (x,), "mean_layer", Pool2D((2, 2), (2, 2), Padding(1, 1, 1, 1)), Q)
    with pytest.raises(UnsupportedModel, match="mean_layer"):
        export_tflite(s.graph(average))
    graph = small_conv()
    other = replace(graph, nodes=(replace(graph.nodes[0], arithmetic="shift"),))
    with pytest.raises(UnsupportedModel, match="'shift' arithmetic"):
        export_tflite(other)


def test_float_graphs() -> None:
    """A float graph keeps its type and has no quantization."""
    s = Sketch()
    x = s.input("x", (1, 4), None, FLOAT32)
    graph = s.graph(s.node("RELU", (x,), "y", NoAttrs(), None))
    assert_same(graph, load_tflite(export_tflite(graph), graph.name))


@pytest.mark.parametrize("name", ["ä€😀", "*/", "", "x" * 10_000])
def test_names_survive(name: str) -> None:
    """Names are written as they are."""
    s = Sketch()
    x = s.input(name or "tensor 0", (1, 4))
    graph = s.graph(s.node("RELU", (x,), "y", NoAttrs(), Q))
    assert load_tflite(export_tflite(graph), "m").inputs == (x,)


def test_added_operands_do_not_clash() -> None:
    """An operand that TFLite wants as a tensor finds a name of its own."""
    s = Sketch()
    x = s.input("y/shape", (1, 6))
    graph = s.graph(s.node("RESHAPE", (x,), "y", Reshape((6, 1)), Q))
    assert load_tflite(export_tflite(graph), "m").inputs == ("y/shape",)
