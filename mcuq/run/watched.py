"""Counting with the eyes on memory as well: events of a memory model, and how deep the stack goes in each step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace

from mcuq.artifacts import Events
from mcuq.run.counting import Counter
from mcuq.run.functions import Functions
from mcuq.run.watch import Watch

_OUTSIDE = -2


class WatchedCounter(Counter):
    """A Counter that also asks a Watch about accesses, and notes the lowest address of the stack that was written."""

    def __init__(
        self,
        functions: Functions,
        step_count: int,
        read_code: Callable[[int, int], bytes],
        link_register: Callable[[], int],
        count_instructions: Callable[[bytes], int],
        stack_pointer: Callable[[], int],
        watch: Watch,
    ) -> None:
        super().__init__(functions, step_count, read_code, link_register, count_instructions)
        self._stack_pointer = stack_pointer
        self._watch = watch
        self._part = _OUTSIDE
        self._events: dict[tuple[int, int], int] = defaultdict(int)
        self._events_of: dict[int, dict[tuple[int, int], int]] = {}
        self._stack_begin = self._lowest = 0
        self._lowest_of: dict[int, int] = {}

    def on_fetching_block(self, engine: object, address: int, size: int, data: object) -> None:
        """As `on_block`, where the watch wants to see fetches."""
        before, before_bytes = self._before
        self.on_block(engine, address, size, data)
        for event in self._watch.fetch(address, size, address == before + before_bytes):
            self._events[address, event] += 1

    def on_read(self, _engine: object, _kind: int, address: int, size: int, _value: int, _data: object) -> None:
        """The block that runs reads."""
        for event in self._watch.read(address, size):
            self._events[self._before[0], event] += 1

    def on_write(self, _engine: object, _kind: int, address: int, size: int, _value: int, _data: object) -> None:
        """The block that runs writes."""
        for event in self._watch.write(address, size):
            self._events[self._before[0], event] += 1

    def on_stack_write(self, _engine: object, _kind: int, address: int, _size: int, _value: int, _data: object) -> None:
        """The block that runs writes to the stack."""
        if address < self._lowest:
            self._lowest = address

    def _start(self, return_address: int) -> None:
        super()._start(return_address)
        self._watch.begin()
        self._stack_begin = self._lowest = self._stack_pointer()
        self._events_of, self._lowest_of = {}, {}
        self._enter(-1)

    def _enter_step(self, step: int) -> None:
        super()._enter_step(step)
        self._leave()
        self._enter(step)

    def _finish(self) -> None:
        self._leave()
        super()._finish()
        trace = self.traces[-1]
        steps = range(self._step_count) if trace.step_edges else ()
        self.traces[-1] = replace(
            trace,
            events=tuple(dict(events) for events in self._events_of.values()),
            step_events=tuple(self._own_events(self._events_of[step]) for step in steps),
            step_stack_bytes=tuple(self._stack_begin - self._lowest_of[step] for step in steps),
        )
        self._part, self._events = _OUTSIDE, defaultdict(int)

    def _enter(self, part: int) -> None:
        self._part = part
        self._events = self._events_of.setdefault(part, defaultdict(int))
        self._lowest = self._stack_begin

    def _leave(self) -> None:
        self._lowest_of[self._part] = min(self._lowest_of.get(self._part, self._stack_begin), self._lowest)

    def _own_events(self, events: Events) -> Events:
        return {key: times for key, times in events.items() if not self._is_invoke(key[0])}
