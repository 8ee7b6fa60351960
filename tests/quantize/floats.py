"""Small float networks with seeded weights, and data for them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from mcuq.interpreter import Array, run
from mcuq.ir import FLOAT32, Constant, Graph, Node, Tensor, Value, verify, with_changes
from mcuq.ops import NoAttrs, call_on, card_of
from mcuq.ops.binary import Binary
from mcuq.ops.concatenation import Concatenation
from mcuq.ops.conv_2d import Conv2D
from mcuq.ops.depthwise_conv_2d import DepthwiseConv2D
from mcuq.ops.fully_connected import FullyConnected
from mcuq.ops.pool import Pool2D
from mcuq.ops.reshape import Reshape
from mcuq.ops.softmax import Softmax
from mcuq.ops.window import Padding

SAME = Padding(1, 1, 1, 1)


class FloatBuilder:
    """A float graph that grows: each method adds one node and gives the name of its result."""

    def __init__(self, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.values: dict[str, Value] = {}
        self.nodes: list[Node] = []
        self.inputs: list[str] = []

    def input(self, shape: tuple[int, ...]) -> str:
        """A graph input."""
        name = f"in{len(self.inputs)}"
        self.values[name] = Tensor(name, shape, FLOAT32)
        self.inputs.append(name)
        return name

    def constant(self, values: Array) -> str:
        """A float constant."""
        name = f"c{len(self.values)}"
        self.values[name] = Constant(name, values.shape, FLOAT32, None, values.astype(np.float32))
        return name

    def node(self, op: str, inputs: tuple[str, ...], attrs: Any) -> str:
        """One node; its layer is called like its result."""
        operands = tuple(self.values[name] for name in inputs)
        ((shape, dtype),) = card_of(op).infer(attrs, call_on(attrs, operands, ()).operands)
        name = f"{op.lower()}_{len(self.nodes)}"
        self.values[name] = Tensor(name, shape, dtype)
        self.nodes.append(Node(op, inputs, (name,), attrs, "float", (name,)))
        return name

    def parameters(self, shape: tuple[int, ...], channels: int, taps: int) -> tuple[str, str]:
        """Weights of that shape that keep the variance, and a small bias."""
        weights = self.rng.normal(0, np.sqrt(2 / taps), shape)
        return self.constant(weights), self.constant(self.rng.normal(0, 0.1, channels))

    def conv(self, x: str, channels: int, size: int = 3, activation: str = "RELU", stride: int = 1) -> str:
        """CONV_2D that keeps the image's size at stride 1."""
        depth = self.values[x].shape[3]
        parameters = self.parameters((channels, size, size, depth), channels, size * size * depth)
        padding = SAME if size == 3 else Padding()
        return self.node("CONV_2D", (x, *parameters), Conv2D((stride, stride), (1, 1), padding, activation))

    def depthwise(self, x: str, activation: str = "RELU") -> str:
        """DEPTHWISE_CONV_2D of 3 x 3."""
        depth = self.values[x].shape[3]
        parameters = self.parameters((1, 3, 3, depth), depth, 9)
        return self.node("DEPTHWISE_CONV_2D", (x, *parameters), DepthwiseConv2D((1, 1), (1, 1), SAME, 1, activation))

    def dense(self, x: str, channels: int, activation: str = "NONE") -> str:
        """FULLY_CONNECTED."""
        taps = self.values[x].shape[-1]
        return self.node(
            "FULLY_CONNECTED", (x, *self.parameters((channels, taps), channels, taps)), FullyConnected(activation)
        )

    def graph(self, *outputs: str) -> Graph:
        """The finished graph."""
        made = Graph("network", self.values, tuple(self.nodes), tuple(self.inputs), outputs)
        verify(made)
        return made


def residual_network(seed: int = 0) -> Graph:
    """Convolutions, a depthwise one, a residual ADD, global pooling, a classifier with SOFTMAX."""
    b = FloatBuilder(seed)
    first = b.conv(b.input((1, 8, 8, 3)), 8)
    branch = b.conv(b.depthwise(first), 8, size=1, activation="NONE")
    joined = b.node("ADD", (first, branch), Binary("RELU"))
    pooled = b.node("AVERAGE_POOL_2D", (joined,), Pool2D((8, 8), (8, 8)))
    flat = b.node("RESHAPE", (pooled,), Reshape((1, 8)))
    return b.graph(b.node("SOFTMAX", (b.dense(flat, 4),), Softmax()))


def joining_network(seed: int = 0) -> Graph:
    """Two inputs, pooled and concatenated, scaled by a constant, through TANH: ops that share, fix or bring scales."""
    b = FloatBuilder(seed)
    left, right = b.conv(b.input((1, 4, 4, 2)), 3), b.conv(b.input((1, 4, 4, 1)), 2, activation="NONE")
    pooled = b.node("MAX_POOL_2D", (left,), Pool2D((2, 2), (2, 2)))
    small = b.conv(right, 2, stride=2)
    joined = b.node("CONCATENATION", (pooled, small), Concatenation(3))
    scaled = b.node("MUL", (joined, b.constant(b.rng.normal(1, 0.2, (1, 1, 1, 5)))), Binary())
    return b.graph(b.node("TANH", (b.conv(scaled, 2, activation="NONE"),), NoAttrs()))


def samples_for(graph: Graph, count: int = 64, seed: int = 0) -> tuple[Array, ...]:
    """Normal inputs with channels of different spread, [count, *shape]."""
    rng = np.random.default_rng(seed)
    made = []
    for name in graph.inputs:
        shape = graph.tensor(name).shape
        spread = np.linspace(0.5, 2, shape[-1])
        made.append((rng.normal(0.3, 1, (count, *shape)) * spread).astype(np.float32))
    return tuple(made)


def balanced(graph: Graph) -> Graph:
    """The same classifier with biases that make its classes about equally frequent on `samples_for`."""
    last = graph.nodes[-2]
    logits = run(replace(graph, outputs=last.outputs), samples_for(graph))[0].reshape(-1, 4)
    bias = graph.constant(last.inputs[2])
    return with_changes(graph, graph.nodes, [replace(bias, values=bias.values - logits.mean(axis=0))])
