"""Priced edges, given to functions and to blocks of code."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise

from mcuq.artifacts import Cost, Edge, Events, HotBlock, HotLine
from mcuq.profile.memory import MemoryModel
from mcuq.profile.price import Line, Pricer, ReadCode, total
from mcuq.profile.timing import Timing

# Name of the function at an address, and where it begins.
FunctionAt = Callable[[int], tuple[str, int]]


class Accountant:
    """Turns edges and events into costs: of a whole, or of each function in it."""

    def __init__(self, timing: Timing, model: MemoryModel | None, read_code: ReadCode, function_at: FunctionAt) -> None:
        self._core = Pricer(timing, read_code)
        self._board = Pricer(model.timing, read_code) if model else None
        self._model = model
        self._function_at = function_at

    def cost(self, edges: Mapping[Edge, int], events: Events) -> Cost:
        """What all of it took."""
        lines = self._core.lines(edges).values()
        return self._cost(lines, self._board.lines(edges).values() if self._board else (), events)

    def functions(self, edges: Mapping[Edge, int], events: Events) -> dict[str, Cost]:
        """What each function took, without what it calls."""
        core = self._by_function(self._core.lines(edges))
        board = self._by_function(self._board.lines(edges)) if self._board else {}
        met: dict[str, dict[tuple[int, int], int]] = defaultdict(dict)
        for (address, event), times in events.items():
            met[self._function_at(address)[0]][address, event] = times
        return {name: self._cost(lines, board.get(name, ()), met[name]) for name, lines in core.items()}

    def hot_blocks(self, edges: Mapping[Edge, int], count: int) -> tuple[HotBlock, ...]:
        """The blocks that took most core cycles, most first."""
        blocks = [self._hot_block(lines) for lines in _runs(self._core.lines(edges).values())]
        return tuple(sorted(blocks, key=lambda block: -block.cycles)[:count])

    def _by_function(self, lines: Mapping[int, Line]) -> dict[str, list[Line]]:
        found: dict[str, list[Line]] = defaultdict(list)
        for address, line in lines.items():
            found[self._function_at(address)[0]].append(line)
        return found

    def _cost(self, core: Iterable[Line], board: Iterable[Line], events: Events) -> Cost:
        priced = total(core)
        on_board = None
        if self._model is not None:
            on_board = sum(line.cycles for line in board) + self._model.event_cycles(events)
        return Cost(priced.instructions, priced.cycles, on_board, priced.loads, priced.stores, priced.moved_bytes)

    def _hot_block(self, lines: list[Line]) -> HotBlock:
        first, last = lines[0].instruction, lines[-1].instruction
        name, begin = self._function_at(first.address)
        return HotBlock(
            function=name,
            offset_bytes=first.address - begin,
            bytes=last.address + last.bytes - first.address,
            times=lines[0].times,
            cycles=sum(line.cycles for line in lines),
            lines=tuple(_hot_line(line) for line in lines),
        )


def _hot_line(line: Line) -> HotLine:
    instruction = line.instruction
    text = f"{instruction.mnemonic} {instruction.operands}".strip()
    return HotLine(instruction.address, text, line.times, line.cycles)


def _runs(lines: Iterable[Line]) -> list[list[Line]]:
    """Lines in a row that ran equally often, up to the next branch."""
    ordered = sorted((line for line in lines if line.times), key=lambda line: line.instruction.address)
    runs = [ordered[:1]] if ordered else []
    for before, line in pairwise(ordered):
        if _continues(before, line):
            runs[-1].append(line)
        else:
            runs.append([line])
    return runs


def _continues(before: Line, line: Line) -> bool:
    instruction = before.instruction
    is_next = line.instruction.address == instruction.address + instruction.bytes
    return is_next and line.times == before.times and not instruction.is_branch
