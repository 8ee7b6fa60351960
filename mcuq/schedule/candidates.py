"""Every way to compute each node of a graph: what all kernels offer that a core can run."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from mcuq.errors import UnsupportedModel
from mcuq.ir import Constant, Graph, Node
from mcuq.schedule.kernel import Kernel, Work
from mcuq.schedule.kernels import known_kernels

# What steps share one C function for: kernel, shape and arithmetic; or the name of a function that several need.
_CodeKey = tuple[str, Any, str]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One kernel's way to compute the nodes at `positions` of the graph, in execution order.

    `code` are the functions that it needs, each with a number that is the same for all who share it, and their bytes.
    """

    kernel: Kernel
    work: Work
    nodes: tuple[Node, ...]
    positions: tuple[int, ...]
    code: tuple[tuple[int, int], ...]
    constant_bytes: int

    @property
    def way(self) -> tuple[str, str]:
        """What it is called: kernel and variant."""
        return self.kernel.name, self.work.variant


def _code(kernel: Kernel, work: Work, node: Node, numbers: dict[_CodeKey, int]) -> tuple[tuple[int, int], ...]:
    own: _CodeKey = (kernel.name, work.shape, node.arithmetic)
    needed = [(own, work.code_bytes), *(((name, None, ""), size) for name, size in work.shared_code)]
    return tuple((numbers.setdefault(key, len(numbers)), size) for key, size in needed)


def inputs_of(nodes: tuple[Node, ...], graph: Graph) -> tuple[str, ...]:
    """The run-time values that the nodes read from outside: all operands of a single node, each once of a run."""
    made = {name for node in nodes for name in node.outputs}
    read = [name for node in nodes for name in node.inputs if not isinstance(graph[name], Constant)]
    return tuple(read) if len(nodes) == 1 else tuple(name for name in dict.fromkeys(read) if name not in made)


def inner_values(nodes: tuple[Node, ...]) -> frozenset[str]:
    """The values between the nodes of a run."""
    return frozenset(name for node in nodes[:-1] for name in node.outputs)


def _is_closed(nodes: tuple[Node, ...], graph: Graph) -> bool:
    """Nobody but the nodes reads a value between them."""
    inner = inner_values(nodes)
    read_by_others = {name for node in graph.nodes if node not in nodes for name in node.inputs}
    return not inner & (read_by_others | set(graph.outputs))


def _offers(
    kernel: Kernel, position: int, graph: Graph, places: dict[str, int], numbers: dict[_CodeKey, int]
) -> list[Candidate]:
    """What the kernel offers for the node there, without runs whose inner values others read."""
    node = graph.nodes[position]
    found = []
    for work in kernel.plans(node, graph):
        nodes = work.nodes or (node,)
        if _is_closed(nodes, graph):
            positions = tuple(places[n.outputs[0]] for n in nodes)
            code = _code(kernel, work, nodes[0], numbers)
            found.append(Candidate(kernel, work, nodes, positions, code, work.constant_bytes))
    return found


def candidates(
    graph: Graph, features: frozenset[str], free_nodes: Collection[int] = (), *, flash_is_limited: bool = True
) -> tuple[tuple[Candidate, ...], ...]:
    """What starts at each node: in order of kernels, then of their preference; nothing at nodes that need no step.

    Kernels for a user who limits flash are among them where `flash_is_limited`.
    Raises UnsupportedModel with every node that no kernel computes by itself.
    """
    places = {node.outputs[0]: position for position, node in enumerate(graph.nodes)}
    numbers: dict[_CodeKey, int] = {}
    found: list[tuple[Candidate, ...]] = []
    missing: list[str] = []
    offering = [kernel for kernel in known_kernels() if flash_is_limited or not kernel.under_flash_limit]
    for position, node in enumerate(graph.nodes):
        offered: list[Candidate] = []
        reasons: list[str] = []
        for kernel in offering if position not in free_nodes else ():
            if node.op in kernel.ops and node.arithmetic in kernel.arithmetics and kernel.features <= features:
                reason = kernel.refuses(node, graph)
                if reason is None:
                    offered += _offers(kernel, position, graph, places, numbers)
                else:
                    reasons.append(f"{kernel.name}: {reason}")
        if position not in free_nodes and not any(len(candidate.nodes) == 1 for candidate in offered):
            why = "; ".join(reasons) or f"there is no kernel for it in '{node.arithmetic}' arithmetic"
            missing.append(f"{node.op} ({', '.join(node.origin)}): {why}")
        found.append(tuple(offered))
    if missing:
        raise UnsupportedModel("no kernel computes " + "; ".join(missing))
    return tuple(found)
