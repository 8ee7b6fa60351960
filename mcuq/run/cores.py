"""The cores that the simulator has: how the engine is told which, and how its registers are called."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mcuq.artifacts import Image
from mcuq.errors import LinkLost


@dataclass(frozen=True, slots=True)
class Core:
    """A core of the Unicorn engine, by the names of its constants, which are looked up when the engine is there."""

    architecture: str
    modes: tuple[str, ...]
    model: str
    names: str
    program_counter: str
    stack_pointer: str
    link_register: str
    count_instructions: Callable[[bytes], int]
    is_thumb: bool

    def new_engine(self, unicorn: Any) -> Any:
        """An engine with this core and nothing around it."""
        constants = unicorn.unicorn_const
        mode = sum(getattr(constants, mode) for mode in self.modes)
        engine = unicorn.Uc(getattr(constants, self.architecture), mode)
        engine.ctl_set_cpu_model(getattr(getattr(unicorn, self.names), self.model))
        return engine

    def register(self, unicorn: Any, name: str) -> int:
        """The engine's number of a register."""
        return int(getattr(getattr(unicorn, self.names), name))

    def code_address(self, address: int) -> int:
        """What is to be written into the program counter to go on at `address`."""
        return address | 1 if self.is_thumb else address

    def start(self, image: Image, read: Callable[[int, int], bytes]) -> tuple[int | None, int]:
        """Stack pointer (None: the firmware sets it) and first instruction after a reset; raises LinkLost."""
        name = "mcuq_vector_table" if self.is_thumb else "mcuq_start"
        place = image.symbols.get(name)
        if place is None:
            raise LinkLost(f"{image.path} has no symbol {name}; build it again with mcuq")
        if not self.is_thumb:
            return None, place.address
        stack, entry = struct.unpack("<II", read(place.address, 8))
        return stack, entry


def count_thumb_instructions(code: bytes) -> int:
    """Instructions in `code`: those whose first halfword begins with 0b11101, 0b11110 or 0b11111 take two halfwords."""
    count = position = 0
    while position < len(code):
        position += 4 if code[position + 1] >= 0xE8 else 2
        count += 1
    return count


def count_riscv_instructions(code: bytes) -> int:
    """Instructions in `code`: those whose lowest two bits are set take four bytes, compressed ones two."""
    count = position = 0
    while position < len(code):
        position += 4 if code[position] & 3 == 3 else 2
        count += 1
    return count


def _cortex_m(model: str) -> Core:
    return Core(
        architecture="UC_ARCH_ARM",
        modes=("UC_MODE_THUMB", "UC_MODE_MCLASS"),
        model=f"UC_CPU_ARM_{model}",
        names="arm_const",
        program_counter="UC_ARM_REG_PC",
        stack_pointer="UC_ARM_REG_SP",
        link_register="UC_ARM_REG_LR",
        count_instructions=count_thumb_instructions,
        is_thumb=True,
    )


def _rv32() -> Core:
    return Core(
        architecture="UC_ARCH_RISCV",
        modes=("UC_MODE_RISCV32",),
        model="UC_CPU_RISCV32_SIFIVE_E31",
        names="riscv_const",
        program_counter="UC_RISCV_REG_PC",
        stack_pointer="UC_RISCV_REG_SP",
        link_register="UC_RISCV_REG_RA",
        count_instructions=count_riscv_instructions,
        is_thumb=False,
    )


CORES: Mapping[str, Core] = {
    "cortex-m0": _cortex_m("CORTEX_M0"),
    "cortex-m3": _cortex_m("CORTEX_M3"),
    "cortex-m4": _cortex_m("CORTEX_M4"),
    "cortex-m7": _cortex_m("CORTEX_M7"),
    "cortex-m33": _cortex_m("CORTEX_M33"),
    "rv32": _rv32(),
}
