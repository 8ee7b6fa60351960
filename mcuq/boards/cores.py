"""What a core's name and its FPU mean: the features that kernels ask for, and each compiler's flags."""

from __future__ import annotations

from dataclasses import dataclass

from mcuq.boards.board import CompilerFlags
from mcuq.errors import InvalidBoard

_ARM_TARGETS = {
    "cortex-m0": "thumbv6m-none-eabi",
    "cortex-m0plus": "thumbv6m-none-eabi",
    "cortex-m3": "thumbv7m-none-eabi",
    "cortex-m4": "thumbv7em-none-eabi",
    "cortex-m7": "thumbv7em-none-eabi",
    "cortex-m33": "thumbv8m.main-none-eabi",
}
_RISCV = {"rv32imac": "+m+a+c", "rv32imc": "+m+c"}
# FPUs by core: the name for gcc and clang, zig's for core and FPU. Of double precision only single is used.
_FPUS = {
    "cortex-m4": ("fpv4-sp-d16", "cortex_m4+vfp4d16sp"),
    "cortex-m7": ("fpv5-sp-d16", "cortex_m7-fp64+fp_armv8d16sp"),
    "cortex-m33": ("fpv5-sp-d16", "cortex_m33+dsp+fp_armv8d16sp"),
}
_ALWAYS_DSP = ("cortex-m4", "cortex-m7")

CORES = (*_ARM_TARGETS, *_RISCV)


@dataclass(frozen=True, slots=True)
class Core:
    """A core as a board file says it."""

    name: str
    features: tuple[str, ...]
    compiler: CompilerFlags


def core_of(name: str, *, has_fpu: bool = False, has_dsp: bool = True) -> Core:
    """The core of that name; `has_dsp` counts where it is a choice of the chip's maker (Cortex-M33).

    Raises InvalidBoard for a core that mcuq does not know, and for an FPU or its DSP extension where none is known.
    """
    if name in _RISCV:
        return _riscv(name, has_fpu)
    if name not in _ARM_TARGETS:
        raise InvalidBoard(f"core '{name}' is not known; known are {', '.join(CORES)}")
    if has_fpu and name not in _FPUS:
        raise InvalidBoard(f"core '{name}' has no FPU that mcuq knows; leave it out")
    dsp = name in _ALWAYS_DSP or (name == "cortex-m33" and has_dsp)
    if has_fpu and name == "cortex-m33" and not dsp:
        zig = "cortex_m33+fp_armv8d16sp"
    elif has_fpu:
        zig = _FPUS[name][1]
    else:
        zig = name.replace("-", "_") + ("+dsp" if dsp and name == "cortex-m33" else "")
    cpu = f"-mcpu={name}" + ("+nodsp" if name == "cortex-m33" and not dsp else "")
    floats = ("-mfloat-abi=hard", f"-mfpu={_FPUS[name][0]}") if has_fpu else ("-mfloat-abi=soft",)
    abi = "hf" if has_fpu else ""
    flags = CompilerFlags(
        gcc=(cpu, "-mthumb", *floats),
        clang=(f"--target={_ARM_TARGETS[name]}{abi}", cpu, *floats),
        zig=("-target", f"thumb-freestanding-eabi{abi}", f"-mcpu={zig}"),
    )
    # Without DSP instructions one product of 32 bits does the work of two; every core here has it.
    return Core(name, ("dsp" if dsp else "mul32", *["fpu"] * has_fpu), flags)


def _riscv(name: str, has_fpu: bool) -> Core:
    if has_fpu:
        raise InvalidBoard(f"core '{name}' has no FPU that mcuq knows; leave it out")
    abi = ("-mabi=ilp32", "-mcmodel=medlow")
    flags = CompilerFlags(
        # An older rule of what rv32i is has instructions for control registers; gcc 12 has libraries for these names.
        gcc=((f"-march={name}_zicsr",) if "a" in name[5:] else (f"-march={name}", "-misa-spec=2.2")) + abi,
        clang=("--target=riscv32-unknown-elf", f"-march={name}", *abi),
        zig=("-target", "riscv32-freestanding-none", f"-mcpu=generic_rv32{_RISCV[name]}+zicsr", "-mabi=ilp32"),
    )
    return Core(name, ("mul32",), flags)
