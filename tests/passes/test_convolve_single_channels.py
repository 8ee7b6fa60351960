"""Depthwise convolutions of one channel become convolutions, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest

from mcuq.interpreter import run
from mcuq.ir import Graph, verify
from mcuq.ops import refusals
from mcuq.ops.depthwise_conv_2d import DepthwiseConv2D
from mcuq.ops.window import Padding
from mcuq.passes import simplify
from mcuq.passes.convolve_single_channels import convolve_single_channels
from mcuq.quantize import load_recipe, quantize
from tests.quantize.floats import FloatBuilder, samples_for


def network(depth: int) -> Graph:
    """A strided, padded depthwise convolution with several filters a channel, and one that reads its result."""
    b = FloatBuilder()
    x = b.input((1, 9, 7, depth))
    weights, bias = b.parameters((1, 4, 3, 6 * depth), 6 * depth, 12)
    attrs = DepthwiseConv2D((2, 1), (1, 1), Padding(1, 2, 1, 1), 6, "RELU")
    return b.graph(b.depthwise(b.node("DEPTHWISE_CONV_2D", (x, weights, bias), attrs)))


@pytest.mark.parametrize("recipe", ["int8", "int4", "int8-q", "int16x8", "dynamic", "weights8", "float16", "float"])
def test_every_arithmetic_keeps_its_answers(recipe: str) -> None:
    """The one channel's layer is a CONV_2D that answers the same bytes (not where inputs are quantized at run time)."""
    graph = network(1)
    made = quantize(graph, [samples_for(graph)], load_recipe(recipe)).graph
    after = verify(convolve_single_channels(made))
    assert refusals(after) == ()
    weighted = [node.op for node in after.nodes if node.op.endswith("CONV_2D")]
    assert weighted == ["DEPTHWISE_CONV_2D" if recipe == "dynamic" else "CONV_2D", "DEPTHWISE_CONV_2D"]
    tensor = made.tensor(made.inputs[0])
    rng = np.random.default_rng(2)
    x = rng.integers(-128, 128, (5, *tensor.shape)) if tensor.dtype.is_integer else rng.normal(size=(5, *tensor.shape))
    before, now = (run(g, [x.astype(tensor.dtype.numpy)])[0] for g in (made, after))
    if tensor.dtype.is_integer or recipe == "dynamic":
        np.testing.assert_array_equal(before, now)
    else:  # sums of float products round in another order
        np.testing.assert_allclose(before, now, rtol=0, atol=1e-6 * np.abs(before).max())


def test_several_channels_stay() -> None:
    """With two channels the layer is no convolution: the very graph comes back."""
    graph = network(2)
    assert convolve_single_channels(graph) is graph


def test_it_is_part_of_simplifying() -> None:
    """Every model that is loaded gets it."""
    assert simplify(network(1)).nodes[0].op == "CONV_2D"
