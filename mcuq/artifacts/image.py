"""The Image: a linked ELF for one board, and what it weighs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Symbol:
    """A function or object of the ELF; for Thumb functions `address` has its lowest bit cleared."""

    name: str
    address: int
    bytes: int
    is_function: bool


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
