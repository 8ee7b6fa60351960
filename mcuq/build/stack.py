"""How much stack a model can need at most, read from the machine code: each function's frame and its deepest callee's.

Every decrement of the stack pointer in a function counts, wherever it stands, so the bound holds on all paths;
compilers make frames once, so it is tight as well. What is not known ahead (recursion, a frame of variable size, a call
through a pointer that is not one of the model's steps) has no bound. Compilers' own reports (-fstack-usage)
know nothing of functions in assembly.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from mcuq.artifacts import Image, Symbol

Reader = Callable[[int, int], bytes]

_IMMEDIATE = re.compile(r"(?:^|[ ,])#?(-?(?:0x[0-9a-f]+|\d+))$")
_CALLS = ("bl", "blx", "jal", "jalr", "c.jal", "c.jalr", "call")
_JUMPS = ("b", "b.w", "bx", "j", "jr", "c.j", "c.jr", "tail", "cbz", "cbnz")


@dataclass(frozen=True, slots=True)
class _Body:
    """What one function does with the stack; `calls` are addresses, None is a call through a pointer."""

    frame_bytes: int | None
    calls: frozenset[int | None]


def stack_bound_bytes(image: Image, read: Reader, name: str) -> int | None:
    """The most stack that `<name>_invoke` can need, in bytes, interrupts left out.

    `read(address, bytes)` gives the code of `image`, for Arm's Thumb or 32-bit RISC-V. None for other machines, where
    there is no bound, and where the disassembler (capstone, of the extra `sim`) is not installed.
    """
    entry = image.symbols.get(f"{name}_invoke")
    if entry is None:
        return None
    step = re.compile(re.escape(name) + r"_step_\d+(\..*)?")
    steps = frozenset(symbol.address for symbol in image.symbols.values() if step.fullmatch(symbol.name))
    machine, marks = _machine(image.path)
    if machine not in ("EM_ARM", "EM_RISCV"):
        return None
    try:
        bodies = _bodies(image, read, machine, marks)
    except ImportError:
        return None
    return _deepest(entry.address, bodies, steps, ())


def _deepest(address: int, bodies: Mapping[int, _Body], steps: frozenset[int], above: tuple[int, ...]) -> int | None:
    body = bodies.get(address)
    if body is None or body.frame_bytes is None or address in above:
        return None
    callees = set(body.calls)
    if None in callees:
        # The model calls through one table only, that of its steps.
        callees = (callees - {None}) | set(steps) if not above else {None}
    depths = [None if callee is None else _deepest(callee, bodies, steps, (*above, address)) for callee in callees]
    if any(depth is None for depth in depths):
        return None
    return body.frame_bytes + max((depth for depth in depths if depth is not None), default=0)


def _bodies(image: Image, read: Reader, machine: str, marks: list[tuple[int, bool]]) -> dict[int, _Body]:
    import capstone

    if machine == "EM_ARM":
        engine = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
    else:
        engine = capstone.Cs(capstone.CS_ARCH_RISCV, capstone.CS_MODE_RISCV32 | capstone.CS_MODE_RISCVC)
    return {
        symbol.address: _body(symbol, _instructions(symbol, engine, read, marks))
        for symbol in image.symbols.values()
        if symbol.is_function and symbol.bytes
    }


def _machine(path: Path) -> tuple[str, list[tuple[int, bool]]]:
    """The ELF file's machine, and where code and where data start, in order, by Arm's mapping symbols ($t, $d)."""
    with path.open("rb") as file:
        try:
            elf = ELFFile(file)
        except ELFError:
            return "", []
        table: Any = elf.get_section_by_name(".symtab")
        symbols = table.iter_symbols() if table is not None else ()
        found = {int(s["st_value"]) & ~1: s.name[1] == "d" for s in symbols if re.match(r"\$[adtx](\.|$)", s.name)}
        return str(elf["e_machine"]), sorted(found.items())


def _instructions(symbol: Symbol, engine: Any, read: Reader, marks: list[tuple[int, bool]]) -> Iterator[Any]:
    """The instructions of a function, literals between them left out."""
    end = symbol.address + symbol.bytes
    inside = [(address, is_data) for address, is_data in marks if symbol.address < address < end]
    before = [is_data for address, is_data in marks if address <= symbol.address]
    starts = [(symbol.address, bool(before and before[-1])), *inside, (end, True)]
    for (start, is_data), (stop, _) in itertools.pairwise(starts):
        if not is_data:
            yield from engine.disasm(read(start, stop - start), start)


def _body(symbol: Symbol, instructions: Any) -> _Body:
    frame = 0
    calls: set[int | None] = set()
    for instruction in instructions:
        mnemonic, operands = instruction.mnemonic, instruction.op_str
        grown = _grown_bytes(mnemonic, operands)
        if grown is None:
            return _Body(None, frozenset())
        frame += grown
        base = re.sub(r"\.[wn]$", "", mnemonic)
        target = _IMMEDIATE.search(operands)
        if base in _CALLS:
            calls.add(int(target.group(1), 0) if target else None)
        elif base in _JUMPS and target:
            address = int(target.group(1), 0)
            if not symbol.address <= address < symbol.address + symbol.bytes:  # a tail call
                calls.add(address)
        elif base == "bx" and operands != "lr":
            calls.add(None)
    return _Body(frame, frozenset(calls))


def _grown_bytes(mnemonic: str, operands: str) -> int | None:
    """By how much the instruction makes the stack grow; None where that depends on a register."""
    if mnemonic.startswith("push") or (mnemonic.startswith("stmdb") and operands.startswith("sp!")):
        return 4 * _registers(operands)
    if mnemonic.startswith("vpush"):
        return (8 if "d" in operands else 4) * _registers(operands)
    if re.match(r"str(\.w)?$", mnemonic) and re.search(r"\[sp, #-0x[0-9a-f]+\]!|\[sp, #-\d+\]!", operands):
        return -int(operands.split("#")[1].rstrip("]!"), 0)
    if re.match(r"subs?(w|\.w)?$", mnemonic) and operands.startswith("sp"):
        amount = _IMMEDIATE.search(operands)
        return int(amount.group(1), 0) if amount else None
    if mnemonic in ("addi", "c.addi", "c.addi16sp") and operands.startswith("sp"):
        amount = _IMMEDIATE.search(operands)
        return max(-int(amount.group(1), 0), 0) if amount else None
    return 0


def _registers(operands: str) -> int:
    """How many registers a list names; ranges are written out or with a dash."""
    count = 0
    for part in operands[operands.index("{") + 1 : operands.index("}")].split(","):
        ends = [int(number) for number in re.findall(r"\d+", part)]
        count += ends[1] - ends[0] + 1 if "-" in part and len(ends) == 2 else 1
    return count
