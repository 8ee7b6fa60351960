"""Batch norm and its kin vanish into the float layer in front of them, and nothing else does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mcuq.interpreter import run
from mcuq.ops import NoAttrs
from mcuq.ops.binary import Binary
from mcuq.passes import simplify
from mcuq.passes.fold_affine import fold_affine
from tests.quantize.floats import FloatBuilder, samples_for


@pytest.mark.parametrize("layer", ["conv", "depthwise", "dense"])
def test_scale_shift_and_relu_become_the_layers_own(layer: str) -> None:
    """MUL, ADD, SUB on either side and a RELU of its own: one layer remains, and it computes the same."""
    b = FloatBuilder()
    x = b.input((1, 4, 4, 3) if layer != "dense" else (1, 6))
    y = {"conv": lambda: b.conv(x, 5, activation="NONE"), "depthwise": lambda: b.depthwise(x, "NONE")}.get(
        layer, lambda: b.dense(x, 5)
    )()
    channels = b.values[y].shape[-1]
    y = b.node("MUL", (y, b.constant(b.rng.normal(1, 0.3, channels))), Binary())
    y = b.node("ADD", (b.constant(b.rng.normal(size=(1,) * (len(b.values[y].shape) - 1) + (channels,))), y), Binary())
    y = b.node("SUB", (b.constant(np.array([0.5])), y), Binary())
    y = b.node("SUB", (y, b.constant(b.rng.normal(size=channels))), Binary())
    graph = b.graph(b.node("RELU", (y,), NoAttrs()))
    folded = simplify(graph)
    assert [node.op for node in folded.nodes] == [graph.nodes[0].op]
    assert folded.nodes[0].attrs.activation == "RELU"
    assert folded.nodes[0].origin == tuple(name for node in graph.nodes for name in node.origin)
    data = samples_for(graph, 20)
    np.testing.assert_allclose(run(folded, data)[0], run(graph, data)[0], rtol=1e-4, atol=1e-5)


def test_a_layer_without_bias_gets_one() -> None:
    """The offset needs a place."""
    b = FloatBuilder()
    y = b.conv(b.input((1, 4, 4, 2)), 3, activation="NONE")
    b.nodes[-1] = replace(b.nodes[-1], inputs=b.nodes[-1].inputs[:2])
    graph = b.graph(b.node("ADD", (y, b.constant(np.array([1.0, 2.0, 3.0]))), Binary()))
    folded = fold_affine(graph)
    assert len(folded.nodes) == 1
    data = samples_for(graph, 5)
    np.testing.assert_allclose(run(folded, data)[0], run(graph, data)[0], rtol=1e-5, atol=1e-6)


def test_shared_weights_stay_those_of_the_other_layer() -> None:
    """Two layers with the same constants: only the scaled one gets new ones."""
    b = FloatBuilder()
    x = b.input((1, 4, 4, 2))
    first = b.conv(x, 3, activation="NONE")
    second = b.node("CONV_2D", (x, *b.nodes[0].inputs[1:]), b.nodes[0].attrs)
    scaled = b.node("MUL", (first, b.constant(np.array([2.0]))), Binary())
    graph = b.graph(scaled, second)
    folded = fold_affine(graph)
    data = samples_for(graph, 5)
    for mine, theirs in zip(run(folded, data), run(graph, data), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)
    assert len(folded.nodes) == 2


def test_what_others_see_is_not_folded() -> None:
    """Another reader, a graph output, an activation in between, a constant that varies over the image: untouched."""
    b = FloatBuilder()
    x = b.input((1, 4, 4, 2))
    clamped, shared = b.conv(x, 2), b.conv(x, 2, activation="NONE")
    varied, shown = b.conv(x, 2, activation="NONE"), b.conv(x, 2, activation="NONE")
    scale = b.constant(np.array([2.0, 3.0]))
    products = [b.node("MUL", (name, scale), Binary()) for name in (clamped, shared, shown)]
    image = b.node("MUL", (varied, b.constant(b.rng.normal(size=(1, 4, 4, 1)))), Binary())
    summed = b.node("ADD", (shared, clamped), Binary())
    graph = b.graph(*products, image, summed, shown)
    assert fold_affine(graph) is graph
