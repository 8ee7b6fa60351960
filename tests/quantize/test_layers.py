"""Weights and inputs as matrices mean what the op cards compute."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mcuq.interpreter import run_node
from mcuq.ir import Constant, Graph, Node
from mcuq.ops.depthwise_conv_2d import DepthwiseConv2D
from mcuq.ops.window import Padding
from mcuq.quantize.layers import bias_of, from_matrices, groups_of, to_matrices, unfolded, weighted_nodes, weights_of
from mcuq.quantize.statistics import input_statistics
from tests.quantize.floats import FloatBuilder, residual_network, samples_for


def _multiplying_depthwise() -> Graph:
    b = FloatBuilder(1)
    x = b.input((1, 5, 4, 2))
    attrs = DepthwiseConv2D((2, 1), (1, 1), Padding(1, 0, 0, 1), 3, "NONE")
    return b.graph(b.node("DEPTHWISE_CONV_2D", (x, *b.parameters((1, 3, 2, 6), 6, 6)), attrs))


def _linear(node: Node) -> Node:
    return replace(node, attrs=replace(node.attrs, activation="NONE"))


@pytest.mark.parametrize("graph", [residual_network(), _multiplying_depthwise()], ids=["residual", "depthwise"])
def test_matrices_times_unfolded_inputs_are_the_layer(graph: Graph) -> None:
    """For every layer: groups, taps and rows are laid out so that a product plus the bias is the card's result."""
    rng = np.random.default_rng(2)
    for layer in weighted_nodes(graph):
        node = _linear(layer)
        x = rng.normal(size=(3, *graph[node.inputs[0]].shape)).astype(np.float32)
        weights = weights_of(node, graph)
        groups = groups_of(node, graph)
        matrices = to_matrices(node, weights.values, groups)
        np.testing.assert_array_equal(from_matrices(node, matrices, weights.shape), weights.values)
        (inputs,) = next(iter(unfolded(node, graph, (x,))))
        products = np.einsum("grt,gct->rgc", inputs, matrices).reshape(inputs.shape[1], -1) + bias_of(node, graph)
        operands = tuple(v.values[None] for v in graph.operands(node)[1:] if isinstance(v, Constant))
        expected = run_node(node, graph, (x, *operands))[0]
        np.testing.assert_allclose(products, expected.reshape(products.shape), rtol=1e-4, atol=1e-4)


def test_statistics_are_those_of_all_rows_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Means and covariances, collected in chunks, equal those computed at once."""
    graph = residual_network()
    node = weighted_nodes(graph)[0]
    floats = samples_for(graph, 7)[0]
    seen = floats + np.random.default_rng(3).normal(0, 0.1, floats.shape).astype(np.float32)
    monkeypatch.setattr("mcuq.quantize.layers.CHUNK_ELEMENTS", 4000)
    found = input_statistics(node, graph, floats, seen)
    monkeypatch.setattr("mcuq.quantize.layers.CHUNK_ELEMENTS", 1 << 30)
    x, z = (array[0].astype(np.float64) for array in next(iter(unfolded(node, graph, (floats, seen)))))
    assert found.rows == len(x)
    np.testing.assert_allclose(found.mean[0], z.mean(axis=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.float_mean[0], x.mean(axis=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.covariance[0], np.cov(z.T, bias=True), rtol=1e-3, atol=1e-4)
    cross = (x - x.mean(axis=0)).T @ (z - z.mean(axis=0)) / len(x)
    np.testing.assert_allclose(found.cross[0], cross, rtol=1e-3, atol=1e-4)
    about_zero = z.T @ z / len(z)
    np.testing.assert_allclose(found.about_zero().covariance[0], about_zero, rtol=1e-3, atol=1e-3)
