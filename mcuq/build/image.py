"""ELF -> Image: what is programmed, what RAM is taken, and where the functions lie."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from mcuq.artifacts import Image, Symbol
from mcuq.boards import Board
from mcuq.errors import BuildFailed

_ALLOCATED = 0x2  # SHF_ALLOC
_STATIC_SECTIONS = (".data", ".bss", ".mcuq_noinit")
_MACHINES = {"arm": "EM_ARM", "riscv": "EM_RISCV"}


def read_image(path: Path, board: Board, compiler: str, constant_bytes: int, arena_bytes: int) -> Image:
    """The Image in the ELF file `path`; raises BuildFailed when it is none.

    `flash_bytes` is the code, the constants and the initial values of .data. A program of the host has no flash and no
    fixed RAM: there `flash_bytes` and `static_ram_bytes` are 0, and where programs are not ELF files, `sections` and
    `symbols` are empty.
    """
    sections, flash_bytes, symbols = _contents(path, board)
    return Image(
        path=path,
        board=board.name,
        compiler=compiler,
        sections=sections,
        flash_bytes=0 if board.is_host else flash_bytes,
        constant_bytes=constant_bytes,
        static_ram_bytes=0 if board.is_host else sum(sections.get(name, 0) for name in _STATIC_SECTIONS),
        arena_bytes=arena_bytes,
        stack_bytes=board.stack_bytes,
        symbols=symbols,
    )


def code_reader(path: Path) -> Callable[[int, int], bytes]:
    """A function `(address, bytes) -> code` over the programmed sections of the ELF file `path`."""
    with path.open("rb") as file:
        elf = ELFFile(file)
        sections = tuple(
            (int(section["sh_addr"]), bytes(section.data()))
            for section in elf.iter_sections()
            if _is_allocated(section) and section["sh_type"] != "SHT_NOBITS"
        )

    def read(address: int, size: int) -> bytes:
        for start, data in sections:
            if start <= address < start + len(data):
                return data[address - start : address - start + size]
        return b""

    return read


def _contents(path: Path, board: Board) -> tuple[Mapping[str, int], int, Mapping[str, Symbol]]:
    with path.open("rb") as file:
        try:
            elf = ELFFile(file)
            wanted = _MACHINES.get(board.architecture)
            if wanted is not None and elf["e_machine"] != wanted:
                raise BuildFailed(f"{path} holds no code for board '{board.name}' ({elf['e_machine']}); build again")
            return _sections(elf), _programmed_bytes(elf), _symbols(elf)
        except ELFError as error:
            if board.is_host:
                return {}, 0, {}
            raise BuildFailed(f"{path} is not an ELF file: {error}; build again") from error


def _sections(elf: Any) -> dict[str, int]:
    taken = ((section.name, int(section["sh_size"])) for section in elf.iter_sections() if _is_allocated(section))
    return {name: size for name, size in taken if size}


def _programmed_bytes(elf: Any) -> int:
    programmed = (s for s in elf.iter_sections() if _is_allocated(s) and s["sh_type"] != "SHT_NOBITS")
    return sum(int(section["sh_size"]) for section in programmed)


def _is_allocated(section: Any) -> bool:
    return bool(section["sh_flags"] & _ALLOCATED)


def _symbols(elf: Any) -> dict[str, Symbol]:
    table = elf.get_section_by_name(".symtab")
    is_thumb = elf["e_machine"] == "EM_ARM"
    programmed = {i for i, s in enumerate(elf.iter_sections()) if _is_allocated(s) and s["sh_type"] != "SHT_NOBITS"}
    found: dict[str, Symbol] = {}
    file = ""
    for entry in table.iter_symbols() if table is not None else ():
        kind = entry["st_info"]["type"]
        if kind == "STT_FILE":
            file = entry.name
        if kind not in ("STT_FUNC", "STT_OBJECT") or entry["st_shndx"] == "SHN_UNDEF":
            continue
        is_function = kind == "STT_FUNC"
        address = int(entry["st_value"]) & ~1 if is_function and is_thumb else int(entry["st_value"])
        own_file = file if entry["st_info"]["bind"] == "STB_LOCAL" else ""
        symbol = Symbol(
            entry.name, address, int(entry["st_size"]), is_function, own_file, entry["st_shndx"] in programmed
        )
        # Files may have static functions of one name: the first is the one that others are told by.
        key = entry.name if entry.name not in found else f"{entry.name}@{address:#x}"
        found.setdefault(key, symbol)
    return found
