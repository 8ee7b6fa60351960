"""What the template of a streamed step sees: stages, and the events that its table of rows counts up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mcuq.artifacts import RowEvent, Schedule, Stage, Step, Stream


@dataclass(frozen=True, slots=True)
class OperandView:
    """Where a stage reads an operand: the first row, and how far the next output row reads behind it."""

    index: int
    start: int
    step_bytes: int


@dataclass(frozen=True, slots=True)
class StageView:
    """One layer: the call that computes a row of it, and the same call where its window was copied."""

    index: int
    function: str
    operands: tuple[OperandView, ...]
    start: int
    row_bytes: int
    arguments: tuple[str, ...]
    edge_arguments: tuple[str, ...]
    parameters_type: str
    parameters_name: str
    parameters: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class EventView:
    """One case of the step's switch; what a kind does not need is 0 or empty."""

    kind: str
    stage: StageView
    source: int = 0
    first: str = ""
    rows: int = 0
    height: int = 0
    row_bytes: int = 0
    fill: int = 0
    bytes: int = 0
    dropped_bytes: int = 0
    readers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StreamView:
    """A streamed step; `edge` is where the copied window lies, in `region` of the arena."""

    stages: tuple[StageView, ...]
    events: tuple[EventView, ...]
    order_length: int
    edge: int
    region: str


@dataclass(frozen=True, slots=True)
class StreamPlaces:
    """Where everything of a streamed step lies in the arena."""

    schedule: Schedule
    step: Step
    stream: Stream
    source: int
    target: int
    scratch: int

    def row_bytes(self, value: str) -> int:
        """Bytes of one row of a value."""
        tensor = self.schedule.graph.tensor(value)
        return tensor.dtype.bytes_of(tensor.shape[2] * tensor.shape[3])

    def read_from(self, stage: Stage, value: str) -> int:
        """Where the window of the first output row starts; before the image where that is padding."""
        if value == self.step.inputs[0]:
            return self.source - stage.pad * self.row_bytes(value)
        buffer = next(buffer for buffer in self.stream.buffers if buffer.value == value)
        return self.scratch + buffer.offset_bytes + (buffer.before - stage.pad) * buffer.row_bytes

    def write_to(self, value: str) -> int:
        """Where the first row of a value is written, padding above the image included."""
        if value == self.step.outputs[0]:
            return self.target
        buffer = next(buffer for buffer in self.stream.buffers if buffer.value == value)
        return self.scratch + buffer.offset_bytes


def operands_of(places: StreamPlaces, stage: Stage) -> tuple[OperandView, ...]:
    """A view an operand that is computed at run time."""
    return tuple(
        OperandView(k, places.read_from(stage, name), stage.stride * places.row_bytes(name))
        for k, name in enumerate(stage.inputs)
    )


def _readers(stream: Stream, value: str) -> tuple[str, ...]:
    found = ((s, k) for s, stage in enumerate(stream.stages) for k, name in enumerate(stage.inputs) if name == value)
    return tuple(f"{s}_{k}" for s, k in found)


def _event(places: StreamPlaces, event: RowEvent, stages: dict[str, StageView]) -> EventView:
    stage, row_bytes = stages[event.value], places.row_bytes(event.value)
    if event.kind == "row":
        return EventView("row", stage)
    if event.kind == "pad":
        buffer = next(buffer for buffer in places.stream.buffers if buffer.value == event.value)
        return EventView("pad", stage, fill=buffer.fill)
    if event.kind == "move":
        return EventView(
            "move",
            stage,
            source=places.write_to(event.value),
            bytes=event.kept * row_bytes,
            dropped_bytes=event.dropped * row_bytes,
            readers=_readers(places.stream, event.value),
        )
    value, reader = places.step.inputs[0], places.stream.stages[stage.index]
    in_row = places.row_bytes(value)
    return EventView(
        "edge",
        stage,
        source=places.source,
        first=f"(from_{stage.index}_0 - {places.source}) / {in_row}",
        rows=reader.extent,
        height=places.schedule.graph.tensor(value).shape[1],
        row_bytes=in_row,
        fill=reader.fill,
    )


def stream_view(places: StreamPlaces, stage_view: Callable[[int, Stage], StageView], region: str) -> StreamView:
    """The view of a streamed step, with the stages that `stage_view` makes."""
    stream = places.stream
    stages = tuple(stage_view(index, stage) for index, stage in enumerate(stream.stages))
    by_output = {stage.output: view for stage, view in zip(stream.stages, stages, strict=True)}
    events = tuple(_event(places, event, by_output) for event in stream.distinct_events)
    return StreamView(stages, events, len(stream.events), places.scratch + stream.edge_offset_bytes, region)
