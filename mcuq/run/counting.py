"""Blocks of executed code -> one Trace per call of `<name>_invoke`, with the instructions of every step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping

from mcuq.artifacts import StepCount, Trace
from mcuq.run.functions import Functions

Block = tuple[int, int]


class Counter:
    """Counts how often each block (address, bytes) runs while `<name>_invoke` is under way.

    Blocks may overlap and be split anywhere: each run counts for itself. A block counts in full, so an instruction
    whose condition fails counts as one, as it does on the core. A step owns what runs from its entry until the
    next step's, less the code of `<name>_invoke` itself.
    """

    def __init__(self, functions: Functions, step_count: int, read: Callable[[int, int], bytes]) -> None:
        self._functions = functions
        self._step_count = step_count
        self._read = read
        self._lengths: dict[Block, int] = {}
        self._return_address: int | None = None
        self._counts: dict[Block, int] = defaultdict(int)
        self._per_step: dict[int, dict[Block, int]] = {}
        self.traces: list[Trace] = []
        self.entry = functions.invoke.address if functions.invoke is not None else -1
        # Blocks that begin here change what is being counted.
        self._turning_points = {self.entry, *functions.entries}

    def on_block(self, address: int, size: int, link_register: Callable[[], int]) -> None:
        """A block is about to run."""
        if address in self._turning_points:
            self._turn(address, link_register)
        if self._return_address is not None:
            self._counts[address, size] += 1

    def _turn(self, address: int, link_register: Callable[[], int]) -> None:
        if self._return_address is None:
            if address == self.entry:
                self._start(link_register() & ~1)
        elif address == self._return_address:
            self._finish()
        elif address in self._functions.entries:
            step = self._functions.entries[address]
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
        total = sum(self._instructions(counts) for counts in self._per_step.values())
        self.traces.append(Trace(instructions=total, cycles=None, latency_ms=None, steps=self._steps()))

    def _steps(self) -> tuple[StepCount, ...]:
        if set(range(self._step_count)) - set(self._per_step):
            return ()
        return tuple(self._step(self._per_step[index]) for index in range(self._step_count))

    def _step(self, counts: Mapping[Block, int]) -> StepCount:
        invoke = self._functions.invoke
        assert invoke is not None
        own = {
            block: times
            for block, times in counts.items()
            if not invoke.address <= block[0] < invoke.address + invoke.bytes
        }
        return StepCount(instructions=self._instructions(own), cycles=None, ticks=None)

    def _instructions(self, counts: Mapping[Block, int]) -> int:
        return sum(self._length(block) * times for block, times in counts.items())

    def _length(self, block: Block) -> int:
        if block not in self._lengths:
            self._lengths[block] = count_thumb_instructions(self._read(*block))
        return self._lengths[block]


def count_thumb_instructions(code: bytes) -> int:
    """Instructions in `code`: those whose first halfword begins with 0b11101, 0b11110 or 0b11111 take two halfwords."""
    count = position = 0
    while position < len(code):
        position += 4 if code[position + 1] >= 0xE8 else 2
        count += 1
    return count
