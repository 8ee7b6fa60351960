"""What is installed: compilers and emulators, and the command that installs what is missing."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass

from mcuq.build.toolchains import CROSS_GCC, INSTALL, INSTALL_RISCV, host_compiler_path, output_of, version_of, zig_path

UNICORN_VERSION = "2.1.1"


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool; `path` and `version` are None where it was not found, `note` says what is wrong with what was."""

    name: str
    purpose: str
    path: str | None
    version: str | None
    install: str
    note: str = ""

    @property
    def is_found(self) -> bool:
        """Whether it is installed."""
        return self.path is not None


def find_tools() -> tuple[Tool, ...]:
    """Every tool that mcuq can use, found or not."""
    return tuple(find() for find in _TOOLS)


def _gcc() -> Tool:
    path = shutil.which("arm-none-eabi-gcc")
    version = version_of("gcc", path) if path else None
    return Tool("arm-none-eabi-gcc", "compiles firmware (first choice)", path, version, INSTALL["gcc"])


def _riscv_gcc() -> Tool:
    path = shutil.which(CROSS_GCC["riscv"])
    version = version_of("gcc", path) if path else None
    return Tool(CROSS_GCC["riscv"], "compiles firmware for RISC-V", path, version, INSTALL_RISCV["gcc"])


def _clang() -> Tool:
    path = shutil.which("clang")
    version = version_of("clang", path) if path else None
    return Tool("clang", "compiles firmware (--compiler clang) and the host board", path, version, INSTALL["clang"])


def _zig() -> Tool:
    path = zig_path()
    version = version_of("zig", str(path)) if path else None
    return Tool("zig", "compiles firmware without root", str(path) if path else None, version, INSTALL["zig"])


def _host_compiler() -> Tool:
    path = host_compiler_path("gcc") or host_compiler_path("clang")
    family = "clang" if path and path.endswith("clang") else "gcc"
    version = version_of(family, path) if path else None
    return Tool("host cc", "compiles the host board (zig does, too)", path, version, INSTALL["host"])


def _qemu() -> Tool:
    return _qemu_of("qemu-system-arm", "second emulator (--link qemu)", "qemu-system-arm")


def _riscv_qemu() -> Tool:
    return _qemu_of("qemu-system-riscv32", "second emulator for RISC-V", "qemu-system-misc")


def _qemu_of(name: str, purpose: str, package: str) -> Tool:
    path = shutil.which(name)
    match = re.search(r"version (\S+)", output_of(path, "--version")) if path else None
    version = f"QEMU {match.group(1)}" if match else None
    return Tool(name, purpose, path, version, f"sudo apt install {package}")


def _unicorn() -> Tool:
    install = f"pip install unicorn=={UNICORN_VERSION}"
    spec = importlib.util.find_spec("unicorn")
    if spec is None or spec.origin is None:
        return Tool("unicorn", "the simulator (--link sim)", None, None, install)
    version = importlib.metadata.version("unicorn")
    note = "" if version == UNICORN_VERSION else f"mcuq is tested with {UNICORN_VERSION}; 2.1.4 is known to be wrong"
    return Tool("unicorn", "the simulator (--link sim)", spec.origin, f"unicorn {version}", install, note)


def _renode() -> Tool:
    path = shutil.which("renode")
    match = re.search(r"v(\d\S+)", output_of(path, "--version")) if path else None
    version = f"Renode {match.group(1)}" if match else None
    return Tool("renode", "third emulator, of whole boards (--link renode)", path, version, "https://renode.io")


def _power_profiler() -> Tool:
    spec = importlib.util.find_spec("ppk2_api")
    where = None if spec is None else next(iter(spec.submodule_search_locations or ()), None)
    version = f"ppk2-api {importlib.metadata.version('ppk2-api')}" if where else None
    return Tool("ppk2-api", "measures energy (--energy-monitor ppk2)", where, version, "pip install 'mcuq[energy]'")


_TOOLS: tuple[Callable[[], Tool], ...] = (
    _gcc,
    _riscv_gcc,
    _clang,
    _zig,
    _host_compiler,
    _qemu,
    _riscv_qemu,
    _unicorn,
    _renode,
    _power_profiler,
)
