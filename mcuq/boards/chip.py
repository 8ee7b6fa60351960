"""A chip by its memory map, as a pack or a linker script tells it, and the board file for the gdb link from that."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from mcuq.boards.board import MemoryRegion
from mcuq.boards.cores import core_of
from mcuq.errors import InvalidBoard

DEFAULT_STACK_BYTES = 4096
_ALIGNMENT = 16


@dataclass(frozen=True, slots=True)
class Chip:
    """`memory` begins with the flash that starts up and the RAM to link into; `clock_hz` is 0 where it is unknown."""

    name: str
    source: str
    core: str
    memory: tuple[MemoryRegion, ...]
    has_fpu: bool = False
    has_dsp: bool = True
    clock_hz: int = 0


def board_name(name: str) -> str:
    """A name that a board file may have: lower case, digits, dashes."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "chip"


def regions_of(found: Iterable[tuple[str, int, int, str]]) -> tuple[MemoryRegion, ...]:
    """Regions (name, address, bytes, kind) as a board may have them: aligned, apart, named differently, none empty.

    Where two overlap, the first stays: packs describe one memory through several buses.
    """
    regions: list[MemoryRegion] = []
    for name, address, size, kind in found:
        start, end = -(-address // _ALIGNMENT) * _ALIGNMENT, (address + size) // _ALIGNMENT * _ALIGNMENT
        if end <= start or any(start < other.end and other.address < end for other in regions):
            continue
        plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or kind
        taken = {region.name for region in regions}
        unique = next(text for text in (plain, *(f"{plain}_{i}" for i in range(2, 99))) if text not in taken)
        regions.append(MemoryRegion(unique, start, end - start, "flash" if kind == "flash" else "ram"))
    return tuple(regions)


def board_text(chip: Chip, name: str, stack_bytes: int | None = None) -> str:
    """The board file; raises InvalidBoard where core, clock, flash or RAM are missing."""
    flash = next((region for region in chip.memory if region.kind == "flash"), None)
    ram = next((region for region in chip.memory if region.kind == "ram"), None)
    if flash is None or ram is None:
        lacking = "flash" if flash is None else "RAM"
        raise InvalidBoard(f"{chip.source} names no {lacking}; write the board file by hand (boards/README.md)")
    if chip.clock_hz <= 0:
        raise InvalidBoard(f"{chip.source} does not say the clock of {chip.name}; add for instance --clock-mhz 80")
    if stack_bytes is None:
        stack_bytes = min(DEFAULT_STACK_BYTES, ram.bytes // 4 // 8 * 8)
    core = core_of(chip.core, has_fpu=chip.has_fpu, has_dsp=chip.has_dsp)
    sources = ["riscv.c", "memory.c"] if chip.core.startswith("rv32") else ["cortex_m.c", "memory.c"]
    lines = [
        f"name = {_toml(name)}",
        f"description = {_toml(f'{chip.name} by its memory map, of {chip.source}; a debugger reaches it')}",
        f"core = {_toml(core.name)}",
        f"features = {_toml(list(core.features))}",
        f"clock_hz = {chip.clock_hz}",
        f"stack_bytes = {stack_bytes}",
    ]
    for region in chip.memory:
        lines += ["", "[[memory]]", f"name = {_toml(region.name)}", f"address = 0x{region.address:08x}"]
        lines += [f"bytes = 0x{region.bytes:08x}", f"kind = {_toml(region.kind)}"]
    lines += ["", "[port]", f"sources = {_toml(sources)}", "", "[compiler]"]
    lines += [f"{family} = {_toml(list(core.compiler.of(family)))}" for family in ("gcc", "clang", "zig")]
    return "\n".join([*lines, "", "[run.gdb]", ""])


def with_said(
    chip: Chip, *, core: str | None, has_fpu: bool | None, has_dsp: bool | None, clock_hz: int | None
) -> Chip:
    """The chip with what the user says better."""
    said = {"core": core, "has_fpu": has_fpu, "has_dsp": has_dsp, "clock_hz": clock_hz}
    return replace(chip, **{key: value for key, value in said.items() if value is not None})  # type: ignore[arg-type]


def _toml(value: str | Sequence[str]) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
