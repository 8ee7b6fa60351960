"""A small legal graph that tests break or rewrite: conv, relu, add, softmax."""

from __future__ import annotations

import numpy as np

from mcuq.ir import INT8, INT32, Constant, Graph, Node, Quantization, Tensor
from mcuq.ops import NoAttrs
from mcuq.ops.binary import Binary
from mcuq.ops.conv_2d import Conv2D

IMAGE = Quantization((0.5,), (3,))
WEIGHTS = Quantization((0.25, 0.125), (0, 0), 0)


def small_graph() -> Graph:
    """x -> conv -> relu -> add to itself -> y, with per-channel weights."""
    values = (
        Tensor("x", (1, 2, 2, 3), INT8, IMAGE),
        Constant("w", (2, 1, 1, 3), INT8, WEIGHTS, np.arange(6, dtype=np.int8).reshape(2, 1, 1, 3)),
        Constant("b", (2,), INT32, None, np.array([7, -7], np.int32)),
        Tensor("c", (1, 2, 2, 2), INT8, IMAGE),
        Tensor("r", (1, 2, 2, 2), INT8, IMAGE),
        Tensor("y", (1, 2, 2, 2), INT8, IMAGE),
    )
    nodes = (
        Node("CONV_2D", ("x", "w", "b"), ("c",), Conv2D(), "tflm", ("conv",)),
        Node("RELU", ("c",), ("r",), NoAttrs(), "tflm", ("relu",)),
        Node("ADD", ("r", "r"), ("y",), Binary(), "tflm", ("add",)),
    )
    return Graph("small", {value.name: value for value in values}, nodes, ("x",), ("y",))
