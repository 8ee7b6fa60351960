"""A schedule: one step a node that costs something, with the first kernel that can, and refusals told all at once."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from mcuq.errors import UnsupportedModel
from mcuq.ir import INT8, Constant, Graph, Node, Quantization, with_changes
from mcuq.ops import NoAttrs, call_of, card_of
from mcuq.ops.binary import Binary
from mcuq.ops.concatenation import Concatenation
from mcuq.ops.conv_2d import Conv2D
from mcuq.ops.reshape import Reshape
from mcuq.schedule import KERNELS, schedule
from mcuq.schedule.kernels.binary_portable import PairDimension, pair_loops
from mcuq.schedule.kernels.packing import fold_zero_point
from tests.networks import Builder, network, residual_block

SEEDS = range(60)


@pytest.mark.parametrize("seed", SEEDS)
def test_steps_follow_the_graph(seed: int) -> None:
    """Steps are numbered in execution order, each computes nodes of the graph; every run-time value has a place."""
    graph = network(seed)
    planned = schedule(graph)
    assert [step.index for step in planned.steps] == list(range(len(planned.steps)))
    order = [graph.nodes.index(node) for step in planned.steps for node in step.nodes]
    assert order == sorted(set(order))
    tensors = {name for name in graph.values if not graph.is_constant(name)}
    assert {location.value for location in planned.locations} == tensors
    for step in planned.steps:
        assert step.layers == step.nodes[0].origin
        assert all(not graph.is_constant(name) for name in step.inputs)


@pytest.mark.parametrize("seed", SEEDS)
def test_values_lie_inside_their_buffers(seed: int) -> None:
    """No value reaches beyond the buffer that it shares, and only aliases share one."""
    planned = schedule(network(seed))
    for location in planned.locations:
        end = location.offset_bytes + planned.graph.tensor(location.value).bytes
        assert end <= planned.buffer(location.buffer).bytes
    computed = {name for step in planned.steps for name in step.outputs}
    homes = [(x.buffer, x.offset_bytes) for x in planned.locations if x.value in computed]
    assert len(homes) == len(set(homes))


@pytest.mark.parametrize("seed", SEEDS)
def test_macs_are_those_of_the_cards(seed: int) -> None:
    """The schedule counts the MACs that the cards count, step by step and in all."""
    graph = network(seed)
    planned = schedule(graph)
    expected = [card_of(node.op).macs(call_of(node, graph)) for node in graph.nodes]
    assert planned.macs == sum(expected)
    assert planned.constant_bytes == sum(c.values.nbytes for step in planned.steps for c in step.constants)


def test_kernels_have_names_of_their_own() -> None:
    """A kernel's name names its template, so no two kernels share one."""
    names = [kernel.name for kernel in KERNELS]
    assert len(set(names)) == len(names)


def test_everything_that_has_no_kernel_is_told_at_once() -> None:
    """Two nodes that nothing computes are both named, with their layers."""
    graph = residual_block()
    unknown = tuple(replace(node, arithmetic="float", op="TRANSPOSE") for node in graph.nodes[:2])
    with pytest.raises(UnsupportedModel) as error:
        schedule(replace(graph, nodes=(*unknown, graph.nodes[2])))
    assert str(error.value).count("TRANSPOSE") == 2
    assert "layer0" in str(error.value)
    assert "layer1" in str(error.value)


def test_constant_outputs_are_refused() -> None:
    """An output that does not depend on any input has no place at run time; the error names it."""
    graph = residual_block()
    known = Constant("known", (1,), INT8, None, np.zeros(1, np.int8))
    graph = replace(with_changes(graph, graph.nodes, (known,)), outputs=(*graph.outputs, "known"))
    with pytest.raises(UnsupportedModel, match="'known' does not depend on any input"):
        schedule(graph)


def concatenation(axis: int, shared: bool = False, output: bool = False, wide: bool = False) -> Graph:
    """Two computed operands joined; `shared`: one value twice; `output`: an operand is also an output."""
    b = Builder(np.random.default_rng(0))
    x = b.input((1, 3, 4, 2))
    first = b.node("RELU", (x,), NoAttrs())
    second = b.node("RELU", (x,), NoAttrs())
    parts = [first, first] if shared else [first, second]
    if wide:
        parts = [b.node("RESHAPE", (part,), Reshape((2, 3, 4))) for part in parts]
    y = b.node("CONCATENATION", tuple(parts), Concatenation(axis))
    unread = () if not shared else (second,)
    return b.graph((y, *unread, *((first,) if output else ())))


@pytest.mark.parametrize(
    ("graph", "copied"),
    [
        (concatenation(1), False),
        (concatenation(3), True),
        (concatenation(1, shared=True), True),
        (concatenation(1, output=True), True),
        (concatenation(0, wide=True), True),
        (concatenation(2, wide=True), True),
    ],
    ids=["rows", "channels", "one value twice", "an operand is an output", "views at the front", "views inside"],
)
def test_when_concatenations_are_copied(graph: Graph, copied: bool) -> None:
    """A concatenation is free where its operands can be written straight into it, and a step where they cannot."""
    assert any(step.kernel.startswith("concatenation/") for step in schedule(graph).steps) == copied


def test_reshapes_of_constants_are_no_free_views() -> None:
    """A constant has no place in the arena, so its RESHAPE must be folded before; left over, it is refused."""
    b = Builder(np.random.default_rng(0))
    constant = b.weights((1, 2, 2, 1), Quantization((1.0,), (0,)))
    graph = b.graph((b.node("ADD", (b.input((1, 4)), b.node("RESHAPE", (constant,), Reshape((1, 4)))), Binary()),))
    with pytest.raises(UnsupportedModel, match="RESHAPE"):
        schedule(graph)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((1, 4, 4, 3), (1, 4, 4, 3), [(48, 1, 1)]),
        ((1, 4, 4, 3), (3,), [(16, 3, 0), (3, 1, 1)]),
        ((1, 4, 4, 3), (), [(48, 1, 0)]),
        ((1, 4, 1, 3), (1, 1, 5, 3), [(4, 3, 0), (5, 0, 3), (3, 1, 1)]),
        ((1, 1), (1,), [(1, 0, 0)]),
        ((2, 1, 3), (2, 4, 1), [(2, 3, 4), (4, 0, 1), (3, 1, 0)]),
    ],
)
def test_broadcast_loops(a: tuple[int, ...], b: tuple[int, ...], expected: list[tuple[int, int, int]]) -> None:
    """Dimensions merge wherever both operands run on, and a broadcast operand has stride 0."""
    y = tuple(int(n) for n in np.broadcast_shapes(a, b))
    loops = pair_loops(a, b, y)
    assert loops == tuple(PairDimension(*loop) for loop in expected)
    assert math.prod(loop.size for loop in loops) == math.prod(y)


def test_zero_points_are_folded_where_the_accumulator_allows() -> None:
    """bias - zero_point * sum of weights, unless an accumulator could then overflow 32 bits."""
    weights = np.array([[1, 2, 3], [-4, 5, -6]], np.int8)
    folded = fold_zero_point(np.array([10, 20]), weights, -128)
    assert folded is not None
    np.testing.assert_array_equal(folded, [10 + 128 * 6, 20 - 128 * 5])
    assert fold_zero_point(np.array([(1 << 31) - 1, 0]), weights, -128) is None


def test_padded_convolutions_keep_the_zero_point() -> None:
    """Where a window leaves the image, the zero point cannot be folded: the border reads as zero, not as a number."""
    b = Builder(np.random.default_rng(0))
    x = b.input((1, 4, 4, 1))
    inside = b.node("CONV_2D", (x, b.weights((1, 3, 3, 1), Quantization((0.01,), (0,)))), Conv2D())
    padded = residual_block()
    assert schedule(b.graph((inside,))).steps[0].shape.folded
    assert not schedule(padded).steps[0].shape.folded


def test_steps_speak_the_users_names() -> None:
    """A step's layers are the origins of its nodes, each once."""
    planned = schedule(residual_block())
    assert [step.layers for step in planned.steps] == [("layer0",), ("layer1",), ("layer2",)]
    node = Node("ADD", ("a",), ("b",), Binary(), "tflm", ("one", "two", "one"))
    assert replace(planned.steps[0], nodes=(node,)).layers == ("one", "two")
