"""Edges between blocks of executed code, priced by a core's timing table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mcuq.artifacts import Edge
from mcuq.profile.decode import Instruction, decode
from mcuq.profile.timing import Timing

ReadCode = Callable[[int, int], bytes]


@dataclass(frozen=True, slots=True)
class Priced:
    """What a set of edges took; loads and stores count instructions, not words."""

    instructions: int
    cycles: float
    loads: int
    stores: int


@dataclass(frozen=True, slots=True)
class _Block:
    instructions: tuple[Instruction, ...]
    bytes: int


def _mnemonic_extra(timing: Timing, mnemonic: str) -> float:
    fitting = [name for name in timing.mnemonics if mnemonic.startswith(name)]
    return timing.mnemonics[max(fitting, key=len)] if fitting else 0.0


def _follows_memory(previous: Instruction | None, instruction: Instruction) -> bool:
    """Whether the access can overlap with the one before it: its address must not come from that load."""
    if previous is None or previous.kind not in ("load", "store", "pair"):
        return False
    return not previous.loaded or previous.loaded not in instruction.base


def instruction_cycles(timing: Timing, instruction: Instruction, previous: Instruction | None) -> float:
    """Cycles of one instruction behind `previous` (None after a taken branch), without a refill."""
    pipelined = _follows_memory(previous, instruction)
    extra = {
        "load": timing.load_after_memory if pipelined else timing.load,
        "store": timing.store + (timing.store_register_offset if instruction.register_offset else 0.0),
        "pair": timing.pair_after_memory if pipelined else timing.pair,
        "load multiple": timing.load_multiple_per_register * instruction.registers,
        "store multiple": timing.store_multiple_per_register * instruction.registers,
        "other": 0.0,
    }[instruction.kind]
    return timing.instruction + extra + _mnemonic_extra(timing, instruction.mnemonic)


def _refill(timing: Timing, branch: Instruction, target: Instruction, address: int) -> float:
    extra = timing.taken_call if branch.is_call else timing.taken_branch
    extra += timing.load_into_pc if branch.writes_pc else 0.0
    misaligned = target.bytes == 4 and address % 4
    return extra + (timing.misaligned_target if misaligned else 0.0)


class _Pricer:
    """Decodes each block once."""

    def __init__(self, timing: Timing, read_code: ReadCode) -> None:
        self._timing = timing
        self._read_code = read_code
        self._blocks: dict[tuple[int, int], _Block] = {}

    def block(self, address: int, size: int) -> _Block:
        """The decoded block."""
        key = (address, size)
        if key not in self._blocks:
            self._blocks[key] = _Block(tuple(decode(self._read_code(address, size), address)), size)
        return self._blocks[key]

    def edge_cycles(self, edge: Edge) -> float:
        """Cycles of one run of the edge's block, with the refill of the branch that led to it."""
        block = self.block(edge.address, edge.bytes)
        before = self.block(edge.previous, edge.previous_bytes).instructions if edge.previous_bytes else ()
        last = before[-1] if before else None
        falls_through = edge.address == edge.previous + edge.previous_bytes
        previous = last if falls_through else None
        cycles = 0.0
        if last is not None and last.is_branch and not falls_through and block.instructions:
            cycles += _refill(self._timing, last, block.instructions[0], edge.address)
        for instruction in block.instructions:
            cycles += instruction_cycles(self._timing, instruction, previous)
            previous = instruction
        return cycles


def price(edges: Mapping[Edge, int], timing: Timing, read_code: ReadCode) -> Priced:
    """Instructions and cycles of all edges; `read_code(address, bytes)` gives the code that ran."""
    pricer = _Pricer(timing, read_code)
    instructions = loads = stores = 0
    cycles = 0.0
    for edge, times in edges.items():
        block = pricer.block(edge.address, edge.bytes)
        instructions += times * len(block.instructions)
        loads += times * sum(i.kind in ("load", "load multiple") for i in block.instructions)
        stores += times * sum(i.kind in ("store", "store multiple") for i in block.instructions)
        cycles += times * pricer.edge_cycles(edge)
    return Priced(instructions, cycles, loads, stores)
