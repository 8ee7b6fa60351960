"""The graph: named values and the nodes that compute them, in execution order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from mcuq.ir.tensor import Constant, Tensor, Value


@dataclass(frozen=True, slots=True)
class Node:
    """One operation: `op` names its card, `attrs` is the card's own frozen dataclass.

    `arithmetic` names the file of `mcuq.arithmetic` that says how its numbers are computed; `origin` lists the layers
    of the user's model that the node stands for.
    """

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attrs: Any
    arithmetic: str
    origin: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """A model as a frozen value; `nodes` stand in execution order, `inputs` and `outputs` in the model's own order."""

    name: str
    values: Mapping[str, Value]
    nodes: tuple[Node, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.values, MappingProxyType):
            object.__setattr__(self, "values", MappingProxyType(dict(self.values)))

    def __getitem__(self, name: str) -> Value:
        return self.values[name]

    def tensor(self, name: str) -> Tensor:
        """The run-time value of that name; TypeError when it is a constant."""
        value = self.values[name]
        if not isinstance(value, Tensor):
            raise TypeError(f"'{name}' is a constant")
        return value

    def constant(self, name: str) -> Constant:
        """The constant of that name; TypeError when it is computed at run time."""
        value = self.values[name]
        if not isinstance(value, Constant):
            raise TypeError(f"'{name}' is not a constant")
        return value

    def is_constant(self, name: str) -> bool:
        """Whether the value of that name is known before run time."""
        return isinstance(self.values[name], Constant)

    def operands(self, node: Node) -> tuple[Value, ...]:
        """The values that the node reads, in order."""
        return tuple(self.values[name] for name in node.inputs)

    def results(self, node: Node) -> tuple[Tensor, ...]:
        """The values that the node computes, in order."""
        return tuple(self.tensor(name) for name in node.outputs)

    def users(self, name: str) -> tuple[Node, ...]:
        """The nodes that read the value of that name."""
        return tuple(node for node in self.nodes if name in node.inputs)

    def producer(self, name: str) -> Node | None:
        """The node that computes the value of that name, or None for inputs and constants."""
        return next((node for node in self.nodes if name in node.outputs), None)
