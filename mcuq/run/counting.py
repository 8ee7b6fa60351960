"""Blocks of executed code -> one Trace per call of `<name>_invoke`, with the instructions of every step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping

from mcuq.artifacts import Edge, StepCount, Trace
from mcuq.run.functions import Functions

Counts = dict[Edge, int]


class Counter:
    """Counts how often each block (address, bytes) runs while `<name>_invoke` is under way.

    Blocks may overlap and be split anywhere: each run counts for itself. A block counts in full, so an instruction
    whose condition fails counts as one, as it does on the core. A step owns what runs from its entry until the
    next step's, less the code of `<name>_invoke` itself.
    """

    def __init__(
        self,
        functions: Functions,
        step_count: int,
        read_code: Callable[[int, int], bytes],
        link_register: Callable[[], int],
        count_instructions: Callable[[bytes], int],
    ) -> None:
        self._functions = functions
        self._step_count = step_count
        self._read_code = read_code
        self._link_register = link_register
        self._count_instructions = count_instructions
        self._lengths: dict[tuple[int, int], int] = {}
        self._return_address: int | None = None
        self._before = (0, 0)
        # Keys are plain tuples with the fields of an Edge: making a named one a million times a second costs too much.
        self._counts: dict[tuple[int, int, int, int], int] = defaultdict(int)
        self._per_step: dict[int, dict[tuple[int, int, int, int], int]] = {}
        self.traces: list[Trace] = []
        self._entry = functions.invoke.address if functions.invoke is not None else -1
        # Blocks that begin here change what is being counted.
        self._turning_points = {self._entry, *functions.entries}

    def on_block(self, _engine: object, address: int, size: int, _data: object) -> None:
        """A block is about to run. Called a million times a second: what runs outside an invoke is counted in vain."""
        if address in self._turning_points:
            self._turn(address)
        self._counts[(*self._before, address, size)] += 1
        self._before = (address, size)

    def _turn(self, address: int) -> None:
        if self._return_address is None:
            if address == self._entry:
                self._start(self._link_register() & ~1)
        elif address == self._return_address:
            self._finish()
        elif address in self._functions.entries:
            self._enter_step(self._functions.entries[address])

    def _enter_step(self, step: int) -> None:
        self._counts = self._per_step.setdefault(step, defaultdict(int))

    def _start(self, return_address: int) -> None:
        self._return_address = return_address
        self._turning_points.add(return_address)
        self._counts = defaultdict(int)
        self._per_step = {-1: self._counts}

    def _finish(self) -> None:
        assert self._return_address is not None
        self._turning_points.discard(self._return_address)
        self._return_address = None
        self._counts = defaultdict(int)
        per_step = {step: _edges(counts) for step, counts in self._per_step.items()}
        total = sum(self._instructions(counts) for counts in per_step.values())
        steps = [self._own(per_step[index]) for index in range(self._step_count) if index in per_step]
        if len(steps) < self._step_count:
            steps = []
        counted = tuple(StepCount(self._instructions(counts), None, None) for counts in steps)
        self.traces.append(
            Trace(
                instructions=total,
                cycles=None,
                latency_ms=None,
                steps=counted,
                edges=tuple(per_step.values()),
                step_edges=tuple(steps),
            )
        )

    def _own(self, counts: Counts) -> Counts:
        """What the step ran itself, without the loop of `<name>_invoke`."""
        return {edge: times for edge, times in counts.items() if not self._is_invoke(edge.address)}

    def _is_invoke(self, address: int) -> bool:
        invoke = self._functions.invoke
        assert invoke is not None
        return invoke.address <= address < invoke.address + invoke.bytes

    def _instructions(self, counts: Counts) -> int:
        return sum(self._length(edge.address, edge.bytes) * times for edge, times in counts.items())

    def _length(self, address: int, size: int) -> int:
        if (address, size) not in self._lengths:
            self._lengths[address, size] = self._count_instructions(self._read_code(address, size))
        return self._lengths[address, size]


def _edges(counts: Mapping[tuple[int, int, int, int], int]) -> Counts:
    return {Edge(*key): times for key, times in counts.items()}
