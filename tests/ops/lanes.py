"""Random graphs for kernels of cores without DSP instructions: any channels, clamps, windows beyond the image."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from mcuq.ir import Graph, Quantization
from mcuq.ops.conv_2d import Conv2D
from mcuq.ops.fully_connected import FullyConnected
from mcuq.ops.window import Padding, same_padding
from tests.ops.dsp import any_depthwise_graphs, image, layer
from tests.ops.strategies import Draw, single_op, tensor

activations = st.sampled_from(("NONE", "RELU", "RELU6"))


@st.composite
def conv_graphs(draw: Draw) -> Graph:
    """CONV_2D: strides beyond the window, windows beyond the image, dilation, one output pixel, odd channels."""
    x = image(draw, draw(st.sampled_from((1, 2, 3, 5, 8, 17))))
    size = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    stride = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    dilation = (draw(st.integers(1, 2)), draw(st.integers(1, 2))) if stride == (1, 1) else (1, 1)
    padding = same_padding(size, stride, dilation, x.shape[1:3]) if draw(st.booleans()) else Padding()
    operands, output = layer(draw, x, (draw(st.integers(1, 9)), *size, x.shape[3]), 0)
    return single_op("CONV_2D", operands, Conv2D(stride, dilation, padding, draw(activations)), output)


@st.composite
def fully_connected_graphs(draw: Draw) -> Graph:
    """FULLY_CONNECTED: any depth, any outputs, several rows."""
    shape = draw(st.integers(1, 3)), draw(st.integers(1, 40))
    x = tensor("x", shape, Quantization((0.05,), (draw(st.sampled_from((-128, 0, 3, 127))),)))
    operands, output = layer(draw, x, (draw(st.integers(1, 9)), shape[1]), 0, per_channel=draw(st.booleans()))
    return single_op("FULLY_CONNECTED", operands, FullyConnected(activation=draw(activations)), output)


GRAPHS: dict[str, Any] = {
    "conv_2d/lanes": conv_graphs(),
    "depthwise_conv_2d/lanes": any_depthwise_graphs(),
    "fully_connected/lanes": fully_connected_graphs(),
}
