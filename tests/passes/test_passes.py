"""Each pass does what it says, keeps every bit of the outputs, and keeps the names of the user's layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest

from mcuq.errors import IllegalGraph
from mcuq.interpreter import run
from mcuq.ir import INT32, Constant, Graph, Quantization, with_changes
from mcuq.ops import NoAttrs
from mcuq.ops.binary import Binary
from mcuq.ops.concatenation import Concatenation
from mcuq.ops.conv_2d import Conv2D
from mcuq.ops.depthwise_conv_2d import DepthwiseConv2D
from mcuq.ops.pack import Pack
from mcuq.ops.pad import Pad
from mcuq.ops.quantize import Quantize
from mcuq.ops.reshape import Reshape
from mcuq.ops.shape import Shape
from mcuq.ops.strided_slice import StridedSlice
from mcuq.ops.window import Padding
from mcuq.passes import PASSES, simplify
from mcuq.passes.drop_identities import drop_identities
from mcuq.passes.fold_activations import fold_activations
from mcuq.passes.fold_constants import fold_constants
from mcuq.passes.fold_padding import fold_padding
from tests.networks import PROBABILITY, SHARED, Builder, network
from tests.ops.strategies import inputs_for

WEIGHTS = Quantization((0.005,), (0,))


def builder() -> Builder:
    """An empty graph with seeded weights."""
    return Builder(np.random.default_rng(0))


def ops(graph: Graph) -> list[str]:
    """The ops in execution order."""
    return [node.op for node in graph.nodes]


def same_outputs(before: Graph, after: Graph) -> None:
    """Both graphs give the same bytes for random inputs and the extremes of their range."""
    assert before.inputs == after.inputs
    inputs = inputs_for(before, seed=3)
    for mine, theirs in zip(run(after, inputs), run(before, inputs), strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("rewrite", PASSES, ids=[rewrite.__name__ for rewrite in PASSES])
def test_nothing_to_do_gives_the_same_object(rewrite: Callable[[Graph], Graph]) -> None:
    """A pass that finds nothing returns the very graph that it was given."""
    b = builder()
    x = b.input((1, 4, 4, 3))
    conv = b.node("CONV_2D", (x, b.weights((2, 3, 3, 3), WEIGHTS)), Conv2D(activation="RELU"))
    graph = b.graph((conv,))
    assert rewrite(graph) is graph


@pytest.mark.parametrize("seed", range(60))
def test_simplifying_keeps_every_bit(seed: int) -> None:
    """Random networks give the same bytes before and after all passes."""
    graph = network(seed)
    same_outputs(graph, simplify(graph))


@pytest.mark.parametrize("seed", range(60))
def test_nodes_keep_their_origin(seed: int) -> None:
    """Each node that is left names layers of the original graph."""
    graph = network(seed)
    known = {layer for node in graph.nodes for layer in node.origin}
    assert all(node.origin and set(node.origin) <= known for node in simplify(graph).nodes)


def padded_conv(op: str, pad: Pad) -> Graph:
    """PAD, then a convolution."""
    b = builder()
    x = b.input((1, 5, 4, 3))
    padded = b.node("PAD", (x,), pad)
    weights = b.weights((2, 3, 3, 3) if op == "CONV_2D" else (1, 3, 3, 3), WEIGHTS)
    attrs = Conv2D(padding=Padding(1, 0, 0, 0)) if op == "CONV_2D" else DepthwiseConv2D(padding=Padding(1, 0, 0, 0))
    return b.graph((b.node(op, (padded, weights), attrs),))


@pytest.mark.parametrize("op", ["CONV_2D", "DEPTHWISE_CONV_2D"])
def test_padding_moves_into_convolutions(op: str) -> None:
    """A PAD of zeros disappears; its rows and columns are added to the convolution's own, and its layer is kept."""
    graph = padded_conv(op, Pad((0, 1, 2, 0), (0, 0, 1, 0)))
    folded = fold_padding(graph)
    assert ops(folded) == [op]
    assert folded.nodes[0].attrs.padding == Padding(2, 0, 2, 1)
    assert folded.nodes[0].origin == ("layer0", "layer1")
    same_outputs(graph, folded)


def test_padding_of_channels_stays() -> None:
    """Channels that a PAD adds are not the convolution's business."""
    b = builder()
    padded = b.node("PAD", (b.input((1, 4, 4, 2)),), Pad((0, 0, 0, 0), (0, 0, 0, 1)))
    graph = b.graph((b.node("CONV_2D", (padded, b.weights((2, 3, 3, 3), WEIGHTS)), Conv2D()),))
    assert fold_padding(graph) is graph


def test_padding_with_another_value_stays() -> None:
    """A frame that is not zero cannot be padding of a convolution."""
    graph = padded_conv("CONV_2D", Pad((0, 1, 1, 0), (0, 1, 1, 0)))
    value = replace(graph.nodes[0].attrs, value=SHARED.zero_point + 5)
    graph = replace(graph, nodes=(replace(graph.nodes[0], attrs=value), graph.nodes[1]))
    assert fold_padding(graph) is graph


def test_a_pad_that_others_read_stays_for_them() -> None:
    """The convolution takes the padding over, the other reader keeps the PAD."""
    b = builder()
    padded = b.node("PAD", (b.input((1, 4, 4, 3)),), Pad((0, 1, 1, 0), (0, 1, 1, 0)))
    conv = b.node("CONV_2D", (padded, b.weights((2, 3, 3, 3), WEIGHTS)), Conv2D())
    graph = b.graph((conv, b.node("RELU", (padded,), NoAttrs())))
    folded = fold_padding(graph)
    assert ops(folded) == ["PAD", "CONV_2D", "RELU"]
    assert folded.nodes[1].inputs[0] == "in0"
    same_outputs(graph, folded)


@pytest.mark.parametrize("clamp", ["RELU", "RELU6"])
@pytest.mark.parametrize("producer", ["CONV_2D", "ADD"])
def test_clamps_become_fused_activations(clamp: str, producer: str) -> None:
    """A RELU or RELU6 behind an op with a free activation disappears into it, name and bits kept."""
    b = builder()
    x = b.input((1, 4, 4, 3))
    conv = (x, b.weights((3, 1, 1, 3), WEIGHTS))
    first = b.node(producer, conv if producer == "CONV_2D" else (x, x), Conv2D() if producer == "CONV_2D" else Binary())
    graph = b.graph((b.node(clamp, (first,), NoAttrs()),))
    folded = fold_activations(graph)
    assert [(node.op, node.attrs.activation, node.origin) for node in folded.nodes] == [
        (producer, clamp, ("layer0", "layer1"))
    ]
    assert folded.outputs == graph.outputs
    same_outputs(graph, folded)


def test_one_clamp_after_another_is_folded_once() -> None:
    """conv, RELU, RELU6: the activation is taken after the first, so the second stays."""
    b = builder()
    conv = b.node("CONV_2D", (b.input((1, 4, 4, 3)), b.weights((3, 1, 1, 3), WEIGHTS)), Conv2D())
    graph = b.graph((b.node("RELU6", (b.node("RELU", (conv,), NoAttrs()),), NoAttrs()),))
    folded = fold_activations(graph)
    assert ops(folded) == ["CONV_2D", "RELU6"]
    same_outputs(graph, folded)


def kept_clamps() -> dict[str, Graph]:
    """Graphs whose RELU must stay."""
    b = builder()
    x = b.node("ADD", (b.input((1, 2, 2, 3)),) * 2, Binary())
    two_readers = b.graph((b.node("RELU", (x,), NoAttrs()), b.node("LOGISTIC", (x,), NoAttrs(), PROBABILITY)))
    b = builder()
    x = b.node("ADD", (b.input((1, 2, 2, 3)),) * 2, Binary())
    also_output = b.graph((x, b.node("RELU", (x,), NoAttrs())))
    b = builder()
    x = b.node("ADD", (b.input((1, 2, 2, 3)),) * 2, Binary(), Quantization((0.125,), (3,)))
    rescaled = b.graph((b.node("RELU", (x,), NoAttrs()),))
    b = builder()
    x = b.node("ADD", (b.input((1, 2, 2, 3)),) * 2, Binary("RELU6"))
    taken = b.graph((b.node("RELU", (x,), NoAttrs()),))
    b = builder()
    on_input = b.graph((b.node("RELU", (b.input((1, 2, 2, 3)),), NoAttrs()),))
    return {
        "two readers": two_readers,
        "an output": also_output,
        "another scale": rescaled,
        "activation taken": taken,
        "an input": on_input,
    }


@pytest.mark.parametrize("graph", kept_clamps().values(), ids=kept_clamps().keys())
def test_clamps_stay_where_folding_would_change_something(graph: Graph) -> None:
    """Other readers, outputs, another scale, a taken activation, no producer: nothing is folded."""
    assert fold_activations(graph) is graph


def test_identities_are_left_out() -> None:
    """A RESHAPE to the same shape, a QUANTIZE to the same scale, an empty PAD and a concatenation of one disappear."""
    b = builder()
    x = b.node("LOGISTIC", (b.input((1, 2, 2, 3)),), NoAttrs(), PROBABILITY)
    for op, attrs in (
        ("RESHAPE", Reshape((1, 2, 2, 3))),
        ("QUANTIZE", Quantize("int8")),
        ("PAD", Pad((0, 0, 0, 0), (0, 0, 0, 0))),
        ("CONCATENATION", Concatenation(3)),
    ):
        x = b.node(op, (x,), attrs, PROBABILITY)
    graph = b.graph((b.node("QUANTIZE", (x,), Quantize("int8")),))
    kept = drop_identities(graph)
    assert ops(kept) == ["LOGISTIC", "QUANTIZE"]
    same_outputs(graph, kept)


def test_what_changes_something_is_no_identity() -> None:
    """A RESHAPE to another shape and a QUANTIZE to another scale stay."""
    b = builder()
    x = b.node("RESHAPE", (b.input((1, 2, 2, 3)),), Reshape((1, 12)))
    graph = b.graph((b.node("QUANTIZE", (x,), Quantize("int8"), PROBABILITY),))
    assert drop_identities(graph) is graph


@pytest.mark.parametrize("length", [1, 2, 3])
def test_an_input_never_becomes_an_output(length: int) -> None:
    """However many identities stand between an input and an output, one stays, so that they are two values."""
    b = builder()
    x = b.input((1, 2, 2, 3))
    for _ in range(length):
        x = b.node("RESHAPE", (x,), Reshape((1, 2, 2, 3)))
    graph = b.graph((x,))
    kept = drop_identities(graph)
    assert ops(kept) == ["RESHAPE"]
    assert not set(kept.outputs) & set(kept.inputs)
    same_outputs(graph, kept)


def test_outputs_stay_different_values() -> None:
    """Two outputs that are copies of one value do not become one."""
    b = builder()
    x = b.node("RELU", (b.input((1, 2, 2, 3)),), NoAttrs())
    copies = tuple(b.node("RESHAPE", (x,), Reshape((1, 2, 2, 3))) for _ in range(2))
    graph = b.graph(copies)
    kept = drop_identities(graph)
    assert len(set(kept.outputs)) == 2
    same_outputs(graph, kept)


def test_shape_arithmetic_is_computed_before_run_time() -> None:
    """SHAPE, STRIDED_SLICE and PACK, as converters leave them behind a flatten, become one constant."""
    b = builder()
    x = b.input((1, 4, 2, 3))
    shape = b.node("SHAPE", (x,), Shape("int32"), None)
    batch = b.node("STRIDED_SLICE", (shape,), StridedSlice((0,), (1,), (1,), (0,)), None)
    rest = Constant("rest", (), INT32, None, np.array(24, np.int32))
    b.values["rest"] = rest
    packed = b.node("PACK", (batch, "rest"), Pack(0), None)
    relu = b.node("RELU", (x,), NoAttrs())
    graph = b.graph((relu, packed))
    folded = fold_constants(graph)
    assert ops(folded) == ["RELU"]
    np.testing.assert_array_equal(folded.constant(packed).values, [1, 24])
    same_outputs(graph, folded)


def test_constants_are_computed_as_at_run_time() -> None:
    """The sum of two constants is folded to the very bytes that the graph would have computed."""
    b = builder()
    first, second = b.weights((1, 2, 2, 3), SHARED), b.weights((1, 2, 2, 3), SHARED)
    total = b.node("ADD", (first, second), Binary())
    graph = b.graph((b.node("ADD", (b.input((1, 2, 2, 3)), total), Binary()),))
    folded = fold_constants(graph)
    assert ops(folded) == ["ADD"]
    assert set(folded.values) == {"in0", total, graph.outputs[0]}
    same_outputs(graph, folded)


def test_huge_constants_are_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """A result of more elements than the limit is left for run time."""
    b = builder()
    total = b.node("ADD", (b.weights((1, 2, 2, 3), SHARED), b.weights((1, 2, 2, 3), SHARED)), Binary())
    graph = b.graph((b.node("ADD", (b.input((1, 2, 2, 3)), total), Binary()),))
    monkeypatch.setattr(import_module("mcuq.passes.fold_constants"), "MAX_FOLDED_ELEMENTS", 11)
    assert fold_constants(graph) is graph


def test_the_culprit_is_named() -> None:
    """A pass that makes an illegal graph is named in the error, with the rule that it broke."""

    def forget_everything(graph: Graph) -> Graph:
        return with_changes(graph, ())

    with pytest.raises(IllegalGraph, match=r"^after forget_everything: .*is never computed"):
        simplify(network(0), (forget_everything,))
