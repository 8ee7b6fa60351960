"""The Image: a linked ELF for one board, and what it weighs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Symbol:
    """A function or object of the ELF; for Thumb functions `address` has its lowest bit cleared.

    `file` is the C file of a local one, `is_programmed` whether its bytes are in flash.
    """

    name: str
    address: int
    bytes: int
    is_function: bool
    file: str = ""
    is_programmed: bool = True


@dataclass(frozen=True, slots=True)
class Image:
    """`flash_bytes` is everything that is programmed, `static_ram_bytes` .data + .bss less arena and stack.

    `compiler` names family and version, for instance `gcc 12.2.1` or `zig 0.17.0 (clang 22.1.8)`; `sections` maps each
    allocated section to its bytes.
    """

    path: Path
    board: str
    compiler: str
    sections: Mapping[str, int]
    flash_bytes: int
    constant_bytes: int
    static_ram_bytes: int
    arena_bytes: int
    stack_bytes: int
    symbols: Mapping[str, Symbol]

    @property
    def code_bytes(self) -> int:
        """All flash of the ELF less the model's constants."""
        return self.flash_bytes - self.constant_bytes

    def flash_groups(self, name: str) -> dict[str, int]:
        """Bytes of flash of the model called `name` and of what surrounds it.

        `constants` are weights and tables, `kernels` the model's functions and their parameters, `firmware` start-up,
        port and protocol, `library` what the compiler's own library adds, `other` vectors without a symbol, strings and
        padding.
        """
        kernels, library, firmware = [], [], []
        for symbol in self.symbols.values():
            if not symbol.is_programmed:
                continue
            if symbol.file == f"{name}.c" or (symbol.is_function and symbol.name.startswith(f"{name}_")):
                kernels.append(symbol)
            elif symbol.name.startswith("__") and symbol.is_function:
                library.append(symbol)
            elif not symbol.name.startswith(f"{name}_"):
                firmware.append(symbol)
        groups = {"constants": self.constant_bytes, "kernels": _bytes_of(kernels)}
        # A library function may be another name of one of the firmware's.
        groups["library"] = _bytes_of([*firmware, *library]) - _bytes_of(firmware)
        groups["firmware"] = _bytes_of(firmware)
        return {**groups, "other": self.flash_bytes - sum(groups.values())}


def _bytes_of(symbols: Iterable[Symbol]) -> int:
    """The bytes that they take; where several names stand for one place it counts once."""
    total = end = 0
    for symbol in sorted(symbols, key=lambda symbol: symbol.address):
        stop = symbol.address + symbol.bytes
        total += max(0, stop - max(symbol.address, end))
        end = max(end, stop)
    return total
