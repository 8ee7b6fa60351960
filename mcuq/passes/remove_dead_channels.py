"""Channels that are the same number whatever the input leave the network; what they add goes into biases.

Exact in integers: a channel is dead when no path of non-zero weights reaches it from a living one, or when a depthwise
filter of zeros ends it. Its value is then computed once, and readers' biases take up its share.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from mcuq.interpreter import run_all
from mcuq.ir import (
    FLOAT32,
    INT16,
    INT32,
    INT64,
    Constant,
    Graph,
    Node,
    Quantization,
    Tensor,
    remove_unused,
    with_changes,
)
from mcuq.ops.reshape import Reshape
from mcuq.ops.window import Padding

Array: TypeAlias = npt.NDArray[Any]

DEPTHWISE = "DEPTHWISE_CONV_2D"
MIXES = ("CONV_2D", "FULLY_CONNECTED")
CARRIES = ("MAX_POOL_2D", "AVERAGE_POOL_2D", "RELU", "RELU6", "QUANTIZE", "LOGISTIC", "TANH", "RESHAPE", "MEAN")
INT32_LIMIT = 1 << 31


@dataclass(frozen=True, slots=True)
class Segment:
    """What one layer makes and others read, with the ops in between that keep channels apart."""

    maker: Node
    carriers: tuple[Node, ...]
    readers: tuple[Node, ...]


def _keeps_channels(node: Node, graph: Graph) -> bool:
    """Whether output channel c depends on input channel c alone."""
    if node.op == DEPTHWISE:
        return bool(node.attrs.depth_multiplier == 1)
    if node.op == "MEAN" and len(graph[node.inputs[0]].shape) - 1 in node.attrs.axes:
        return False
    x, y = graph[node.inputs[0]].shape, graph[node.outputs[0]].shape
    return node.op in CARRIES and bool(x and y) and x[-1] == y[-1]


def _weights(node: Node, graph: Graph) -> Array:
    """Weights less zero points: [outputs, taps, inputs] of a mixing layer, [taps, channels] of a depthwise one."""
    constant = graph.constant(node.inputs[1])
    values = constant.values.astype(np.float64)
    if constant.quantization is not None:
        values = values - _along(constant.quantization.zero_points, constant)
    if node.op == DEPTHWISE:
        return values.reshape(-1, constant.shape[3])
    return values.reshape(constant.shape[0], -1, constant.shape[-1])


def _along(numbers: tuple[Any, ...], constant: Constant) -> Array:
    q = constant.quantization
    shape = [1] * len(constant.shape)
    if q is not None and q.axis is not None and len(numbers) > 1:
        shape[q.axis] = -1
    return np.array(numbers, np.float64).reshape(shape)


def _unmoved(graph: Graph) -> dict[str, Array]:
    """For every value, which channels (last dimension) no input can move."""
    found = {name: np.zeros(_channels(graph, name), bool) for name in graph.inputs}
    for node in graph.nodes:
        still = found.get(node.inputs[0]) if node.inputs else None
        result: Array = np.zeros(_channels(graph, node.outputs[0]), bool)
        if still is not None and all(graph.is_constant(name) for name in node.inputs[1:]):
            if node.op in MIXES and len(still) == graph[node.inputs[1]].shape[-1]:
                result = np.asarray(~_weights(node, graph)[:, :, ~still].any(axis=(1, 2)))
            elif _keeps_channels(node, graph):
                result = still | ~_weights(node, graph).any(axis=0) if node.op == DEPTHWISE else still
        found |= dict.fromkeys(node.outputs, result)
    return found


def _channels(graph: Graph, name: str) -> int:
    return graph[name].shape[-1] if graph[name].shape else 1


def _fixed_values(graph: Graph) -> dict[str, tuple[Array, Array]]:
    """`(which, value)` of the channels that are one number at all places; values as stored."""
    unmoved = _unmoved(graph)
    if not any(mask.any() for mask in unmoved.values()):
        return {}
    rng = np.random.default_rng(0)
    inputs = [_random(graph.tensor(name), rng) for name in graph.inputs]
    found = {}
    for name, array in run_all(graph, inputs).items():
        rows = array.reshape(-1, array.shape[-1])
        found[name] = unmoved[name] & (rows == rows[0]).all(axis=0), rows[0]
    return found


def _random(tensor: Tensor, rng: np.random.Generator) -> Array:
    shape = (2, *tensor.shape)
    if tensor.dtype.is_integer:
        return rng.integers(tensor.dtype.minimum, tensor.dtype.maximum + 1, shape, tensor.dtype.numpy)
    return rng.normal(size=shape).astype(np.float32)


def _segment(graph: Graph, maker: Node, exact: bool) -> Segment | None:
    """All that the maker's output reaches before channels mix again; None where something else reads it.

    `exact` asks for integers throughout: a float sum without its zeros may round otherwise.
    """
    carriers: list[Node] = []
    readers: list[Node] = []
    names = [maker.outputs[0]]
    for name in names:
        if name in graph.outputs:
            return None
        for user in graph.users(name):
            if _keeps_channels(user, graph) and user.inputs[0] == name and name not in user.inputs[1:]:
                carriers.append(user)
                names.append(user.outputs[0])
            elif user.op in MIXES and graph[user.inputs[1]].shape[-1] == graph[name].shape[-1]:
                readers.append(user)
            else:
                return None
    members = (maker, *carriers, *readers)
    if exact and any(node.arithmetic == "float" for node in members):
        return None
    constants = all(graph.is_constant(name) for node in members for name in node.inputs[1:])
    return Segment(maker, tuple(carriers), tuple(readers)) if constants and readers else None


def _zero_of(graph: Graph, name: str) -> int:
    q = graph[name].quantization
    return 0 if q is None else q.zero_point


def _dead(graph: Graph, segment: Segment, fixed: dict[str, tuple[Array, Array]], multiple: int) -> Array:
    """Channels that may go: fixed wherever they are read, and with a share that is the same at all places.

    So many stay that a multiple of `multiple` is left, one of them at least.
    """
    dead = np.ones(_channels(graph, segment.maker.outputs[0]), bool)
    for reader in segment.readers:
        name = reader.inputs[0]
        which, values = fixed[name]
        padded = getattr(reader.attrs, "padding", Padding()) != Padding()
        harmless = (values == _zero_of(graph, name)) | ~_weights(reader, graph).any(axis=(0, 1))
        dead &= which & (harmless | np.bool_(not padded))
    alive = max(int((~dead).sum()), 1)
    spared = min(-alive % multiple + alive, len(dead)) - int((~dead).sum())
    dead[np.flatnonzero(dead)[:spared]] = False
    return dead


def _kept(constant: Constant, axis: int, keep: Array) -> Constant:
    """The constant with only these elements along `axis`; so its scales where they run along it."""
    q = constant.quantization
    if q is not None and q.axis == axis and len(q.scales) > 1:
        places = np.flatnonzero(keep)
        q = Quantization(tuple(q.scales[i] for i in places), tuple(q.zero_points[i] for i in places), axis)
    values = np.compress(keep, constant.values, axis=axis)
    return Constant(constant.name, values.shape, constant.dtype, q, values)


class _Removal:
    """New constants and values of one segment, under the old names (constants that others share get new ones)."""

    def __init__(self, graph: Graph, keep: Array) -> None:
        self.graph, self.keep = graph, keep
        self.values: dict[str, Constant | Tensor] = {}
        self.nodes: dict[int, Node] = {}

    def constant(self, node: Node, place: int, changed: Constant) -> str:
        """The name under which the node finds it."""
        name = changed.name
        if len(self.graph.users(name)) > 1 or name in self.values:
            name = f"{node.outputs[0]}_operand{place}"
        self.values[name] = replace(changed, name=name)
        return name

    def rows(self, node: Node, axis: int) -> None:
        """Output channels of a layer go: rows of its weights, elements of its bias."""
        names = list(node.inputs)
        for place, along in ((1, axis), (2, 0)):
            if place < len(names):
                constant = self.graph.constant(names[place])
                if constant.elements > 1 or place == 1:
                    names[place] = self.constant(node, place, _kept(constant, along, self.keep))
        self.nodes[id(node)] = replace(node, inputs=tuple(names))

    def result(self, node: Node) -> None:
        """The node's output loses its last dimension's dead channels."""
        tensor = self.graph.tensor(node.outputs[0])
        shape = (*tensor.shape[:-1], int(self.keep.sum()))
        self.values[tensor.name] = replace(tensor, shape=shape)
        if node.op == "RESHAPE":
            self.nodes[id(node)] = replace(self.nodes.get(id(node), node), attrs=Reshape(shape))

    def columns(self, node: Node, fixed: Array) -> None:
        """Input channels of a layer go, their share into its bias."""
        weights = self.graph.constant(node.inputs[1])
        dead = ~self.keep
        centred = fixed[dead].astype(np.float64) - _zero_of(self.graph, node.inputs[0])
        share = _weights(node, self.graph)[:, :, dead].sum(axis=1) @ centred
        first = self.constant(node, 1, _kept(weights, len(weights.shape) - 1, self.keep))
        names = [node.inputs[0], first]
        if len(node.inputs) > 2 or share.any():
            names.append(self.constant(node, 2, self._biased(node, share)))
        self.nodes[id(node)] = replace(node, inputs=tuple(names))

    def _biased(self, node: Node, share: Array) -> Constant:
        x = self.graph[node.inputs[0]]
        if len(node.inputs) > 2:
            old = self.graph.constant(node.inputs[2])
            total = old.values.astype(np.float64) + share.reshape(old.shape)
            return replace(old, values=_as(old.dtype.numpy, total))
        dtype = FLOAT32 if x.dtype == FLOAT32 else INT64 if x.dtype == INT16 else INT32
        return Constant(f"{node.outputs[0]}_bias", share.shape, dtype, None, _as(dtype.numpy, share))


def _as(dtype: npt.DTypeLike, numbers: Array) -> Array:
    return (np.rint(numbers) if np.dtype(dtype).kind == "i" else numbers).astype(dtype)


def _fits(removal: _Removal) -> bool:
    constants = (value for value in removal.values.values() if isinstance(value, Constant) and value.dtype == INT32)
    return all(int(np.abs(value.values.astype(np.int64)).max(initial=0)) < INT32_LIMIT for value in constants)


def _without(graph: Graph, segment: Segment, keep: Array, fixed: dict[str, tuple[Array, Array]]) -> Graph:
    removal = _Removal(graph, keep)
    removal.rows(segment.maker, 0)
    removal.result(segment.maker)
    for node in segment.carriers:
        if node.op == DEPTHWISE:
            removal.rows(node, 3)
        removal.result(node)
    for node in segment.readers:
        removal.columns(node, fixed[node.inputs[0]][1])
    if not _fits(removal):
        return graph
    nodes = tuple(removal.nodes.get(id(node), node) for node in graph.nodes)
    return remove_unused(with_changes(graph, nodes, removal.values.values()))


def remove_dead_channels(graph: Graph, exact: bool = False, multiple: int = 1) -> Graph:
    """The graph without channels that no input can move; the same object when there are none.

    `exact` leaves layers that compute in float as they are, so that no output changes by a bit. Where less than
    `multiple` channels more could go, they stay: kernels compute channels in blocks.
    """
    # Scales that are found at run time depend on all channels, dead ones included.
    if any(node.arithmetic == "hybrid" for node in graph.nodes):
        return graph
    fixed = _fixed_values(graph)
    for index in range(len(graph.nodes) if fixed else 0):
        maker = graph.nodes[index]
        segment = _segment(graph, maker, exact) if maker.op in MIXES else None
        if segment is None:
            continue
        dead = _dead(graph, segment, fixed, multiple)
        if dead.any():
            graph = _without(graph, segment, ~dead, fixed)
            fixed = _fixed_values(graph)
    return graph
