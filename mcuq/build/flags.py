"""The compiler flags of generated C: the same for mcuq's firmware and for whoever embeds the code."""

from __future__ import annotations

from collections.abc import Sequence

from mcuq.artifacts import SIZE

WARNING_FLAGS = ("-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror")

# What generated C needs to compile at all, with any of the compilers.
MODEL_FLAGS = ("-std=c99", "-ffreestanding", "-ffunction-sections", "-fdata-sections")

OPTIMIZE_DEFAULT = "-O2"
OPTIMIZE_SIZE = "-Os"

# Identical steps stay separate functions, so that a profile can tell them apart.
GCC_FLAGS = ("-fno-ipa-icf",)

# Unrolling everything costs 8 KB of flash on MobileNet and saves a fifth of the instructions; kernels unroll what pays.
CLANG_FLAGS = ("-fno-unroll-loops",)

# zig turns sanitizers and unwind tables on, which firmware has no room for.
ZIG_FLAGS = (
    *CLANG_FLAGS,
    "-fno-sanitize=all",
    "-fno-unwind-tables",
    "-fno-asynchronous-unwind-tables",
    "-fno-stack-protector",
)


def optimize_flag(optimize: str) -> str:
    """The compiler's level for code whose kernels were chosen for that objective."""
    return OPTIMIZE_SIZE if optimize == SIZE else OPTIMIZE_DEFAULT


def compile_line(
    command: str, core_flags: Sequence[str], files: Sequence[str], include: str, optimize: str = OPTIMIZE_DEFAULT
) -> str:
    """The one line that compiles generated `files`: for instance `arm-none-eabi-gcc -mcpu=cortex-m4 ... -c kws.c`."""
    parts = (command, *core_flags, *MODEL_FLAGS, optimize, f"-I{include}", "-c", *files)
    return " ".join(parts)
