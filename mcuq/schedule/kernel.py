"""What a kernel variant says: which nodes it can compute, and the step that computes one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mcuq.artifacts import Overlap, PackedConstant, Stream
from mcuq.ir import Constant, Graph, Node

INT8_ARITHMETICS = ("tflm", "single", "shift")  # int8 in, int8 out: only the requantisation differs
INTEGER_ARITHMETICS = (*INT8_ARITHMETICS, "int16x8")


@dataclass(frozen=True, slots=True)
class Work:
    """A step before it has its place in the order: one way to compute a node, or a run of nodes, with one kernel.

    `shape` is what specialises the C function, `parameters` what differs between calls (both frozen dataclasses of
    numbers; a field of `parameters` is a member of the C struct). A constant of role "operand_K" is the K-th argument.

    What the choice between ways needs to know, without a compiler:

    - `cycles`: core cycles at zero wait states, on a core that has the kernel's features, as measured on the simulator
      and reduced to a rule (so many a MAC, an output, a call);
    - `code_bytes`: flash of the function that `shape` specialises; steps with equal kernel and shape share it;
    - `shared_code`: `(name, bytes)` of further functions, which all steps that name them share;
    - `variant`: the block sizes in a few words for the C comment and build.json, "" where there is one way only.

    A way without `cycles` is taken to be free, so that a kernel of a user wins without an estimate.

    `nodes` are what is computed, in execution order, where it is more than the node that was asked about: that one
    comes first. The step stands where the last node stood. Values between the nodes never exist, so others may read
    the outputs of the last node only (`candidates` leaves out a run that breaks this); a free RESHAPE inside the run
    belongs to it. The arguments are the run-time values that the nodes read from outside, in the order in which they
    first do, and the outputs of the last node; overlaps name these.
    """

    shape: Any
    parameters: Any
    constants: tuple[PackedConstant, ...] = ()
    scratch_bytes: int = 0
    overlaps: tuple[Overlap, ...] = ()
    cycles: int = 0
    code_bytes: int = 0
    shared_code: tuple[tuple[str, int], ...] = ()
    variant: str = ""
    nodes: tuple[Node, ...] = ()
    stream: Stream | None = None

    @property
    def constant_bytes(self) -> int:
        """Bytes of flash of all constants, those of a stream's stages included."""
        stages = self.stream.stages if self.stream is not None else ()
        inside = [constant for stage in stages for constant in stage.constants]
        return sum(constant.bytes for constant in (*self.constants, *inside))


Plans = Callable[[Node, Graph], tuple[Work, ...]]


@dataclass(frozen=True, slots=True)
class Kernel:
    """One variant; its template is `templates/kernels/<name>.c.j2`, its struct `parameters_type` of mcuq/parameters.h.

    `plans(node, graph)` gives the ways in which it can compute the node (block sizes, layouts, scratch, or a run of
    nodes that starts there), the default first and at least one; `only` makes it of a function that gives one Work.
    Which of all kernels' ways is taken, `choose` decides. `refuses(node, graph)` gives the reason why it cannot compute
    the node, or None; it is asked about nodes of one of `arithmetics` only. `features` must all be present. A kernel
    that takes much more flash for few cycles is offered `under_flash_limit` only: to a user who says how much there is.
    """

    name: str
    ops: tuple[str, ...]
    parameters_type: str
    plans: Plans
    refuses: Callable[[Node, Graph], str | None] = lambda node, graph: None
    features: frozenset[str] = frozenset()
    arithmetics: tuple[str, ...] = INT8_ARITHMETICS
    under_flash_limit: bool = False


def only(plan: Callable[[Node, Graph], Work]) -> Plans:
    """The plans of a kernel that has one way to compute a node."""
    return lambda node, graph: (plan(node, graph),)


def in_place(node: Node, graph: Graph, margin_bytes: int = 0) -> tuple[Overlap, ...]:
    """The overlaps of a kernel that reads element i of an equally long input before it writes element i."""
    output = graph.tensor(node.outputs[0])
    inputs = [graph[name] for name in dict.fromkeys(node.inputs)]
    return tuple(
        Overlap(value.name, output.name, margin_bytes)
        for value in inputs
        if not isinstance(value, Constant) and value.elements == output.elements
    )
