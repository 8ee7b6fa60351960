"""Which compilers are installed: arm-none-eabi-gcc, clang with a runtime, the ziglang wheel, and the host's own."""

from __future__ import annotations

import functools
import importlib.util
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from mcuq.boards import Board
from mcuq.build.flags import CLANG_FLAGS, GCC_FLAGS, ZIG_FLAGS
from mcuq.errors import ToolMissing

INSTALL = {
    "gcc": "sudo apt install gcc-arm-none-eabi",
    "clang": "sudo apt install clang lld gcc-arm-none-eabi",
    "zig": "pip install ziglang==0.17.0",
    "host": "sudo apt install gcc",
}

INSTALL_RISCV = {
    "gcc": "sudo apt install gcc-riscv64-unknown-elf",
    "clang": "sudo apt install clang lld gcc-riscv64-unknown-elf",
}

FAMILIES = ("gcc", "clang", "zig")

# The names of GCC and GNU ld for each architecture, and the packages that bring them.
CROSS_GCC = {"arm": "arm-none-eabi-gcc", "riscv": "riscv64-unknown-elf-gcc"}
CROSS_LD = {"arm": "arm-none-eabi-ld", "riscv": "riscv64-unknown-elf-ld"}


@dataclass(frozen=True, slots=True)
class Toolchain:
    """One compiler, ready for one board; `version` is what reports name, for instance `gcc 12.2.1`.

    `command` compiles and links, `flags` go to every compilation, `link_flags` and `runtime` (its helper functions) to
    the link.
    """

    family: str
    version: str
    command: tuple[str, ...]
    flags: tuple[str, ...]
    link_flags: tuple[str, ...]
    runtime: tuple[str, ...]


def find_toolchain(board: Board, choice: str | None = None) -> Toolchain:
    """The compiler for `board`: `choice` (gcc, clang or zig), or the first that is installed, in that order.

    Raises ToolMissing with the command that installs one.
    """
    if choice is not None and choice not in FAMILIES:
        raise ToolMissing(f"there is no compiler '{choice}'; choose one of {', '.join(FAMILIES)}")
    for family in FAMILIES if choice is None else (choice,):
        toolchain = _host(family) if board.is_host else _embedded(family, board)
        if toolchain is not None:
            return toolchain
    wanted = choice or "compiler"
    hint = _install_hint(board, choice)
    raise ToolMissing(f"no {wanted} that can build for board '{board.name}' was found; install one: {hint}")


def _install_hint(board: Board, choice: str | None) -> str:
    if board.is_host and choice == "gcc":
        return INSTALL["host"]
    name = choice or "zig"
    return INSTALL_RISCV.get(name, INSTALL[name]) if board.architecture == "riscv" else INSTALL[name]


def zig_path() -> Path | None:
    """The zig of the ziglang wheel, or the one on PATH."""
    spec = importlib.util.find_spec("ziglang")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for name in ("zig", "zig.exe"):
            if (Path(folder) / name).is_file():
                return Path(folder) / name
    found = shutil.which("zig")
    return Path(found) if found else None


def host_compiler_path(family: str) -> str | None:
    """The host's own gcc or clang; `cc` counts as the one that it is."""
    found = shutil.which(family)
    if found is not None:
        return found
    cc = shutil.which("cc")
    return cc if cc is not None and _cc_family(cc) == family else None


@functools.cache
def output_of(*command: str) -> str:
    """Standard output of a command that tells something about a tool, "" when it fails; asked once per process."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def version_of(family: str, command: str) -> str:
    """The label of a compiler, for instance `gcc 12.2.1` or `zig 0.17.0 (clang 22.1.8)`."""
    if family == "gcc":
        return f"gcc {output_of(command, '-dumpfullversion', '-dumpversion')}"
    if family == "zig":
        return f"zig {output_of(command, 'version')} (clang {_clang_version(command, 'cc')})"
    return f"clang {_clang_version(command)}"


def _clang_version(*command: str) -> str:
    match = re.search(r"clang version (\d+(?:\.\d+)*)", output_of(*command, "--version"))
    return match.group(1) if match else "unknown"


def _cc_family(cc: str) -> str:
    return "clang" if "clang" in output_of(cc, "--version").lower() else "gcc"


def _host(family: str) -> Toolchain | None:
    if family == "zig":
        zig = zig_path()
        version = version_of("zig", str(zig)) if zig else ""
        return Toolchain("zig", version, (str(zig), "cc"), ZIG_FLAGS, (), ()) if zig else None
    path = host_compiler_path(family)
    flags = GCC_FLAGS if family == "gcc" else CLANG_FLAGS
    return Toolchain(family, version_of(family, path), (path,), flags, (), ()) if path else None


def _embedded(family: str, board: Board) -> Toolchain | None:
    return {"gcc": _embedded_gcc, "clang": _embedded_clang, "zig": _embedded_zig}[family](board)


def _embedded_gcc(board: Board) -> Toolchain | None:
    path = shutil.which(CROSS_GCC[board.architecture])
    if path is None:
        return None
    flags = (*board.compiler.gcc, *GCC_FLAGS)
    link_flags = ("-nostartfiles", "-nodefaultlibs", "-Wl,--gc-sections", "-Wl,--build-id=none")
    return Toolchain("gcc", version_of("gcc", path), (path,), flags, link_flags, ("-lgcc",))


def _embedded_clang(board: Board) -> Toolchain | None:
    """Clang alone cannot build for a microcontroller: it needs a linker, and a library of its helper functions."""
    path, linker, runtime = shutil.which("clang"), _clang_linker(board), _clang_runtime(board)
    if path is None or linker is None or runtime is None:
        return None
    link_flags = (f"--ld-path={linker}", "-nostdlib", "-Wl,--gc-sections", "-Wl,--build-id=none")
    flags = (*board.compiler.clang, *CLANG_FLAGS)
    return Toolchain("clang", version_of("clang", path), (path,), flags, link_flags, (runtime,))


def _clang_linker(board: Board) -> str | None:
    return shutil.which("ld.lld") or shutil.which(CROSS_LD[board.architecture])


def _clang_runtime(board: Board) -> str | None:
    candidates = (
        ("clang", *board.compiler.clang, "--rtlib=compiler-rt", "-print-libgcc-file-name"),
        (CROSS_GCC[board.architecture], *board.compiler.gcc, "-print-libgcc-file-name"),
    )
    found = (output_of(*candidate) for candidate in candidates)
    return next((path for path in found if path and Path(path).is_file()), None)


def _embedded_zig(board: Board) -> Toolchain | None:
    zig = zig_path()
    if zig is None:
        return None
    flags = (*board.compiler.zig, *ZIG_FLAGS)
    return Toolchain("zig", version_of("zig", str(zig)), (str(zig), "cc"), flags, ("-Wl,--gc-sections",), ())
