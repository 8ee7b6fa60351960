"""What a kernel variant says: which nodes it can compute, and the step that computes one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mcuq.artifacts import Overlap, PackedConstant
from mcuq.ir import Constant, Graph, Node

INT8_ARITHMETICS = ("tflm", "single", "shift")  # int8 in, int8 out: only the requantisation differs
INTEGER_ARITHMETICS = (*INT8_ARITHMETICS, "int16x8")


@dataclass(frozen=True, slots=True)
class Work:
    """A step before it has its place in the order.

    `shape` is what specialises the C function, `parameters` what differs between calls (both frozen dataclasses of
    numbers; a field of `parameters` is a member of the C struct). A constant of role "operand_K" is the K-th argument.
    """

    shape: Any
    parameters: Any
    constants: tuple[PackedConstant, ...] = ()
    scratch_bytes: int = 0
    overlaps: tuple[Overlap, ...] = ()


@dataclass(frozen=True, slots=True)
class Kernel:
    """One variant; its template is `templates/kernels/<name>.c.j2`, its struct `parameters_type` of mcuq/parameters.h.

    `refuses(node, graph)` gives the reason why it cannot compute the node, or None; it is asked about nodes of one of
    `arithmetics` only. `features` must all be present.
    """

    name: str
    ops: tuple[str, ...]
    parameters_type: str
    plan: Callable[[Node, Graph], Work]
    refuses: Callable[[Node, Graph], str | None] = lambda node, graph: None
    features: frozenset[str] = frozenset()
    arithmetics: tuple[str, ...] = INT8_ARITHMETICS


def in_place(node: Node, graph: Graph, margin_bytes: int = 0) -> tuple[Overlap, ...]:
    """The overlaps of a kernel that reads element i of an equally long input before it writes element i."""
    output = graph.tensor(node.outputs[0])
    inputs = [graph[name] for name in dict.fromkeys(node.inputs)]
    return tuple(
        Overlap(value.name, output.name, margin_bytes)
        for value in inputs
        if not isinstance(value, Constant) and value.elements == output.elements
    )
