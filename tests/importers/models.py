"""Small models made for the importers' tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from mcuq.ir import FLOAT32, INT8, INT32, Constant, DType, Graph, Node, Quantization, Tensor, Value
from mcuq.ops import NoAttrs, card_of
from mcuq.ops.binary import Binary
from mcuq.ops.concatenation import Concatenation
from mcuq.ops.conv_2d import Conv2D
from mcuq.ops.depthwise_conv_2d import DepthwiseConv2D
from mcuq.ops.fully_connected import FullyConnected
from mcuq.ops.mean import Mean
from mcuq.ops.pack import Pack
from mcuq.ops.pad import Pad
from mcuq.ops.pool import Pool2D
from mcuq.ops.quantize import Quantize
from mcuq.ops.reshape import Reshape
from mcuq.ops.shape import Shape
from mcuq.ops.softmax import Softmax
from mcuq.ops.strided_slice import StridedSlice
from mcuq.ops.window import Padding

Q = Quantization((0.5,), (3,))
R = Quantization((0.25,), (-7,))
PROBABILITY = Quantization((1 / 256,), (-128,))


class Sketch:
    """A graph that grows by one node a call; shapes come from the cards."""

    def __init__(self, name: str = "sketch") -> None:
        self.name = name
        self.values: dict[str, Value] = {}
        self.nodes: list[Node] = []
        self.inputs: list[str] = []

    def input(self, name: str, shape: tuple[int, ...], q: Quantization | None = Q, dtype: DType = INT8) -> str:
        """A new graph input."""
        self.values[name] = Tensor(name, shape, dtype, q)
        self.inputs.append(name)
        return name

    def constant(self, name: str, numbers: object, dtype: DType, q: Quantization | None = None) -> str:
        """A new constant."""
        values = np.array(numbers, dtype.numpy)
        self.values[name] = Constant(name, values.shape, dtype, q, values)
        return name

    def weights(self, name: str, shape: tuple[int, ...], axis: int | None) -> str:
        """Small weights, per channel where an axis is given."""
        count = 1 if axis is None else shape[axis]
        scales = tuple(float(np.float32(0.01 * (index + 1))) for index in range(count))
        q = Quantization(scales, (0,) * count, axis if count > 1 else None)
        numbers = (np.arange(np.prod(shape)) * 37 % 255 - 127).reshape(shape)
        return self.constant(name, numbers, INT8, q)

    def node(self, op: str, inputs: tuple[str, ...], output: str, attrs: Any, q: Quantization | None = R) -> str:
        """A new node; the name of its output."""
        operands = tuple(self.values[name] for name in inputs)
        ((shape, dtype),) = card_of(op).infer(attrs, operands)
        self.values[output] = Tensor(output, shape, dtype, q if dtype.is_integer else None)
        arithmetic = "float" if operands[0].dtype == FLOAT32 == dtype else "tflm"
        self.nodes.append(Node(op, inputs, (output,), attrs, arithmetic, (output,)))
        return output

    def graph(self, *outputs: str) -> Graph:
        """What has been drawn."""
        return Graph(self.name, self.values, tuple(self.nodes), tuple(self.inputs), outputs)


def small_conv() -> Graph:
    """One convolution with a per-channel bias."""
    s = Sketch("small_conv")
    x, w = s.input("x", (1, 5, 5, 2)), s.weights("w", (3, 2, 2, 2), 0)
    q = s.values[w].quantization
    assert q is not None
    products = tuple(float(np.float32(0.5 * scale)) for scale in q.scales)
    b = s.constant("b", [1, -2, 300], INT32, Quantization(products, (0, 0, 0), 0))
    return s.graph(s.node("CONV_2D", (x, w, b), "y", Conv2D(activation="RELU")))


def many_ops() -> Graph:
    """Every op that has a card, in one graph of two inputs and several outputs."""
    s = Sketch("many_ops")
    f = s.input("float", (1, 6, 6, 2), None, FLOAT32)
    a = s.node("QUANTIZE", (f,), "quantized", Quantize("int8"), Q)
    b = s.input("b", (1, 6, 6, 2))
    added = s.node("ADD", (a, b), "added", Binary("RELU"), Q)
    product = s.node("MUL", (added, b), "product", Binary(), Q)
    difference = s.node("SUB", (product, a), "difference", Binary("RELU6"), Q)
    joined = s.node("CONCATENATION", (difference, b), "joined", Concatenation(3), Q)
    conv = s.node(
        "CONV_2D", (joined, s.weights("w", (3, 3, 3, 4), 0)), "conv", Conv2D((2, 2), (1, 1), Padding(0, 1, 0, 1))
    )
    deep = s.node(
        "DEPTHWISE_CONV_2D",
        (conv, s.weights("v", (1, 2, 2, 6), 3)),
        "deep",
        DepthwiseConv2D(padding=Padding(0, 1, 0, 1), depth_multiplier=2),
    )
    relu = s.node("RELU", (deep,), "relu", NoAttrs(), Q)
    relu6 = s.node("RELU6", (relu,), "relu6", NoAttrs(), Q)
    logistic = s.node("LOGISTIC", (relu6,), "logistic", NoAttrs(), PROBABILITY)
    tanh = s.node("TANH", (relu6,), "tanh", NoAttrs(), Quantization((1 / 128,), (0,)))
    padded = s.node("PAD", (relu6,), "padded", Pad((0, 1, 0, 0), (0, 0, 1, 0)), Q)
    filled = s.node("PAD", (padded,), "filled", Pad((0, 0, 1, 0), (0, 1, 0, 0), 9), Q)
    largest = s.node("MAX_POOL_2D", (filled,), "largest", Pool2D((2, 2), (1, 1)), Q)
    average = s.node("AVERAGE_POOL_2D", (largest,), "average", Pool2D((2, 2), (2, 2)), Q)
    mean = s.node("MEAN", (average,), "mean", Mean((1, 2)))
    flat = s.node("RESHAPE", (mean,), "flat", Reshape((6, 1)))
    row = s.node("RESHAPE", (flat,), "row", Reshape((1, 6)))
    dense = s.node("FULLY_CONNECTED", (row, s.weights("u", (4, 6), None)), "dense", FullyConnected())
    softmax = s.node("SOFTMAX", (dense,), "softmax", Softmax(), PROBABILITY)
    real = s.node("DEQUANTIZE", (softmax,), "real", NoAttrs(), None)
    sizes = s.node("SHAPE", (b,), "sizes", Shape(), None)
    first = s.node("STRIDED_SLICE", (sizes,), "first", StridedSlice((0,), (1,), (1,), (0,)), None)
    packed = s.node("PACK", (first, first), "packed", Pack(0), None)
    return s.graph(real, logistic, tanh, packed)
