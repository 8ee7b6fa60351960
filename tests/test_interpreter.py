"""The interpreter runs a graph node by node, on many samples at once, whatever the batch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mcuq.interpreter import evaluate, run, run_all, run_node
from mcuq.ir import INT8, Constant, Graph, with_changes
from mcuq.ops import NoAttrs
from mcuq.ops.shape import Shape
from tests.networks import Builder, network, residual_block
from tests.ops.strategies import inputs_for


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("batch", [1, 2, 5, 100])
def test_batches_do_not_matter(seed: int, batch: int) -> None:
    """Samples that are computed together give what they give alone."""
    graph = network(seed)
    inputs = inputs_for(graph, seed, 5)
    for together, apart in zip(run(graph, inputs), run(graph, inputs, batch), strict=True):
        np.testing.assert_array_equal(together, apart)


@pytest.mark.parametrize("seed", range(10))
def test_all_values_are_those_of_the_outputs(seed: int) -> None:
    """`run_all` gives every run-time value by name, with a sample axis, and the outputs are among them."""
    graph = network(seed)
    inputs = inputs_for(graph, seed, 3)
    values = run_all(graph, inputs)
    assert set(values) == {name for name in graph.values if not graph.is_constant(name)}
    for name, output in zip(graph.outputs, run(graph, inputs), strict=True):
        np.testing.assert_array_equal(values[name], output)
    for name, value in values.items():
        assert value.shape == (3, *graph.tensor(name).shape)
        assert value.dtype == graph.tensor(name).dtype.numpy


def test_nodes_run_in_order() -> None:
    """`evaluate` yields each node once, in execution order, with its results."""
    graph = residual_block()
    yielded = list(evaluate(graph, inputs_for(graph, 0)))
    assert [node for node, _ in yielded] == list(graph.nodes)
    assert all(len(results) == 1 for _, results in yielded)


def test_a_node_alone_computes_the_same() -> None:
    """One node on the values of a whole run gives the value of that run."""
    graph = residual_block()
    values = run_all(graph, inputs_for(graph, 0))
    add = graph.nodes[-1]
    (result,) = run_node(add, graph, tuple(values[name] for name in add.inputs))
    np.testing.assert_array_equal(result, values[add.outputs[0]])


def test_inputs_are_not_changed() -> None:
    """Running a graph leaves the caller's arrays alone."""
    graph = residual_block()
    inputs = inputs_for(graph, 0)
    before = [array.copy() for array in inputs]
    run(graph, inputs)
    for array, copy in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_the_number_of_inputs_must_fit() -> None:
    """A missing input is an error, not a wrong result."""
    graph = residual_block()
    with pytest.raises(ValueError, match="zip"):
        run_all(graph, ())


def known_outputs() -> Graph:
    """A graph with three outputs: computed, a shape, and a constant."""
    b = Builder(np.random.default_rng(0))
    x = b.input((1, 2, 2, 3))
    outputs = (b.node("RELU", (x,), NoAttrs()), b.node("SHAPE", (x,), Shape("int32"), None))
    graph = b.graph(outputs)
    known = Constant("known", (2,), INT8, None, np.array([1, 2], np.int8))
    return replace(with_changes(graph, graph.nodes, (known,)), outputs=(*outputs, "known"))


def test_outputs_that_depend_on_no_input() -> None:
    """Shapes and constants come once a sample, like every other output."""
    graph = known_outputs()
    _, shape, known = run(graph, inputs_for(graph, 0, 4), batch=3)
    np.testing.assert_array_equal(shape, [[1, 2, 2, 3]] * 4)
    np.testing.assert_array_equal(known, [[1, 2]] * 4)


def test_an_input_may_be_an_output() -> None:
    """A graph that hands an input through gives it back."""
    graph = residual_block()
    (x,) = inputs_for(graph, 0)
    through = replace(graph, outputs=(*graph.outputs, "in0"))
    np.testing.assert_array_equal(run(through, (x,))[1], x)
