"""Writing an image into a board's flash: which tool, its command, and what its refusals mean."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mcuq.artifacts import Image
from mcuq.boards import Board, Flash
from mcuq.errors import DeviceError, InvalidBoard, LinkLost, ToolMissing
from mcuq.run.flash_files import flash_bytes, uf2
from mcuq.run.flash_pyocd import has_pyocd, program_with_pyocd

_TIMEOUT_S = 300.0
_SHOWN_LINES = 6


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be written where: `binary` and `uf2` are files beside each other, `probe` the one of several."""

    board: Board
    flash: Flash
    elf: Path
    binary: Path
    uf2: Path
    address: int
    probe: str | None


@dataclass(frozen=True, slots=True)
class Flashed:
    """What was done: by which tool, how many bytes, and whether the tool read them back."""

    tool: str
    bytes: int
    verified: bool


@dataclass(frozen=True, slots=True)
class FlashTool:
    """One tool: `fits` says whether the board names it, `find` where it is, `run` writes, verifies and resets."""

    name: str
    install: str
    fits: Callable[[Flash], bool]
    find: Callable[[], str | None]
    run: Callable[[str, Job], bool]


def flash_image(image: Image, board: Board, *, probe: str | None = None, tool: str | None = None) -> Flashed:
    """Write, verify and reset, with `tool` or the first one that the board's [flash] names and that is installed.

    Raises InvalidBoard (no [flash], or not with that tool), ToolMissing, LinkLost (no probe or board), DeviceError
    (the tool failed; what was written does not read back).
    """
    chosen, program = _chosen(board, tool)
    data = flash_bytes(image.path, board)
    assert board.flash is not None
    assert board.flashing is not None
    with tempfile.TemporaryDirectory(prefix="mcuq-flash-") as name:
        folder = Path(name)
        binary, blocks = folder / "firmware.bin", folder / "firmware.uf2"
        binary.write_bytes(data)
        blocks.write_bytes(uf2(data, board.flash.address, board.flashing.uf2_family or 0))
        job = Job(board, board.flashing, image.path.resolve(), binary, blocks, board.flash.address, probe)
        verified = chosen.run(program, job)
    return Flashed(chosen.name, len(data), verified)


@dataclass(frozen=True, slots=True)
class FoundFlashTool:
    """A flashing tool: where it is (None: not installed), how to get it, and the boards whose files name it."""

    name: str
    where: str | None
    install: str
    boards: tuple[str, ...]


def find_flash_tools(boards: Sequence[Board]) -> tuple[FoundFlashTool, ...]:
    """Every tool that can write to one of the boards, in order of preference."""
    named = [(board.name, board.flashing) for board in boards if board.flashing is not None]
    return tuple(
        FoundFlashTool(tool.name, tool.find(), tool.install, tuple(name for name, flash in named if tool.fits(flash)))
        for tool in FLASH_TOOLS
    )


def _chosen(board: Board, name: str | None) -> tuple[FlashTool, str]:
    flash = board.flashing
    fitting = [] if flash is None else [tool for tool in FLASH_TOOLS if tool.fits(flash)]
    if not fitting:
        raise InvalidBoard(
            f"board '{board.name}' does not say how it is flashed; give its file a table [flash] (boards/README.md), "
            f"or write firmware.elf with a tool of your own"
        )
    names = ", ".join(tool.name for tool in fitting)
    if name is not None:
        fitting = [tool for tool in fitting if tool.name == name]
        if not fitting:
            raise InvalidBoard(f"board '{board.name}' is not flashed with '{name}'; its file names {names}")
    for tool in fitting:
        program = tool.find()
        if program is not None:
            return tool, program
    hints = "; or ".join(tool.install for tool in fitting)
    wanted = name or f"any of {names}"
    raise ToolMissing(f"{wanted} is needed to flash board '{board.name}' and is not installed: {hints}")


def _openocd(program: str, job: Job) -> bool:
    files = [word for file in job.flash.openocd for word in ("-f", file)]
    probe = ["-c", f"adapter serial {job.probe}"] if job.probe else []
    command = [program, *files, *probe, "-c", f"program {{{job.elf}}} verify reset exit"]
    _run(
        command,
        job,
        no_probe=("open failed", "no device found", "unable to open", "unable to find"),
        no_match=("verify failed", "contents differ"),
    )
    return True


def _st_flash(program: str, job: Job) -> bool:
    probe = ["--serial", job.probe] if job.probe else []
    command = [program, "--reset", *probe, "write", str(job.binary), f"{job.address:#010x}"]
    _run(
        command,
        job,
        no_probe=("couldn't find", "no st-link"),
        no_match=("verification of flash failed", "verify failed"),
    )
    return True


def _jlink(program: str, job: Job) -> bool:
    script = job.binary.with_name("flash.jlink")
    lines = (
        "r",
        "h",
        f"loadbin {job.binary} {job.address:#x}",
        f"verifybin {job.binary} {job.address:#x}",
        "r",
        "g",
        "q",
    )
    script.write_text("\n".join(lines) + "\n", encoding="utf-8")
    probe = ["-SelectEmuBySN", job.probe] if job.probe else []
    options = ["-device", str(job.flash.jlink), "-if", job.flash.interface, "-speed", "4000", "-autoconnect", "1"]
    command = [program, *options, "-ExitOnError", "1", "-NoGui", "1", *probe, "-CommandFile", str(script)]
    _run(
        command,
        job,
        no_probe=("cannot connect to", "no emulators connected", "failed to open"),
        no_match=("verify failed", "verification failed"),
    )
    return True


def _esptool(program: str, job: Job) -> bool:
    port = ["--port", job.probe] if job.probe else []
    command = [program, "--chip", str(job.flash.esptool), *port, "write_flash", "--verify", "0x0", str(job.binary)]
    _run(command, job, no_probe=("could not open", "no serial data", "failed to connect"), no_match=("verify failed",))
    return True


def _picotool(program: str, job: Job) -> bool:
    probe = ["--ser", job.probe] if job.probe else []
    command = [program, "load", "--verify", "--execute", str(job.uf2), *probe]
    _run(command, job, no_probe=("no accessible", "no rp2040"), no_match=("verify failed", "did not match", "differs"))
    return True


def _copy_uf2(volume: str, job: Job) -> bool:
    """A copy onto the drive that the boot ROM shows; it restarts by itself, and cannot be read back."""
    place = Path(job.probe or volume)
    if not (place / "INFO_UF2.TXT").is_file():
        raise LinkLost(f"{place} is not the drive of a UF2 boot loader: it has no INFO_UF2.TXT; hold BOOTSEL, plug in")
    try:
        shutil.copyfile(job.uf2, place / "firmware.uf2")
    except OSError as error:
        raise DeviceError(
            f"{place} did not take the firmware: {error.strerror or error}; plug the board in again"
        ) from error
    return False


def find_uf2_drive() -> str | None:
    """Where a UF2 boot loader's drive is mounted; a folder is one when it has INFO_UF2.TXT."""
    for root in UF2_ROOTS:
        for pattern in ("*/INFO_UF2.TXT", "*/*/INFO_UF2.TXT"):
            for found in sorted(root.glob(pattern)) if root.is_dir() else ():
                return str(found.parent)
    return None


def _run(command: Sequence[str], job: Job, *, no_probe: Sequence[str], no_match: Sequence[str]) -> None:
    """Run a flashing tool; its output decides what a failure means."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
            cwd=job.binary.parent,
        )
    except subprocess.TimeoutExpired as error:
        raise DeviceError(
            f"{command[0]} did not end within {_TIMEOUT_S:g} s; unplug the probe and try again"
        ) from error
    except OSError as error:
        raise ToolMissing(f"{command[0]} cannot be run: {error.strerror or error}; install it again") from error
    output = f"{done.stdout}\n{done.stderr}"
    said = output.lower()
    tail = "\n".join(f"  {line.strip()}" for line in output.strip().splitlines()[-_SHOWN_LINES:])
    name = Path(command[0]).name
    if any(words in said for words in no_match):
        raise DeviceError(
            f"what {name} wrote to board '{job.board.name}' does not read back; check power and cable, and that the "
            f"chip is not write-protected, then flash again:\n{tail}"
        )
    if done.returncode != 0 and any(words in said for words in no_probe):
        which = f"probe {job.probe}" if job.probe else "a probe"
        raise LinkLost(
            f"{name} does not find {which} for board '{job.board.name}'; plug it in, look at --probe, and at the "
            f"rights (udev rules of {name}):\n{tail}"
        )
    if done.returncode != 0:
        raise DeviceError(f"{name} failed with status {done.returncode}:\n{tail}\ncommand: {' '.join(command)}")


def _pyocd(_program: str, job: Job) -> bool:
    program_with_pyocd(str(job.flash.pyocd), job.elf, job.binary, job.address, job.probe)
    return True


UF2_ROOTS = (Path("/media"), Path("/run/media"), Path("/Volumes"), Path("/mnt"))

FLASH_TOOLS: tuple[FlashTool, ...] = (
    FlashTool("pyocd", "pip install 'mcuq[flash]'", lambda flash: flash.pyocd is not None, has_pyocd, _pyocd),
    FlashTool(
        "openocd",
        "sudo apt install openocd",
        lambda flash: bool(flash.openocd),
        lambda: shutil.which("openocd"),
        _openocd,
    ),
    FlashTool(
        "st-flash",
        "sudo apt install stlink-tools",
        lambda flash: flash.st_flash,
        lambda: shutil.which("st-flash"),
        _st_flash,
    ),
    FlashTool(
        "jlink",
        "https://www.segger.com/downloads/jlink",
        lambda flash: flash.jlink is not None,
        lambda: shutil.which("JLinkExe") or shutil.which("JLink"),
        _jlink,
    ),
    FlashTool(
        "picotool",
        "https://github.com/raspberrypi/picotool",
        lambda flash: flash.uf2_family is not None,
        lambda: shutil.which("picotool"),
        _picotool,
    ),
    FlashTool(
        "uf2",
        "hold BOOTSEL while the board is plugged in, and mount its drive",
        lambda flash: flash.uf2_family is not None,
        find_uf2_drive,
        _copy_uf2,
    ),
    FlashTool(
        "esptool",
        "pip install esptool",
        lambda flash: flash.esptool is not None,
        lambda: shutil.which("esptool") or shutil.which("esptool.py"),
        _esptool,
    ),
)
