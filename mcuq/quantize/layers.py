"""Layers with weights: names, positions, and weights and inputs laid out as matrices that refinement works on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq.ir import Constant, Graph, Node
from mcuq.ops import card_of
from mcuq.ops.card import WeightRoles
from mcuq.ops.window import Window, flatten_samples, pad_image, windows_of

Array = npt.NDArray[Any]
DEPTHWISE = "DEPTHWISE_CONV_2D"
CHUNK_ELEMENTS = 1 << 24  # unfolded inputs that are held at once


def roles_of(node: Node) -> WeightRoles | None:
    """Where the node's weights and bias are; None for a node without weights."""
    return card_of(node.op).weight_roles


def weighted_nodes(graph: Graph) -> tuple[Node, ...]:
    """The nodes that have weights, in execution order."""
    return tuple(node for node in graph.nodes if roles_of(node) is not None)


def layer_name(node: Node) -> str:
    """What the user calls the layer; the name of its output where the model says nothing."""
    return node.origin[-1] if node.origin else node.outputs[0]


def names_of(node: Node) -> tuple[str, ...]:
    """Every name that a recipe may call the layer by."""
    return (*node.origin, *node.outputs)


def weights_of(node: Node, graph: Graph) -> Constant:
    """The weights of a node that has some."""
    roles = roles_of(node)
    if roles is None:
        raise TypeError(f"{node.op} has no weights")
    return graph.constant(node.inputs[roles.weights])


def bias_of(node: Node, graph: Graph) -> Array:
    """The bias in float64, zeros where there is none."""
    roles = roles_of(node)
    if roles is None:
        raise TypeError(f"{node.op} has no bias")
    weights = graph.constant(node.inputs[roles.weights])
    if len(node.inputs) <= roles.bias:
        return np.zeros(weights.shape[roles.channel_axis])
    return graph.constant(node.inputs[roles.bias]).values.reshape(-1).astype(np.float64)


def to_matrices(node: Node, weights: Array, groups: int) -> Array:
    """Weights as [groups, channels of the group, taps]; groups, in depthwise, read inputs of their own, else one is."""
    if node.op == DEPTHWISE:
        taps = weights.reshape(-1, weights.shape[3]).T
        return taps.reshape(groups, -1, taps.shape[1])
    return weights.reshape(1, weights.shape[0], -1)


def from_matrices(node: Node, matrices: Array, shape: tuple[int, ...]) -> Array:
    """The reverse of `to_matrices`."""
    if node.op == DEPTHWISE:
        return matrices.reshape(shape[3], -1).T.reshape(shape)
    return matrices.reshape(shape)


def groups_of(node: Node, graph: Graph) -> int:
    """How many groups of channels read inputs of their own."""
    return graph[node.inputs[0]].shape[3] if node.op == DEPTHWISE else 1


def _unfold(node: Node, weights_shape: tuple[int, ...], x: Array) -> Array:
    """What the weights are multiplied with: [groups, rows, taps] of real inputs [samples, *shape]."""
    if node.op == "FULLY_CONNECTED":
        return x.reshape(1, -1, weights_shape[1])
    attrs = node.attrs
    window = Window((weights_shape[1], weights_shape[2]), attrs.stride, attrs.dilation, attrs.padding)
    view = windows_of(pad_image(flatten_samples(x), attrs.padding, 0), window)
    if node.op == DEPTHWISE:
        return np.moveaxis(view, 5, 0).reshape(view.shape[5], -1, window.size[0] * window.size[1])
    return view.reshape(1, view.shape[0] * view.shape[1] * view.shape[2], -1)


def unfolded(node: Node, graph: Graph, arrays: tuple[Array, ...]) -> Iterator[tuple[Array, ...]]:
    """Chunk by chunk, the unfolded form of several versions of the node's input, all [samples, *shape]."""
    shape = weights_of(node, graph).shape
    taps = int(np.prod(shape[1:3])) if node.op == DEPTHWISE else int(np.prod(shape[1:]))
    result = graph.tensor(node.outputs[0])
    rows = result.elements // shape[3 if node.op == DEPTHWISE else 0] * groups_of(node, graph)
    step = max(1, CHUNK_ELEMENTS // max(1, rows * taps))
    for start in range(0, len(arrays[0]), step):
        yield tuple(_unfold(node, shape, array[start : start + step]) for array in arrays)
