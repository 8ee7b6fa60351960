"""Blocks of Thumb code as the facts that timing rules ask for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from mcuq.errors import ToolMissing

_LOAD_MULTIPLE = ("ldm", "pop", "vldm", "vpop")
_STORE_MULTIPLE = ("stm", "push", "vstm", "vpush")
_CALLS = ("bl", "blx")
_NOT_BRANCHES = ("bic", "bfi", "bfc", "bkpt")
_ACCESS_BYTES = re.compile(r"(?:ldr|str)(?:ex)?(s?[bh]|d)?")
_WORD_BYTES = 4


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction; `registers` counts those of a load or store of several, in words.

    `kind` is load, store, pair, load multiple, store multiple or other. `loaded` is the register that a single load
    fills, `base` those that its address is made of. `moved_bytes` go between core and memory.
    """

    address: int
    bytes: int
    mnemonic: str
    operands: str
    kind: str
    registers: int
    loaded: str
    base: tuple[str, ...]
    is_branch: bool
    is_call: bool
    writes_pc: bool
    moved_bytes: int

    @property
    def has_register_offset(self) -> bool:
        """Whether the address is a sum of two registers."""
        return len(self.base) > 1

    @property
    def is_load(self) -> bool:
        """Whether it reads memory."""
        return self.kind in ("load", "load multiple") or self.mnemonic.startswith("ldrd")

    @property
    def is_store(self) -> bool:
        """Whether it writes memory."""
        return self.kind in ("store", "store multiple") or self.mnemonic.startswith("strd")

    def uses(self, register: str) -> bool:
        """Whether the register is a source: every operand but the first, which is where results go."""
        return register in re.findall(r"\w+", self.operands.partition(",")[2])


@cache
def _disassembler() -> Any:
    try:
        import capstone
    except ImportError as error:
        raise ToolMissing("estimating cycles needs capstone; install it with: pip install 'mcuq[sim]'") from error
    engine = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
    engine.skipdata = True
    return engine


def _kind(mnemonic: str) -> str:
    if mnemonic.startswith(_LOAD_MULTIPLE):
        return "load multiple"
    if mnemonic.startswith(_STORE_MULTIPLE):
        return "store multiple"
    if mnemonic.startswith(("ldrd", "strd")):
        return "pair"
    if mnemonic.startswith(("ldr", "vldr")):
        return "load"
    if mnemonic.startswith(("str", "vstr")):
        return "store"
    return "other"


def _is_branch(mnemonic: str) -> bool:
    if mnemonic.startswith(("cbz", "cbnz", "tbb", "tbh")):
        return True
    return mnemonic.startswith("b") and not mnemonic.startswith(_NOT_BRANCHES)


def _address(operands: str) -> tuple[str, ...]:
    """The registers inside the brackets."""
    inside = operands.partition("[")[2].partition("]")[0]
    parts = (part.strip() for part in inside.split(","))
    return tuple(part for part in parts if part and not part.startswith(("#", "lsl")))


def _register_words(operands: str) -> int:
    """Words of the registers in braces: a double-precision register has two."""
    inside = operands.partition("{")[2].partition("}")[0]
    names = [name.strip() for name in inside.split(",") if name.strip()]
    return sum(2 if name.startswith("d") else 1 for name in names)


def _moved_bytes(mnemonic: str, operands: str, kind: str, registers: int) -> int:
    if kind.endswith("multiple"):
        return _WORD_BYTES * registers
    if kind == "other":
        return 0
    if mnemonic.startswith("v"):
        return 2 * _WORD_BYTES if operands.startswith("d") else _WORD_BYTES
    match = _ACCESS_BYTES.match(mnemonic)
    width = match.group(1) if match else None
    return {"b": 1, "sb": 1, "h": 2, "sh": 2, "d": 2 * _WORD_BYTES}.get(width or "", _WORD_BYTES)


def _instruction(address: int, mnemonic: str, operands: str, size: int) -> Instruction:
    mnemonic = mnemonic.removesuffix(".w")
    kind = _kind(mnemonic)
    registers = _register_words(operands)
    first = operands.partition(",")[0].strip()
    fills_pc = (kind == "load multiple" and "pc" in operands) or (kind in ("load", "other") and first == "pc")
    return Instruction(
        address=address,
        bytes=size,
        mnemonic=mnemonic,
        operands=operands,
        kind=kind,
        registers=registers,
        loaded=first if kind == "load" else "",
        base=_address(operands) if kind in ("load", "store", "pair") else (),
        is_branch=_is_branch(mnemonic) or fills_pc,
        is_call=mnemonic in _CALLS,
        writes_pc=fills_pc,
        moved_bytes=_moved_bytes(mnemonic, operands, kind, registers),
    )


@lru_cache(maxsize=1 << 15)
def decode(code: bytes, address: int) -> tuple[Instruction, ...]:
    """The instructions of a block, in order."""
    lines = _disassembler().disasm_lite(code, address)
    return tuple(_instruction(at, mnemonic, operands, size) for at, size, mnemonic, operands in lines)
