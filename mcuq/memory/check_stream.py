"""An independent check of a streamed step: every row that is read is there, and was not written over."""

from __future__ import annotations

from dataclasses import dataclass, field

from mcuq.artifacts import MemoryPlan, RowEvent, Schedule, Stage, Step, Stream
from mcuq.errors import IllegalGraph


@dataclass(slots=True)
class _Rows:
    """The rows `low` to `high` - 1 of a value lie in a buffer of `room` rows."""

    low: int
    high: int
    room: int


@dataclass(slots=True)
class _Walk:
    """The events of a step one after the other; `source` and `target` are where its input and its output start."""

    schedule: Schedule
    step: Step
    stream: Stream
    source: int
    target: int
    rows: dict[str, _Rows] = field(init=False)
    done: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.rows = {b.value: _Rows(-b.before, -b.before, b.rows) for b in self.stream.buffers}
        self.done = {stage.output: 0 for stage in self.stream.stages}

    def _fail(self, what: str) -> None:
        raise IllegalGraph(f"step {self.step.index} {what}")

    def _row_bytes(self, value: str) -> int:
        tensor = self.schedule.graph.tensor(value)
        return tensor.bytes // tensor.shape[1]

    def _height(self, value: str) -> int:
        return self.schedule.graph.tensor(value).shape[1]

    def _read_source(self, stage: Stage, value: str, first: int, at_edge: bool) -> None:
        """The rows of the input that the window covers are still as they were."""
        height, row_bytes = self._height(value), self._row_bytes(value)
        if not at_edge and (first < 0 or first + stage.extent > height):
            self._fail(f"reads rows of {value!r} that there are none of")
        begin = self.source + max(first, 0) * row_bytes
        end = self.source + min(first + stage.extent, height) * row_bytes
        output = self.step.outputs[0]
        out_row = self._row_bytes(output)
        written = self.target + self.done[output] * out_row
        if begin < end and self.target < written and self.target < end and begin < written:
            self._fail(f"reads rows of {value!r} that it has written over")
        if stage.output == output and begin < written + out_row and written < end and not at_edge:
            allowed = [o.margin_bytes for o in stage.overlaps if (o.input, o.output) == (value, output)]
            if not any(written + margin <= begin for margin in allowed):
                self._fail(f"writes over rows of {value!r} while it reads them")

    def _read(self, stage: Stage, value: str, at_edge: bool) -> None:
        first = self.done[stage.output] * stage.stride - stage.pad
        if value == self.step.inputs[0]:
            self._read_source(stage, value, first, at_edge)
        elif not (self.rows[value].low <= first and first + stage.extent <= self.rows[value].high):
            self._fail(f"reads rows of {value!r} that are not there")

    def _add_row(self, value: str) -> None:
        rows = self.rows[value]
        rows.high += 1
        if rows.high - rows.low > rows.room:
            self._fail(f"keeps more rows of {value!r} than there is room for")

    def _compute(self, event: RowEvent) -> None:
        stage = next(stage for stage in self.stream.stages if stage.output == event.value)
        for value in stage.inputs:
            self._read(stage, value, event.kind == "edge")
        if event.value in self.rows:
            if self.rows[event.value].high != self.done[event.value]:
                self._fail(f"puts a row of {event.value!r} where another belongs")
            self._add_row(event.value)
        self.done[event.value] += 1

    def _move(self, event: RowEvent) -> None:
        rows = self.rows[event.value]
        if event.dropped + event.kept != rows.high - rows.low:
            self._fail(f"moves other rows of {event.value!r} than there are")
        rows.low += event.dropped

    def _pad(self, value: str) -> None:
        if 0 <= self.rows[value].high < self._height(value):
            self._fail(f"pads {value!r} where it has rows of its own")
        self._add_row(value)

    def run(self) -> None:
        """Everything in order; raises IllegalGraph."""
        for event in self.stream.events:
            if event.kind in ("row", "edge"):
                self._compute(event)
            elif event.kind == "move":
                self._move(event)
            else:
                self._pad(event.value)
        output = self.step.outputs[0]
        if self.done[output] != self._height(output):
            self._fail(f"does not compute all rows of {output!r}")


def _check_places(step: Step, stream: Stream) -> None:
    """Buffers, the copied window and the stages' scratch lie apart from one another, in the step's scratch."""
    spans = [(b.offset_bytes, b.offset_bytes + b.rows * b.row_bytes) for b in stream.buffers]
    spans.append((stream.edge_offset_bytes, stream.stage_offset_bytes))
    spans.append((stream.stage_offset_bytes, step.scratch_bytes))
    spans = sorted(span for span in spans if span[0] != span[1])
    ends = [0, *(end for _, end in spans)]
    if any(start < end for (start, _), end in zip(spans, ends, strict=False)) or ends[-1] > step.scratch_bytes:
        raise IllegalGraph(f"step {step.index} keeps two things in one place of its scratch")


def check_stream(schedule: Schedule, plan: MemoryPlan, step: Step) -> None:
    """Raises IllegalGraph where a step that computes row by row reads what is not there; others are not looked at."""
    if step.stream is None:
        return
    _check_places(step, step.stream)
    starts = []
    for name in (step.inputs[0], step.outputs[0]):
        location = schedule.location(name)
        starts.append(plan.placement(location.buffer).offset_bytes + location.offset_bytes)
    _Walk(schedule, step, step.stream, *starts).run()
