"""Equal channels: factors move from a layer's outputs into its readers' weights, so that all channels use the range.

One scale serves a whole activation tensor, so a channel with small values is written with few codes. Multiplying the
channel by a factor where it is made and dividing by it where it is read changes nothing in the float network (RELU
commutes with positive factors), and per-channel weight scales absorb the first half. After Nagel et al. 2019, arXiv
1906.04721, with measured activation ranges in place of weight ranges.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq import interpreter
from mcuq.ir import FLOAT32, Constant, Graph, Node, with_changes
from mcuq.ops.activation import NONE, RELU
from mcuq.quantize.layers import DEPTHWISE, bias_of, roles_of, weights_of
from mcuq.quantize.observers import Observer
from mcuq.quantize.ranges import Format, step_of

Array = npt.NDArray[Any]

MAX_FACTOR = 16.0
HEADROOM_BITS = 0.03  # so that a range found anew is not just too large for the power of two meant for it
BATCH = 32
CARRIES = ("ADD", "AVERAGE_POOL_2D", "MEAN", "MAX_POOL_2D", "RESHAPE", "RELU", "PAD")


@dataclass(frozen=True, slots=True)
class Stream:
    """Values that must be scaled alike, with the layers that make them and those that read them."""

    values: tuple[str, ...]
    makers: tuple[Node, ...]
    readers: tuple[Node, ...]


def _carries(node: Node, graph: Graph) -> bool:
    """Whether a factor per channel passes through the node."""
    if node.op not in CARRIES or any(graph.is_constant(name) for name in node.inputs):
        return False
    if getattr(node.attrs, "activation", NONE) not in (NONE, RELU):
        return False
    shapes = {graph[name].shape[-1] if graph[name].shape else 0 for name in (*node.inputs, *node.outputs)}
    if node.op == "MEAN" and len(graph[node.inputs[0]].shape) - 1 in node.attrs.axes:
        return False
    return len(shapes) == 1 and (node.op != "PAD" or not (node.attrs.before[-1] or node.attrs.after[-1]))


def streams(graph: Graph) -> tuple[Stream, ...]:
    """Every set of values whose channels may be scaled: only layers with weights make and read them."""
    leader = {name: name for name in (*graph.inputs, *(out for node in graph.nodes for out in node.outputs))}

    def find(name: str) -> str:
        while leader[name] != name:
            name = leader[name]
        return name

    for node in graph.nodes:
        if _carries(node, graph):
            for name in node.inputs:
                leader[find(name)] = find(node.outputs[0])
    members: dict[str, list[str]] = {}
    for name in leader:
        members.setdefault(find(name), []).append(name)
    found = (_stream(graph, tuple(names)) for names in members.values())
    return tuple(stream for stream in found if stream is not None)


def _stream(graph: Graph, names: tuple[str, ...]) -> Stream | None:
    """The stream of these values; None where something else makes or reads one of them."""
    if any(name in graph.inputs or name in graph.outputs for name in names):
        return None
    around = [n for n in graph.nodes if not _carries(n, graph)]
    makers = tuple(node for node in around if node.outputs[0] in names)
    readers = tuple(node for node in around if any(name in names for name in node.inputs))
    scalable = all(roles_of(node) is not None for node in (*makers, *readers))
    linear = all(node.attrs.activation in (NONE, RELU) for node in makers if roles_of(node) is not None)
    fits = scalable and all(_reads_channels(node, graph) for node in readers)
    return Stream(names, makers, readers) if scalable and linear and fits and makers and readers else None


def _reads_channels(node: Node, graph: Graph) -> bool:
    """Whether the last dimension of the input is what the weights' taps run over."""
    return node.op != "FULLY_CONNECTED" or graph[node.inputs[0]].shape[-1] == weights_of(node, graph).shape[1]


def channel_ranges(graph: Graph, held: Sequence[Array]) -> dict[str, Array]:
    """The greatest magnitude of every channel (last dimension) of every value on the held samples."""
    ranges: dict[str, Array] = {}
    for start in range(0, len(held[0]), BATCH):
        chunk = [array[start : start + BATCH] for array in held]
        for node, results in interpreter.evaluate(graph, chunk):
            magnitude = np.abs(results[0]).reshape(-1, results[0].shape[-1]).max(axis=0).astype(np.float64)
            old = ranges.get(node.outputs[0])
            ranges[node.outputs[0]] = magnitude if old is None else np.maximum(old, magnitude)
    return ranges


def _factors(stream: Stream, ranges: dict[str, Array], strength: float) -> Array:
    """What every channel is multiplied by."""
    shares = [ranges[name] / max(float(ranges[name].max()), 1e-30) for name in stream.values]
    used = np.max(np.stack(shares), axis=0)
    if all(node.op == DEPTHWISE for node in stream.readers):
        strength = 1.0
    return np.where(used > 0, np.clip(used, 1 / MAX_FACTOR, 1.0) ** -strength, 1.0)


def _scaled(graph: Graph, node: Node, made: Array | None, read: Array | None) -> tuple[Constant, ...]:
    """The node's constants with outputs multiplied by `made` and inputs divided by `read`."""
    roles = roles_of(node)
    assert roles is not None
    weights = weights_of(node, graph)
    values, bias = weights.values.astype(np.float64), bias_of(node, graph)
    if read is not None:
        depth = weights.shape[-1] // len(read) if node.op == DEPTHWISE else 1
        values = values / np.repeat(read, depth)
    if made is not None:
        shape = [1] * len(weights.shape)
        shape[roles.channel_axis] = -1
        values, bias = values * made.reshape(shape), bias * made
    constants = [replace(weights, values=values.astype(np.float32))]
    if len(node.inputs) > roles.bias:
        old = graph.constant(node.inputs[roles.bias])
        constants.append(Constant(old.name, old.shape, FLOAT32, None, bias.reshape(old.shape).astype(np.float32)))
    return tuple(constants)


def _unshared(graph: Graph) -> bool:
    """Whether every constant has one reader, so that scaling it touches nobody else."""
    names = [name for node in graph.nodes for name in node.inputs if graph.is_constant(name)]
    return len(names) == len(set(names))


def scaled_streams(graph: Graph, factors_of: Callable[[Stream], Array]) -> Graph:
    """The same float function with every stream's channels multiplied where made, and divided where read."""
    if not _unshared(graph):
        return graph
    made: dict[str, Array] = {}
    read: dict[str, Array] = {}
    for stream in streams(graph):
        factors = factors_of(stream)
        made |= {node.outputs[0]: factors for node in stream.makers}
        read |= {node.outputs[0]: factors for node in stream.readers}
    changed = [
        constant
        for node in graph.nodes
        if node.outputs[0] in made or node.outputs[0] in read
        for constant in _scaled(graph, node, made.get(node.outputs[0]), read.get(node.outputs[0]))
    ]
    return with_changes(graph, graph.nodes, changed) if changed else graph


def equalize(graph: Graph, held: Sequence[Array], strength: float) -> Graph:
    """The same float function with channels equalised as far as the structure allows; `strength` 0 is nothing, 1 fully.

    Where only depthwise convolutions read, factors cost no weight precision, so there they are applied in full.
    """
    ranges = channel_ranges(graph, held)
    if not all(np.isfinite(values).all() for values in ranges.values()):
        return graph  # calibration will name the layer that diverges
    return scaled_streams(graph, lambda stream: _factors(stream, ranges, strength))


def fit_powers_of_two(graph: Graph, held: Sequence[Array], observer: Callable[[], Observer], form: Format) -> Graph:
    """The same float function with every stream scaled so that its range just fits a scale that is a power of two.

    Else up to half of the codes would lie idle.
    """
    seen: dict[str, Observer] = {}
    for start in range(0, len(held[0]), BATCH):
        for node, results in interpreter.evaluate(graph, [array[start : start + BATCH] for array in held]):
            seen.setdefault(node.outputs[0], observer()).update(results[0])

    def factors(stream: Stream) -> Array:
        levels = (1 << form.dtype.bits) - 1
        steps = np.array([step_of(seen[name].range(levels, form.symmetric), form) for name in stream.values])
        return np.full(graph[stream.values[0]].shape[-1], _fit(steps[steps > 0]))

    return scaled_streams(graph, factors)


def _fit(steps: Array) -> float:
    """The factor in [1, 2) with the least sum of squared relative steps once they are rounded up to powers of two."""
    tried = np.exp2(np.arange(64) / 64)
    wanted = np.log2(np.outer(tried, steps))
    wasted = np.exp2(2 * (np.ceil(wanted + HEADROOM_BITS) - wanted)).sum(axis=1)
    return float(tried[int(wasted.argmin())])
