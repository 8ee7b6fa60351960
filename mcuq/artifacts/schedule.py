"""The Schedule: which kernel computes what, in which order, with which constants, scratch and overlaps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from mcuq.artifacts.goal import BALANCED
from mcuq.ir import Graph, Node


@dataclass(frozen=True, slots=True)
class Overlap:
    """The step may write `output` over `input` if the output starts at least `margin_bytes` below the input.

    With `same_start` it may also start exactly where the input does.
    """

    input: str
    output: str
    margin_bytes: int
    same_start: bool = False


@dataclass(frozen=True, slots=True)
class PackedConstant:
    """An array as the kernel wants it in flash; `role` is weights, bias, multiplier, shift, table or operand."""

    role: str
    c_type: str
    values: npt.NDArray[Any] = field(compare=False, repr=False)

    @property
    def bytes(self) -> int:
        """Bytes of flash."""
        return int(self.values.nbytes)


@dataclass(frozen=True, slots=True)
class RowEvent:
    """What happens next in a streamed step.

    `row`: the stage that computes `value` gives its next row; `edge`: the same, but its window leaves the step's input,
    so that the window is copied first. `pad`: a row of padding joins the rows of `value`. `move`: its first `dropped`
    rows are read no more, the `kept` ones behind them move to the front.
    """

    kind: str
    value: str
    dropped: int = 0
    kept: int = 0


@dataclass(frozen=True, slots=True)
class RowBuffer:
    """Rows of a value that a streamed step keeps in its scratch; the first `before` are padding, all bytes `fill`."""

    value: str
    offset_bytes: int
    rows: int
    row_bytes: int
    before: int
    fill: int


@dataclass(frozen=True, slots=True)
class Stage:
    """One layer of a streamed step: a kernel that is called for one output row at a time.

    Output row r reads `extent` rows of every input from row r * stride - pad on. `fill` is the byte of padding.
    `overlaps` say how the output row may lie to the rows that are read for it.
    """

    kernel: str
    node: Node
    inputs: tuple[str, ...]
    shape: Any
    parameters: Any
    constants: tuple[PackedConstant, ...]
    scratch_bytes: int
    stride: int
    pad: int
    extent: int
    fill: int
    overlaps: tuple[Overlap, ...]

    @property
    def output(self) -> str:
        """The value whose rows it computes."""
        return self.node.outputs[0]


@dataclass(frozen=True, slots=True)
class Stream:
    """The inside of a step that computes several layers row by row.

    Offsets are into the step's scratch: of the copied window at an edge of the input, of the stages' own scratch.
    """

    stages: tuple[Stage, ...]
    buffers: tuple[RowBuffer, ...]
    events: tuple[RowEvent, ...]
    edge_offset_bytes: int
    stage_offset_bytes: int

    @property
    def distinct_events(self) -> tuple[RowEvent, ...]:
        """Each kind of event once; the order of rows is a table of indices into it."""
        return tuple(dict.fromkeys(self.events))


@dataclass(frozen=True, slots=True)
class Step:
    """The unit of code, timing, comparison and planning: one call of one kernel.

    `shape` holds what specialises the C function (steps with equal kernel and shape share one); `parameters` what
    differs from call to call; `inputs` and `outputs` are the run-time values that it reads and writes, in the kernel's
    order. `variant` names the block sizes where a kernel has several ways; `cycles` is the estimate by which it was
    chosen (core cycles at zero wait states; 0 where there is none). `constants_in_ram`: start-up copies its constants
    from flash into RAM.
    """

    index: int
    kernel: str
    nodes: tuple[Node, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    shape: Any
    parameters: Any
    constants: tuple[PackedConstant, ...]
    macs: int
    scratch_bytes: int = 0
    overlaps: tuple[Overlap, ...] = ()
    variant: str = ""
    cycles: int = 0
    stream: Stream | None = None
    constants_in_ram: bool = False

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers of the user's model that this step computes."""
        return tuple(dict.fromkeys(name for node in self.nodes for name in node.origin))

    @property
    def scratch(self) -> str:
        """The name of the step's scratch buffer; the NUL keeps it apart from every name that a model can give."""
        return f"\0scratch {self.index}"

    @property
    def constant_bytes(self) -> int:
        """Bytes of flash of all constants of the step, those of its stages included."""
        stages = self.stream.stages if self.stream is not None else ()
        inside = [constant for stage in stages for constant in stage.constants]
        return sum(constant.bytes for constant in (*self.constants, *inside))


@dataclass(frozen=True, slots=True)
class Buffer:
    """A piece of arena that one or more values share."""

    name: str
    bytes: int
    alignment_bytes: int


@dataclass(frozen=True, slots=True)
class Location:
    """Where a run-time value lies: so many bytes into a buffer."""

    value: str
    buffer: str
    offset_bytes: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """Steps in execution order and the buffers that they need; memory places the buffers, codegen renders the steps.

    `code_bytes` is the estimate of the flash of all kernels' functions; `optimize` what the kernels were chosen for.
    """

    graph: Graph
    features: frozenset[str]
    keep_inputs: bool
    steps: tuple[Step, ...]
    buffers: tuple[Buffer, ...]
    locations: tuple[Location, ...]
    code_bytes: int = 0
    optimize: str = BALANCED

    def location(self, value: str) -> Location:
        """Where the run-time value of that name lies."""
        return next(location for location in self.locations if location.value == value)

    def buffer(self, name: str) -> Buffer:
        """The buffer of that name."""
        return next(buffer for buffer in self.buffers if buffer.name == name)

    @property
    def constant_bytes(self) -> int:
        """Bytes of flash of the constants of all steps."""
        return sum(step.constant_bytes for step in self.steps)

    @property
    def ram_constant_bytes(self) -> int:
        """Bytes of RAM, beside their flash, of the constants that start-up copies."""
        return sum(step.constant_bytes for step in self.steps if step.constants_in_ram)

    @property
    def cycles(self) -> int:
        """The estimate for one inference by which the steps were chosen."""
        return sum(step.cycles for step in self.steps)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(step.macs for step in self.steps)
