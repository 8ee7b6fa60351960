"""Sources + Board -> Image: writes, compiles and links the firmware; also the host library that ctypes can load."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from mcuq import resources
from mcuq.artifacts import Image, SourceFile, Sources
from mcuq.boards import Board
from mcuq.build.boot2 import seal_boot2
from mcuq.build.flags import MODEL_FLAGS, OPTIMIZE_DEFAULT, WARNING_FLAGS
from mcuq.build.image import read_image
from mcuq.build.toolchains import Toolchain, find_toolchain
from mcuq.errors import BuildFailed, DoesNotFit

SOURCE_FOLDER = "src"
ELF_NAME = "firmware.elf"
LINK_SCRIPT_NAME = "link.ld"
BOOT2_OPTION = "boot2_bytes"

_BUILDING = ".building-"
_ERROR_LINES = 8
_TIMEOUT_S = 600.0


@dataclass(frozen=True, slots=True)
class _Unit:
    """One C file to compile: `path` as the compiler is given it, relative to the folder of the build or absolute."""

    path: str
    flags: tuple[str, ...]


def build_image(
    sources: Sources,
    board: Board,
    out_dir: Path,
    *,
    constant_bytes: int,
    arena_bytes: int,
    link_script: str | None = None,
    compiler: str | None = None,
    optimize: str = OPTIMIZE_DEFAULT,
    program: Sequence[Path] | None = None,
    defines: Sequence[str] = (),
) -> Image:
    """Write, compile and link the firmware of one model for one board; all of it appears in `out_dir` when it is whole.

    `out_dir` gets `src/` (the generated C), `link.ld` (`link_script`, which every board but the host needs) and
    `firmware.elf`. `program` replaces mcuq's own protocol and main by other C files. `defines` are `NAME=VALUE`.
    Raises ToolMissing, BuildFailed (command and first error lines), DoesNotFit.
    """
    toolchain = find_toolchain(board, compiler)
    out_dir.mkdir(parents=True, exist_ok=True)
    with _building_in(out_dir) as name:
        folder = Path(name)
        write_sources(sources.of_role("model", "header", "firmware", "monitors"), folder / SOURCE_FOLDER)
        link_flags: tuple[str, ...] = ()
        if link_script is not None:
            (folder / LINK_SCRIPT_NAME).write_text(link_script, encoding="utf-8")
            link_flags = (f"-Wl,-T,{LINK_SCRIPT_NAME}",)
        units = (
            *_firmware_units(board, program, defines),
            *_generated_units(sources.of_role("model", "firmware"), optimize),
        )
        objects = _compile(units, toolchain, _include_flags(), folder)
        _link(objects, toolchain, link_flags, ELF_NAME, folder, board)
        if BOOT2_OPTION in board.port.options:
            seal_boot2(folder / ELF_NAME)
        read_image(folder / ELF_NAME, board, toolchain.version, constant_bytes, arena_bytes)
        _move_into_place(folder, out_dir)
    return read_image(out_dir / ELF_NAME, board, toolchain.version, constant_bytes, arena_bytes)


def _building_in(folder: Path) -> tempfile.TemporaryDirectory[str]:
    """A folder to build in, named after this process; those of processes that were killed are removed."""
    for left in folder.glob(f"{_BUILDING}*"):
        pid = left.name.removeprefix(_BUILDING).partition("-")[0]
        if not (pid.isdigit() and _lives(int(pid))):
            shutil.rmtree(left, ignore_errors=True)
    return tempfile.TemporaryDirectory(prefix=f"{_BUILDING}{os.getpid()}-", dir=folder, ignore_cleanup_errors=True)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


def build_shared_library(
    sources: Sources,
    path: Path,
    host: Board,
    *,
    compiler: str | None = None,
    optimize: str = OPTIMIZE_DEFAULT,
    extra_flags: Sequence[str] = (),
) -> Path:
    """The model alone as a library of this computer at `path`, for ctypes; `host` is the host board.

    Raises ToolMissing, BuildFailed.
    """
    toolchain = find_toolchain(host, compiler)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _building_in(path.parent) as name:
        folder = Path(name)
        write_sources(sources.of_role("model", "header"), folder / SOURCE_FOLDER)
        units = _generated_units(sources.of_role("model"), optimize)
        flags = ("-fPIC", *_include_flags(), *extra_flags)
        objects = _compile(units, toolchain, flags, folder)
        _link(objects, toolchain, ("-shared", *extra_flags), path.name, folder, host)
        (folder / path.name).replace(path)
    return path


def check_compiles(
    sources: Sources,
    board: Board,
    *,
    compiler: str | None = None,
    optimize: str = OPTIMIZE_DEFAULT,
    extra_flags: Sequence[str] = (),
) -> None:
    """Compile every generated C file for `board` with all warnings as errors and keep nothing; raises BuildFailed."""
    toolchain = find_toolchain(board, compiler)
    with tempfile.TemporaryDirectory(prefix="mcuq-check-") as name:
        folder = Path(name)
        files = sources.of_role("model", "header", "firmware", "selftest", "protocol")
        write_sources(files, folder / SOURCE_FOLDER)
        flags = (*_include_flags(), *extra_flags)
        _compile(_generated_units(files, optimize), toolchain, flags, folder)


def write_sources(files: Iterable[SourceFile], folder: Path) -> tuple[Path, ...]:
    """Write the files below `folder`, which is made; returns their paths in order."""
    paths = []
    for file in files:
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text, encoding="utf-8", newline="\n")
        paths.append(path)
    return tuple(paths)


def _firmware_units(board: Board, program: Sequence[Path] | None, defines: Sequence[str]) -> tuple[_Unit, ...]:
    firmware = resources.firmware()
    if program is None:
        folders = ("bare",) if board.is_bare else ("protocol", "app", "marker")
        program = tuple(path for name in folders for path in sorted((firmware / name).glob("*.c")))
    common = (*MODEL_FLAGS, *WARNING_FLAGS, "-Os")
    port_flags = tuple(flag for flag in common if not (board.is_host and flag == "-ffreestanding"))
    given = tuple(f"-D{define}" for define in (*_board_defines(board), *defines))
    return (
        *(_Unit(str(firmware / "port" / name), (*port_flags, *given)) for name in board.port.sources),
        *(_Unit(str(path), (*common, *given)) for path in program),
    )


def _generated_units(files: Iterable[SourceFile], optimize: str) -> tuple[_Unit, ...]:
    flags = (*MODEL_FLAGS, *WARNING_FLAGS, optimize)
    return tuple(_Unit(f"{SOURCE_FOLDER}/{file.path}", flags) for file in files if file.path.endswith(".c"))


def _board_defines(board: Board) -> tuple[str, ...]:
    defines = [f'MCUQ_BOARD_NAME="{board.name}"', f"MCUQ_CLOCK_HZ={board.clock_hz}u"]
    defines += [f'MCUQ_VERSION="{version("mcuq")}"']
    uart, timer = board.port.uart, board.port.timer
    if uart is not None:
        defines += [f"MCUQ_UART_ADDRESS={uart.address:#x}u", f"MCUQ_UART_BAUD={uart.baud}"]
        pins = (("TX", uart.tx_pin), ("RX", uart.rx_pin))
        defines += [f"MCUQ_UART_{name}_PIN={pin}u" for name, pin in pins if pin is not None]
    if timer is not None:
        defines.append(f"MCUQ_TIMER_HZ={timer.hz}u")
        defines += [f"MCUQ_TIMER_ADDRESS={timer.address:#x}u"] if timer.address is not None else []
    defines += [f"MCUQ_{name.upper()}={value}u" for name, value in board.port.options.items()]
    return (*defines, *_marker_defines(board))


def _marker_defines(board: Board) -> tuple[str, ...]:
    marker = board.port.marker
    if marker is None:
        return ()
    setup = ",".join("{" + ",".join(f"{value:#x}u" for value in access) + "}" for access in marker.setup)
    writes = (("HIGH", marker.high), ("LOW", marker.low))
    registers = tuple(
        f"MCUQ_MARKER_{level}_{part}={value:#x}u"
        for level, write in writes
        for part, value in zip(("ADDRESS", "VALUE"), write, strict=True)
    )
    return (f"MCUQ_MARKER_SETUP={setup}", *registers)


def _include_flags() -> tuple[str, ...]:
    firmware = resources.firmware()
    return (f"-I{SOURCE_FOLDER}", f"-I{firmware / 'include'}", f"-I{firmware / 'protocol'}")


def _compile(units: Sequence[_Unit], toolchain: Toolchain, flags: Sequence[str], folder: Path) -> tuple[str, ...]:
    """Compile all units, several at a time; the names of their objects in order."""
    names = tuple(f"{index}_{Path(unit.path).stem}.o" for index, unit in enumerate(units))

    def compile_one(unit: _Unit, name: str) -> None:
        command = (*toolchain.command, *toolchain.flags, *unit.flags, *flags, "-c", unit.path, "-o", name)
        done = _run(command, folder)
        if done.returncode != 0:
            raise BuildFailed(_explain(f"{toolchain.version} refused {unit.path}", command, done.stderr))

    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        list(pool.map(compile_one, units, names))
    return names


def _link(
    objects: Sequence[str], toolchain: Toolchain, flags: Sequence[str], output: str, folder: Path, board: Board
) -> None:
    command = (
        *(*toolchain.command, *toolchain.flags, *flags, *toolchain.link_flags),
        *(*objects, *toolchain.runtime, "-o", output),
    )
    done = _run(command, folder)
    if done.returncode == 0:
        return
    overflow = re.search(r"region [`'](\w+)'[:\s]*overflowed by (\d+) bytes", done.stderr)
    if overflow is None:
        raise BuildFailed(_explain(f"{toolchain.version} could not link the firmware", command, done.stderr))
    region = board.flash if overflow.group(1) == "FLASH" else board.ram
    size = f" of {region.bytes} bytes" if region is not None else ""
    kind = "flash" if overflow.group(1) == "FLASH" else "RAM"
    raise DoesNotFit(
        f"the firmware needs {overflow.group(2)} bytes more than the {kind}{size} of board '{board.name}'; "
        f"choose a smaller model or a larger board (`mcuq boards`)"
    )


def _run(command: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildFailed(f"{command[0]} could not be run: {error}; `mcuq doctor` tells what is installed") from error


def _explain(fact: str, command: Sequence[str], messages: str) -> str:
    """The fact, the first error lines, and the command that gave them; all lines where a linker says why elsewhere."""
    lines = [line for line in messages.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower() or "undefined" in line.lower()]
    if not errors or all(line.startswith(("collect2:", "clang: error: linker")) for line in errors):
        errors = lines
    shown = "\n".join(f"  {line.strip()}" for line in errors[:_ERROR_LINES])
    return f"{fact}:\n{shown}\ncommand: {shlex.join(command)}"


def _move_into_place(folder: Path, out_dir: Path) -> None:
    """Move what the build made, each file in one step, the ELF last."""
    made = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".o"]
    for path in sorted(made, key=lambda path: path.name == ELF_NAME):
        target = out_dir / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
