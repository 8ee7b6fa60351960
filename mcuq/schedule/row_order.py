"""In which order the rows of several layers are computed, and how many rows of each value exist at a time.

The last layer asks for its rows one after the other; each layer computes a row when the one that reads it needs it. The
rows of a value between two layers lie one behind the other in a small buffer, so that a window over rows is one run of
memory; when the buffer is full, the rows that nobody reads any more leave it and the others move to its front.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mcuq.artifacts import RowEvent


@dataclass(frozen=True, slots=True)
class RowReader:
    """Output row r reads `extent` rows of `value` from row r * stride - pad on; those outside of it are padding."""

    value: str
    stride: int
    pad: int
    extent: int

    def first(self, row: int) -> int:
        """The first row that output row `row` reads; negative where that is padding."""
        return row * self.stride - self.pad


@dataclass(frozen=True, slots=True)
class RowStage:
    """A layer that gives `rows` rows of `output`."""

    output: str
    rows: int
    readers: tuple[RowReader, ...]


@dataclass(slots=True)
class _Buffer:
    """Rows `low` to `high` - 1 of a value exist, `most` at once; `before` are the padding rows above the image."""

    height: int
    before: int
    low: int = 0
    high: int = 0
    most: int = 0


@dataclass(frozen=True, slots=True)
class RowOrder:
    """Events in order; for each value inside the chain how many rows its buffer holds, and the padding rows above.

    `reach`: for each row of the last layer, the first row of the chain's input that is read after it is written
    (`height` of the input where none is), and the first that is read while it is written (None where none is).
    """

    events: tuple[RowEvent, ...]
    rows: Mapping[str, int]
    before: Mapping[str, int]
    reach: tuple[tuple[int, int | None], ...]


@dataclass(slots=True)
class _Simulation:
    """The run of a chain whose `rows` are known, or (where they are not) with as many as are needed at once."""

    stages: Sequence[RowStage]
    source: str
    source_height: int
    rows: Mapping[str, int] | None
    readers: dict[str, list[tuple[int, RowReader]]] = field(init=False)
    producers: dict[str, int] = field(init=False)
    buffers: dict[str, _Buffer] = field(init=False)
    done: list[int] = field(init=False)
    events: list[RowEvent] = field(default_factory=list)
    reach: list[tuple[int, int | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.done = [0] * len(self.stages)
        self.producers = {stage.output: s for s, stage in enumerate(self.stages)}
        self.readers = {name: [] for name in (self.source, *self.producers)}
        for s, stage in enumerate(self.stages):
            for reader in stage.readers:
                self.readers[reader.value].append((s, reader))
        self.buffers = {}
        for stage in self.stages[:-1]:
            before = max(reader.pad for _, reader in self.readers[stage.output])
            self.buffers[stage.output] = _Buffer(stage.rows, before, low=-before, high=-before)

    def _needed_from(self, value: str, end: int) -> int:
        """The first row of a value that is still to be read; `end` where none is."""
        waiting = [r.first(self.done[s]) for s, r in self.readers[value] if self.done[s] < self.stages[s].rows]
        return min([end, *waiting])

    def _make_room(self, value: str) -> None:
        """One more row comes: note how many exist, and move them where the buffer is full."""
        buffer = self.buffers[value]
        needed = max(buffer.low, self._needed_from(value, buffer.high))
        buffer.most = max(buffer.most, buffer.high - needed + 1)
        if self.rows is not None and buffer.high - buffer.low == self.rows[value]:
            self.events.append(RowEvent("move", value, needed - buffer.low, buffer.high - needed))
            buffer.low = needed
        buffer.high += 1

    def _ensure(self, value: str, row: int) -> None:
        """Rows up to `row` of a value exist."""
        if value == self.source:
            return
        buffer = self.buffers[value]
        while buffer.high <= row:
            if 0 <= buffer.high < buffer.height:
                self.run(self.producers[value])
            else:
                self._make_room(value)
                self.events.append(RowEvent("pad", value))

    def _leaves_source(self, reader: RowReader, row: int) -> bool:
        first = reader.first(row)
        return reader.value == self.source and (first < 0 or first + reader.extent > self.source_height)

    def run(self, s: int) -> None:
        """The next row of a stage, and before it everything that it reads."""
        stage, row = self.stages[s], self.done[s]
        for reader in stage.readers:
            self._ensure(reader.value, reader.first(row) + reader.extent - 1)
        if s < len(self.stages) - 1:
            self._make_room(stage.output)
        edge = any(self._leaves_source(reader, row) for reader in stage.readers)
        self.events.append(RowEvent("edge" if edge else "row", stage.output))
        self.done[s] += 1
        if s == len(self.stages) - 1:
            own = [max(0, reader.first(row)) for reader in stage.readers if reader.value == self.source]
            later = max(0, self._needed_from(self.source, self.source_height))
            self.reach.append((later, min(own) if own else None))


def row_order(stages: Sequence[RowStage], source: str, source_height: int) -> RowOrder:
    """The rows of a chain whose input `source` is whole, and so is the last stage's output; in execution order."""

    def simulated(rows: Mapping[str, int] | None) -> _Simulation:
        simulation = _Simulation(stages, source, source_height, rows)
        for _ in range(stages[-1].rows):
            simulation.run(len(stages) - 1)
        return simulation

    rows = {value: buffer.most for value, buffer in simulated(None).buffers.items()}
    run = simulated(rows)
    before = {value: buffer.before for value, buffer in run.buffers.items()}
    return RowOrder(tuple(run.events), rows, before, tuple(run.reach))
