"""A MUL, ADD or SUB by constants per channel becomes part of the float layer in front of it: batch norm, mostly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from mcuq.ir import FLOAT32, Constant, Graph, Node, Value, remove_unused, with_changes
from mcuq.ops import card_of
from mcuq.ops.activation import NONE

Array: TypeAlias = npt.NDArray[Any]
AFFINE = ("MUL", "ADD", "SUB")


def _per_channel(value: Value, channels: int) -> Array | None:
    """The constant as float64 [channels]; None where it is computed at run time or differs along other dimensions."""
    if not isinstance(value, Constant) or value.dtype != FLOAT32 or value.elements not in (1, channels):
        return None
    if value.elements > 1 and value.shape[-1] != channels:
        return None
    return np.broadcast_to(value.values.astype(np.float64).reshape(-1), (channels,))


def _layer_before(node: Node, graph: Graph) -> tuple[Node, Array, bool] | None:
    """The layer whose output the node scales or shifts, the constant, and whether the constant is the first operand."""
    channels = graph[node.outputs[0]].shape[-1] if graph[node.outputs[0]].shape else 0
    for place in (0, 1):
        name, constant = node.inputs[1 - place], _per_channel(graph[node.inputs[place]], channels)
        layer = graph.producer(name)
        if constant is None or layer is None or card_of(layer.op).weight_roles is None:
            continue
        fits = graph[name].shape == graph[node.outputs[0]].shape and graph[name].dtype == FLOAT32
        alone = len(graph.users(name)) == 1 and name not in graph.outputs and layer.attrs.activation == NONE
        if fits and alone and all(graph.is_constant(operand) for operand in layer.inputs[1:]):
            return layer, constant, place == 0
    return None


def _factor_and_offset(op: str, constant: Array, is_first: bool) -> tuple[Array, Array]:
    """The op as y = x * factor + offset."""
    one, nothing = np.ones_like(constant), np.zeros_like(constant)
    if op == "MUL":
        return constant, nothing
    if op == "ADD":
        return one, constant
    return (-one, constant) if is_first else (one, -constant)


def _unique(graph: Graph, stem: str) -> str:
    name, attempt = stem, 1
    while name in graph.values:
        attempt += 1
        name = f"{stem}_{attempt}"
    return name


def _constants(graph: Graph, layer: Node, factor: Array, offset: Array) -> tuple[Constant, Constant]:
    """New weights and bias of the layer; those of other layers that share them stay."""
    roles = card_of(layer.op).weight_roles
    if roles is None:
        raise TypeError(f"{layer.op} has no weights")
    weights = graph.constant(layer.inputs[roles.weights])
    along = [1] * len(weights.shape)
    along[roles.channel_axis] = -1
    values = weights.values.astype(np.float64) * factor.reshape(along)
    bias = offset
    if len(layer.inputs) > roles.bias:
        bias = graph.constant(layer.inputs[roles.bias]).values.reshape(-1).astype(np.float64) * factor + offset
    return (
        replace(weights, name=_unique(graph, f"{layer.outputs[0]}_weights"), values=values.astype(np.float32)),
        Constant(_unique(graph, f"{layer.outputs[0]}_bias"), bias.shape, FLOAT32, None, bias.astype(np.float32)),
    )


def _fold_one(graph: Graph, node: Node, layer: Node, factor: Array, offset: Array) -> Graph:
    weights, bias = _constants(graph, layer, factor, offset)
    merged = replace(
        layer,
        inputs=(layer.inputs[0], weights.name, bias.name),
        outputs=node.outputs,
        attrs=replace(layer.attrs, activation=node.attrs.activation),
        origin=(*layer.origin, *node.origin),
    )
    nodes = (merged if other is layer else other for other in graph.nodes if other is not node)
    return remove_unused(with_changes(graph, nodes, (weights, bias)))


def fold_affine(graph: Graph) -> Graph:
    """Layers compute what followed them; only in float, where it is exact up to the rounding of a product."""
    for node in graph.nodes:
        if node.op not in AFFINE or node.arithmetic != "float":
            continue
        found = _layer_before(node, graph)
        if found is not None:
            layer, constant, is_first = found
            graph = _fold_one(graph, node, layer, *_factor_and_offset(node.op, constant, is_first))
    return graph
