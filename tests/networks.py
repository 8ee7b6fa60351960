"""Random graphs of several ops: branches, joins, aliases, shared values, several inputs and outputs.

What single ops cannot show: that the memory plan keeps every value until its last reader has read it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mcuq.ir import FLOAT32, INT8, INT32, Constant, Graph, Node, Quantization, Tensor, Value, verify
from mcuq.ops import NoAttrs, card_of
from mcuq.ops.binary import Binary
from mcuq.ops.concatenation import Concatenation
from mcuq.ops.conv_2d import Conv2D
from mcuq.ops.depthwise_conv_2d import DepthwiseConv2D
from mcuq.ops.pad import Pad
from mcuq.ops.pool import Pool2D
from mcuq.ops.quantize import Quantize
from mcuq.ops.reshape import Reshape
from mcuq.ops.softmax import Softmax
from mcuq.ops.window import Padding, same_padding

SHARED = Quantization((0.0625,), (3,))
PROBABILITY = Quantization((1 / 256,), (-128,))
MAX_ELEMENTS = 600


class Builder:
    """A graph that grows: each method adds one node and gives the name of its result."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.values: dict[str, Value] = {}
        self.nodes: list[Node] = []
        self.inputs: list[str] = []

    def input(self, shape: tuple[int, ...], q: Quantization | None = SHARED) -> str:
        """A graph input, float where it has no quantization."""
        name = f"in{len(self.inputs)}"
        self.values[name] = Tensor(name, shape, FLOAT32 if q is None else INT8, q)
        self.inputs.append(name)
        return name

    def weights(self, shape: tuple[int, ...], q: Quantization) -> str:
        """int8 weights, or any other int8 constant."""
        name = f"w{len(self.values)}"
        self.values[name] = Constant(name, shape, INT8, q, self.rng.integers(-127, 128, shape).astype(np.int8))
        return name

    def bias(self, channels: int, scale: float) -> str:
        """An int32 bias."""
        name = f"b{len(self.values)}"
        values = self.rng.integers(-900, 900, channels).astype(np.int32)
        self.values[name] = Constant(name, (channels,), INT32, Quantization((scale,), (0,)), values)
        return name

    def node(self, op: str, inputs: tuple[str, ...], attrs: Any, q: Quantization | None = SHARED) -> str:
        """One node and its result."""
        ((shape, dtype),) = card_of(op).infer(attrs, tuple(self.values[name] for name in inputs))
        name = f"v{len(self.nodes)}"
        self.values[name] = Tensor(name, shape, dtype, q)
        self.nodes.append(Node(op, inputs, (name,), attrs, "tflm", (f"layer{len(self.nodes)}",)))
        return name

    def computed(self) -> list[str]:
        """The results of all nodes."""
        return [name for node in self.nodes for name in node.outputs]

    def graph(self, outputs: tuple[str, ...]) -> Graph:
        """The finished graph."""
        return verify(Graph("network", self.values, tuple(self.nodes), tuple(self.inputs), outputs))


def _shape(b: Builder, name: str) -> tuple[int, ...]:
    return b.values[name].shape


def _images(b: Builder) -> list[str]:
    """The int8 values in the shared quantization."""
    names = [name for name, value in b.values.items() if isinstance(value, Tensor)]
    return [name for name in names if b.values[name].dtype == INT8 and b.values[name].quantization == SHARED]


def conv(b: Builder, x: str) -> str:
    """A convolution with a small window."""
    size = tuple(int(n) for n in b.rng.integers(1, 4, 2))
    _, height, width, channels = _shape(b, x)
    out_channels = int(b.rng.integers(1, 7))
    attrs = Conv2D(padding=same_padding((size[0], size[1]), (1, 1), (1, 1), (height, width)))
    weights = b.weights((out_channels, *size, channels), Quantization((0.005,), (0,)))
    return b.node("CONV_2D", (x, weights, b.bias(out_channels, 0.0003125)), attrs)


def depthwise(b: Builder, x: str) -> str:
    """A depthwise convolution of 3 x 3."""
    _, height, width, channels = _shape(b, x)
    attrs = DepthwiseConv2D(padding=same_padding((3, 3), (1, 1), (1, 1), (height, width)))
    return b.node("DEPTHWISE_CONV_2D", (x, b.weights((1, 3, 3, channels), Quantization((0.01,), (0,)))), attrs)


def join(b: Builder, x: str) -> str:
    """A sum, difference or product with a value of the same shape, perhaps with itself."""
    others = [name for name in _images(b) if _shape(b, name) == _shape(b, x)]
    op = str(b.rng.choice(["ADD", "SUB", "MUL"]))
    return b.node(op, (x, str(b.rng.choice(others))), Binary(str(b.rng.choice(["NONE", "RELU"]))))


def broadcast(b: Builder, x: str) -> str:
    """A sum with a constant for each channel."""
    constant = b.weights((_shape(b, x)[-1],), Quantization((0.03,), (1,)))
    return b.node("ADD", (constant, x) if b.rng.random() < 0.5 else (x, constant), Binary())


def concatenate(b: Builder, x: str) -> str:
    """A concatenation along rows (which aliases) or channels (which copies)."""
    axis = int(b.rng.choice([1, 1, 3]))
    rest = [size for k, size in enumerate(_shape(b, x)) if k != axis]
    fitting = [name for name in _images(b) if [s for k, s in enumerate(_shape(b, name)) if k != axis] == rest]
    parts = [x, *(str(name) for name in b.rng.choice(fitting, int(b.rng.integers(1, 3))))]
    b.rng.shuffle(parts)
    return b.node("CONCATENATION", tuple(parts), Concatenation(axis))


def reshape(b: Builder, x: str) -> str:
    """Rows and columns change places, which costs nothing."""
    _, height, width, channels = _shape(b, x)
    return b.node("RESHAPE", (x,), Reshape((1, width, height, channels)))


def unary(b: Builder, x: str) -> str:
    """A table lookup in place, and back to the shared quantization."""
    if b.rng.random() < 0.4:
        return b.node("RELU", (x,), NoAttrs())
    y = b.node("LOGISTIC", (x,), NoAttrs(), PROBABILITY)
    return b.node("QUANTIZE", (y,), Quantize("int8"))


def softmax(b: Builder, x: str) -> str:
    """Probabilities over channels, and back to the shared quantization."""
    return b.node("QUANTIZE", (b.node("SOFTMAX", (x,), Softmax(), PROBABILITY),), Quantize("int8"))


def pool(b: Builder, x: str) -> str:
    """A pooling of 2 x 2 that keeps the size where it must."""
    _, height, width, _ = _shape(b, x)
    op = str(b.rng.choice(["MAX_POOL_2D", "AVERAGE_POOL_2D"]))
    stride = int(b.rng.integers(1, 3))
    padding = same_padding((2, 2), (stride, stride), (1, 1), (height, width))
    return b.node(op, (x,), Pool2D((2, 2), (stride, stride), padding))


def pad(b: Builder, x: str) -> str:
    """One row before, one column after."""
    return b.node("PAD", (x,), Pad((0, 1, 0, 0), (0, 0, 1, 0)))


def through_float(b: Builder, x: str) -> str:
    """To float and back: four times the bytes, in place where they fit."""
    return b.node("QUANTIZE", (b.node("DEQUANTIZE", (x,), NoAttrs(), None),), Quantize("int8"))


MOVES: tuple[Callable[[Builder, str], str], ...] = (
    conv,
    depthwise,
    join,
    join,
    broadcast,
    concatenate,
    concatenate,
    reshape,
    unary,
    softmax,
    pool,
    pad,
    through_float,
)


def _start(b: Builder) -> None:
    shape = (1, *(int(n) for n in b.rng.integers(1, 5, 3)))
    for _ in range(int(b.rng.integers(1, 4))):
        if b.rng.random() < 0.25:
            b.node("QUANTIZE", (b.input(shape, None),), Quantize("int8"))
        else:
            b.input(shape)


def network(seed: int, moves: int | None = None) -> Graph:
    """A random graph of up to a dozen nodes; what nobody reads is an output, and perhaps something else."""
    b = Builder(np.random.default_rng(seed))
    _start(b)
    for _ in range(int(b.rng.integers(2, 11)) if moves is None else moves):
        images = [name for name in _images(b) if b.values[name].elements <= MAX_ELEMENTS]
        # Recent values more often, so that graphs grow long rather than wide.
        x = images[-1 - int(min(b.rng.geometric(0.5) - 1, len(images) - 1))]
        MOVES[int(b.rng.integers(len(MOVES)))](b, x)
    read = {name for node in b.nodes for name in node.inputs}
    outputs = [name for name in (*b.inputs, *b.computed()) if name not in read]
    extra = [name for name in b.computed() if name in read and b.rng.random() < 0.1]
    return b.graph((*outputs, *extra))


PADDING = Padding(1, 1, 1, 1)


def residual_block() -> Graph:
    """conv, then conv, added to the first: the classic case of an addition in place."""
    b = Builder(np.random.default_rng(0))
    x = b.input((1, 6, 6, 4))
    first = b.node("CONV_2D", (x, b.weights((4, 3, 3, 4), Quantization((0.005,), (0,)))), Conv2D(padding=PADDING))
    second = b.node("CONV_2D", (first, b.weights((4, 3, 3, 4), Quantization((0.005,), (0,)))), Conv2D(padding=PADDING))
    return b.graph((b.node("ADD", (first, second), Binary("RELU")),))
