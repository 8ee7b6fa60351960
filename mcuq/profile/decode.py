"""Blocks of Thumb code as the facts that timing rules ask for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from mcuq.errors import ToolMissing

_LOAD_MULTIPLE = ("ldm", "pop", "vldm", "vpop")
_STORE_MULTIPLE = ("stm", "push", "vstm", "vpush")
_CALLS = ("bl", "blx")
_NOT_BRANCHES = ("bic", "bfi", "bfc", "bkpt")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction; `registers` counts those of a load or store of several.

    `loaded` is the register that a single load fills, `base` those that its address is made of.
    """

    mnemonic: str
    bytes: int
    kind: str
    registers: int
    loaded: str
    base: tuple[str, ...]
    register_offset: bool
    is_branch: bool
    is_call: bool
    writes_pc: bool


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
    return tuple(part.strip() for part in inside.split(",") if part.strip() and not part.strip().startswith("#"))


def _register_count(operands: str) -> int:
    return operands.partition("{")[2].count(",") + 1 if "{" in operands else 0


def _instruction(mnemonic: str, operands: str, size: int) -> Instruction:
    mnemonic = mnemonic.removesuffix(".w")
    kind = _kind(mnemonic)
    base = _address(operands) if kind in ("load", "store", "pair") else ()
    first = operands.partition(",")[0].strip()
    fills_pc = (kind == "load multiple" and "pc" in operands) or (kind in ("load", "other") and first == "pc")
    return Instruction(
        mnemonic=mnemonic,
        bytes=size,
        kind=kind,
        registers=_register_count(operands),
        loaded=first if kind == "load" else "",
        base=base,
        register_offset=len(base) > 1,
        is_branch=_is_branch(mnemonic) or fills_pc,
        is_call=mnemonic in _CALLS,
        writes_pc=fills_pc,
    )


def decode(code: bytes, address: int) -> Iterator[Instruction]:
    """The instructions of a block, in order."""
    for _, size, mnemonic, operands in _disassembler().disasm_lite(code, address):
        yield _instruction(mnemonic, operands, size)
