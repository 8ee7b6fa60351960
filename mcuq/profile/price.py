"""Edges between blocks of executed code, priced by a core's timing table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from mcuq.artifacts import Edge
from mcuq.profile.decode import Instruction, decode
from mcuq.profile.timing import Timing

ReadCode = Callable[[int, int], bytes]


@dataclass(frozen=True, slots=True)
class Priced:
    """What a set of edges took; loads and stores count instructions, `moved_bytes` what went to and from memory."""

    instructions: int
    cycles: float
    loads: int
    stores: int
    moved_bytes: int


@dataclass(slots=True)
class Line:
    """One instruction of the program, how often it ran, and the cycles of all its runs."""

    instruction: Instruction
    times: int = 0
    cycles: float = 0.0


def _mnemonic_extra(timing: Timing, mnemonic: str) -> float:
    fitting = [name for name in timing.mnemonics if mnemonic.startswith(name)]
    return timing.mnemonics[max(fitting, key=len)] if fitting else 0.0


def _follows_memory(previous: Instruction | None, instruction: Instruction) -> bool:
    """Whether the access can overlap with the one before it: its address must not come from that load."""
    if previous is None or previous.kind not in ("load", "store", "pair"):
        return False
    return not previous.loaded or previous.loaded not in instruction.base


def _after_load(timing: Timing, instruction: Instruction, previous: Instruction | None) -> float:
    """What the load before an instruction adds to it."""
    if previous is None or previous.kind != "load":
        return 0.0
    misaligned = instruction.bytes == 4 and instruction.address % 4 != 0
    extra = timing.misaligned_after_load if misaligned else 0.0
    return extra + (timing.load_use if timing.load_use and instruction.uses(previous.loaded) else 0.0)


def instruction_cycles(timing: Timing, instruction: Instruction, previous: Instruction | None) -> float:
    """Cycles of one instruction behind `previous` (None after a taken branch), without a refill."""
    pipelined = _follows_memory(previous, instruction)
    if instruction.kind == "load":
        extra = timing.load_after_memory if pipelined else timing.load
    elif instruction.kind == "store":
        extra = timing.store + (timing.store_register_offset if instruction.has_register_offset else 0.0)
    elif instruction.kind == "pair":
        extra = timing.pair_after_memory if pipelined else timing.pair
    elif instruction.kind == "load multiple":
        extra = timing.load_multiple_per_register * instruction.registers
    elif instruction.kind == "store multiple":
        extra = timing.store_multiple_per_register * instruction.registers
    else:
        extra = _mnemonic_extra(timing, instruction.mnemonic) if timing.mnemonics else 0.0
    return timing.instruction + extra + _after_load(timing, instruction, previous)


def _refill(timing: Timing, branch: Instruction, target: Instruction) -> float:
    extra = timing.taken_call if branch.is_call else timing.taken_branch
    extra += timing.load_into_pc if branch.writes_pc else 0.0
    misaligned = target.bytes == 4 and target.address % 4
    return extra + (timing.misaligned_target if misaligned else 0.0)


class Pricer:
    """Prices edges of one program; `read_code(address, bytes)` gives the code that ran."""

    def __init__(self, timing: Timing, read_code: ReadCode) -> None:
        self._timing = timing
        self._read_code = read_code

    def lines(self, edges: Mapping[Edge, int]) -> dict[int, Line]:
        """Every instruction that ran, by its address; a refill counts for the branch that caused it."""
        lines: dict[int, Line] = {}
        for edge, times in edges.items():
            for instruction, cycles, runs in self._costs(edge):
                line = lines.get(instruction.address)
                if line is None:
                    line = lines[instruction.address] = Line(instruction)
                line.times += runs * times
                line.cycles += cycles * times
        return lines

    def price(self, edges: Mapping[Edge, int]) -> Priced:
        """Instructions, cycles and memory traffic of all edges."""
        return total(self.lines(edges).values())

    def _costs(self, edge: Edge) -> Iterator[tuple[Instruction, float, int]]:
        """Instruction, cycles, runs: for one run of the edge's block, and of the branch before it its refill."""
        block = self._block(edge.address, edge.bytes)
        before = self._block(edge.previous, edge.previous_bytes) if edge.previous_bytes else ()
        last = before[-1] if before else None
        falls_through = edge.address == edge.previous + edge.previous_bytes
        if last is not None and last.is_branch and not falls_through and block:
            yield last, _refill(self._timing, last, block[0]), 0
        previous = last if falls_through else None
        for instruction in block:
            yield instruction, instruction_cycles(self._timing, instruction, previous), 1
            previous = instruction

    def _block(self, address: int, size: int) -> tuple[Instruction, ...]:
        return decode(self._read_code(address, size), address)


def total(lines: Iterable[Line]) -> Priced:
    """The sum of all lines."""
    instructions = loads = stores = moved = 0
    cycles = 0.0
    for line in lines:
        instructions += line.times
        cycles += line.cycles
        loads += line.times * line.instruction.is_load
        stores += line.times * line.instruction.is_store
        moved += line.times * line.instruction.moved_bytes
    return Priced(instructions, cycles, loads, stores, moved)


def price(edges: Mapping[Edge, int], timing: Timing, read_code: ReadCode) -> Priced:
    """Instructions, cycles and memory traffic of all edges; `read_code(address, bytes)` gives the code that ran."""
    return Pricer(timing, read_code).price(edges)
