"""One layer of a Keras model as the functions in `layers/` see it, and the graph that they add to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from mcuq.errors import InvalidModel
from mcuq.importers.check import check_call
from mcuq.ir import FLOAT32, Constant, Graph, Node, Tensor, Value
from mcuq.ops import card_of
from mcuq.ops.reshape import Reshape

Array: TypeAlias = npt.NDArray[Any]
Config: TypeAlias = Mapping[str, Any]
Shape: TypeAlias = tuple[int, ...]


class Refused(Exception):
    """One reason why a layer cannot become nodes."""


@dataclass(frozen=True, slots=True)
class Held:
    """A value that stands for a Keras tensor of `shape`.

    A sequence [1,L,C] may be held as an image [1,1,L,C], so that one-dimensional layers in a row need no RESHAPE.
    """

    value: Tensor
    shape: Shape
    layer: str


class Builder:
    """The graph in the making; names are unique and given once."""

    def __init__(self) -> None:
        self.values: dict[str, Value] = {}
        self.nodes: list[Node] = []
        self._seen: dict[tuple[str, Shape], Tensor] = {}

    def free_name(self, wanted: str) -> str:
        """`wanted`, or `wanted:1` and so on where it is taken."""
        count = 0
        while (name := f"{wanted}:{count}" if count else wanted) in self.values:
            count += 1
        return name

    def keep(self, value: Value) -> None:
        """Add a value under its own name."""
        self.values[value.name] = value

    def emit(self, layer: str, op: str, operands: tuple[Value, ...], attrs: Any) -> tuple[Tensor, tuple[str, ...]]:
        """A node and its result, and the limits of its card that it breaks."""
        try:
            ((shape, dtype),) = card_of(op).infer(attrs, operands)
        except ValueError as error:
            raise Refused(f"its sizes do not go together: {error}") from None
        result = Tensor(self.free_name(f"{layer}/{op.lower()}"), shape, dtype)
        broken = check_call(f"layer '{layer}'", op, attrs, operands, (result,))
        for value in (*operands, result):
            self.keep(value)
        names = tuple(value.name for value in operands)
        self.nodes.append(Node(op, names, (result.name,), attrs, "float", (layer,)))
        return result, broken

    def reshaped(self, held: Held, shape: Shape) -> Tensor:
        """The value under another shape; reshaped once, however many layers ask."""
        if held.value.shape == shape:
            return held.value
        key = held.value.name, shape
        if key not in self._seen:
            self._seen[key] = self.emit(held.layer, "RESHAPE", (held.value,), Reshape(shape))[0]
        return self._seen[key]

    def rename(self, value: Tensor, name: str, since: int) -> Tensor:
        """The value under that name; only nodes from index `since` on may know it."""
        named = replace(value, name=self.free_name(name))
        del self.values[value.name]
        self.keep(named)
        for index in range(since, len(self.nodes)):
            node = self.nodes[index]
            sides = (node.inputs, node.outputs)
            reads, writes = (tuple(named.name if n == value.name else n for n in side) for side in sides)
            self.nodes[index] = replace(node, inputs=reads, outputs=writes)
        self._seen = {key: seen for key, seen in self._seen.items() if value.name not in (key[0], seen.name)}
        return named

    def graph(self, name: str, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> Graph:
        """What was built."""
        return Graph(name, self.values, tuple(self.nodes), inputs, outputs)


@dataclass(slots=True)
class Site:
    """A layer called on `operands`, which should give a Keras tensor of `shape`."""

    builder: Builder
    layer: Any
    path: str
    config: Config
    operands: tuple[Held, ...]
    shape: Shape
    broken: list[str] = field(default_factory=list)

    def held(self, index: int = 0) -> Tensor:
        """An operand as it is held: for what works element by element or along the last axis."""
        return self.operands[index].value

    def given(self, index: int = 0) -> Tensor:
        """An operand with the shape that Keras gives it."""
        return self.builder.reshaped(self.operands[index], self.operands[index].shape)

    def image(self, index: int = 0) -> Tensor:
        """An operand as [1,H,W,C]; a sequence [1,L,C] gets a height of 1."""
        shape = self.operands[index].shape
        if len(shape) == 3:
            shape = (1, 1, *shape[1:])
        if len(shape) != 4:
            raise Refused(f"it reads a tensor of {len(shape)} dimensions; mcuq has sequences and images")
        return self.builder.reshaped(self.operands[index], shape)

    def emit(self, op: str, operands: tuple[Value, ...], attrs: Any) -> Tensor:
        """The result of a new node."""
        result, broken = self.builder.emit(self.path, op, operands, attrs)
        self.broken += broken
        return result

    def constant(self, name: str, values: Array) -> Constant:
        """A float32 constant of the layer; calls of a shared layer share it."""
        array = np.ascontiguousarray(values, np.float32)
        if not np.isfinite(array).all():
            raise InvalidModel(f"layer '{self.path}': its {name} has NaN or infinite numbers; train the model again")
        wanted = f"{self.path}/{name}"
        known = self.builder.values.get(wanted)
        if isinstance(known, Constant) and np.array_equal(known.values, array):
            return known
        return Constant(self.builder.free_name(wanted), array.shape, FLOAT32, None, array)

    def weights(self, *counts: int) -> tuple[Array, ...]:
        """The layer's weights in Keras' order; Refused when there is none of these numbers of them."""
        weights = tuple(np.asarray(weight, np.float32) for weight in self.layer.get_weights())
        if len(weights) not in counts:
            raise Refused(f"it has {len(weights)} weights where {counts[-1]} are usual (adapters or wrappers?)")
        return weights


def _nothing(config: Config) -> Iterator[str]:
    return iter(())


@dataclass(frozen=True, slots=True)
class LayerReader:
    """How one class of layers is read.

    `refusals(config)` gives what speaks against it in its configuration alone; `read(site)` gives the value that
    stands for the layer's output, or raises Refused.
    """

    name: str
    read: Callable[[Site], Tensor]
    refusals: Callable[[Config], Iterator[str]] = _nothing
