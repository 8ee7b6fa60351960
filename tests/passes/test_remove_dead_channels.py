"""Dead channels go, bit for bit nothing changes, and what is alive stays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mcuq.importers import load_model
from mcuq.interpreter import run
from mcuq.ir import Constant, Graph, verify, with_changes
from mcuq.ops import call_of, card_of, refusals
from mcuq.ops.binary import Binary
from mcuq.ops.mean import Mean
from mcuq.passes import remove_dead_channels, simplify
from mcuq.quantize import load_recipe, quantize
from tests.quantize.floats import FloatBuilder, samples_for


def _changed(graph: Graph, constant: str, channels: list[int], values: float | list[float], axis: int) -> Graph:
    old = graph.constant(constant)
    new = np.moveaxis(old.values.copy(), axis, 0)
    new[channels] = np.asarray(values, np.float32).reshape((-1,) + (1,) * (new.ndim - 1))
    return with_changes(graph, graph.nodes, [replace(old, values=np.moveaxis(new, 0, axis))])


def network_with_dead_channels() -> Graph:
    """conv (channels 1 and 3 without weights) -> depthwise (channel 0 without) -> conv -> mean -> dense."""
    b = FloatBuilder()
    x = b.conv(b.input((1, 6, 6, 2)), 5, size=1)
    y = b.conv(b.depthwise(x), 4, size=1)
    graph = b.graph(b.dense(b.node("MEAN", (y,), Mean((1, 2))), 3))
    conv, depthwise = graph.nodes[:2]
    graph = _changed(graph, conv.inputs[1], [1, 3], 0.0, 0)
    graph = _changed(graph, conv.inputs[2], [1, 3], [0.7, -0.4], 0)
    return _changed(graph, depthwise.inputs[1], [0], 0.0, 3)


def _macs(graph: Graph) -> int:
    return sum(card_of(node.op).macs(call_of(node, graph)) for node in graph.nodes)


def _same_bits(before: Graph, after: Graph) -> None:
    rng = np.random.default_rng(5)
    inputs = [rng.integers(-128, 128, (8, *before.tensor(name).shape), np.int8) for name in before.inputs]
    for mine, theirs in zip(run(after, inputs), run(before, inputs), strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("recipe", ["int8", "int4", "int8-q"])
def test_integer_graphs_keep_every_bit(recipe: str) -> None:
    """Dead with a bias, dead and zeroed by RELU, ended by a depthwise filter: fewer MACs, the same bytes."""
    graph = network_with_dead_channels()
    made = quantize(graph, [samples_for(graph, 80)], load_recipe(recipe)).graph
    pruned = remove_dead_channels(made)
    verify(pruned)
    assert refusals(pruned) == ()
    assert _macs(pruned) < 0.8 * _macs(made)
    assert [node.op for node in pruned.nodes] == [node.op for node in made.nodes]
    _same_bits(made, pruned)


def test_float_graphs_keep_their_function() -> None:
    """The same in float, up to the rounding of a sum."""
    graph = network_with_dead_channels()
    pruned = remove_dead_channels(graph)
    assert pruned.tensor(graph.nodes[0].outputs[0]).shape[-1] < 5
    data = samples_for(graph, 20)
    np.testing.assert_allclose(run(pruned, data)[0], run(graph, data)[0], rtol=1e-4, atol=1e-5)


def test_exact_leaves_floats_as_they_are() -> None:
    """A float sum without its zeros may round otherwise, so exact removal does not touch it."""
    graph = network_with_dead_channels()
    assert remove_dead_channels(graph, exact=True) is graph
    quantized = quantize(graph, [samples_for(graph, 20)], load_recipe("int8")).graph
    assert _macs(remove_dead_channels(quantized, exact=True)) == _macs(remove_dead_channels(quantized)) < _macs(graph)


def test_channels_stay_in_blocks() -> None:
    """With `multiple`, so many dead channels stay that kernels find whole blocks; and then nothing more is found."""
    b = FloatBuilder()
    graph = b.graph(b.conv(b.conv(b.input((1, 4, 4, 2)), 11, size=1), 2, size=1))
    graph = _changed(graph, graph.nodes[0].inputs[1], [0, 2, 4, 5, 9, 10], 0.0, 0)
    for multiple, left in ((1, 5), (4, 8), (8, 8), (16, 11)):
        pruned = remove_dead_channels(graph, multiple=multiple)
        assert pruned.tensor(graph.nodes[0].outputs[0]).shape[-1] == left
        assert remove_dead_channels(pruned, multiple=multiple) is pruned


def test_without_dead_channels_nothing_changes() -> None:
    """The very same object comes back."""
    b = FloatBuilder()
    graph = b.graph(b.conv(b.depthwise(b.conv(b.input((1, 6, 6, 2)), 4)), 3, size=1))
    assert remove_dead_channels(graph) is graph


def test_what_others_read_stays() -> None:
    """An ADD, a graph output, a padded reader of a value that is not zero: their channels keep their places."""
    b = FloatBuilder()
    first = b.conv(b.input((1, 6, 6, 2)), 4, size=1)
    second = b.conv(first, 4)
    graph = b.graph(b.node("ADD", (first, second), Binary()), b.conv(second, 2))
    for node in graph.nodes[:2]:
        graph = _changed(graph, node.inputs[1], [1], 0.0, 0)
        graph = _changed(graph, node.inputs[2], [1], 0.5, 0)
    assert remove_dead_channels(graph) is graph


def test_a_padded_reader_keeps_what_is_not_zero() -> None:
    """At the image's edge a constant that is not zero adds less, so it is no bias; a zero may go."""
    for bias, channels in ((0.5, 4), (-0.5, 3)):
        b = FloatBuilder()
        graph = b.graph(b.conv(b.conv(b.input((1, 6, 6, 2)), 4, size=1), 2))
        graph = _changed(graph, graph.nodes[0].inputs[1], [1], 0.0, 0)
        graph = _changed(graph, graph.nodes[0].inputs[2], [1], bias, 0)
        pruned = remove_dead_channels(graph)
        assert pruned.tensor(graph.nodes[0].outputs[0]).shape[-1] == channels
        data = samples_for(graph, 10)
        np.testing.assert_allclose(run(pruned, data)[0], run(graph, data)[0], rtol=1e-4, atol=1e-5)


def test_a_layer_that_is_all_dead_keeps_one_channel() -> None:
    """Tensors have at least one channel."""
    b = FloatBuilder()
    graph = b.graph(b.conv(b.conv(b.input((1, 4, 4, 2)), 3, size=1), 2, size=1))
    graph = _changed(graph, graph.nodes[0].inputs[1], [0, 1, 2], 0.0, 0)
    pruned = remove_dead_channels(graph)
    assert pruned.tensor(graph.nodes[0].outputs[0]).shape[-1] == 1
    data = samples_for(graph, 5)
    np.testing.assert_allclose(run(pruned, data)[0], run(graph, data)[0], rtol=1e-4, atol=1e-5)


def test_shared_weights_stay_whole_for_the_other_layer() -> None:
    """A constant that two layers read is copied before it shrinks."""
    b = FloatBuilder()
    x = b.input((1, 4, 4, 2))
    y = b.conv(x, 3, size=1)
    other = b.node("CONV_2D", (x, *b.nodes[0].inputs[1:]), b.nodes[0].attrs)
    graph = b.graph(b.conv(y, 2, size=1), other)
    graph = _changed(graph, graph.nodes[0].inputs[1], [1], 0.0, 0)
    pruned = remove_dead_channels(graph)
    assert pruned.tensor(y).shape[-1] == 2
    assert pruned.tensor(other).shape[-1] == 3
    data = samples_for(graph, 5)
    for mine, theirs in zip(run(pruned, data), run(graph, data), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.zoo
def test_vww_halves(zoo: Path) -> None:
    """MLPerf Tiny's person detector has dead channels: half of its MACs and 86 % of its weights go, no bit changes."""
    graph = simplify(load_model(zoo / "models" / "vww_mobilenet025_int8.tflite"))
    pruned = remove_dead_channels(graph)
    assert _macs(pruned) < 0.501 * _macs(graph)
    weights = [
        sum(v.elements for v in g.values.values() if isinstance(v, Constant) and len(v.shape) > 1)
        for g in (graph, pruned)
    ]
    assert weights[1] < 0.15 * weights[0]
    _same_bits(graph, pruned)
