"""Flashing: the right tool with the right words, and errors that say what to do; all tools here are recorded fakes."""

from __future__ import annotations

import ast
import stat
import struct
import sys
import types
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mcuq.artifacts import Image
from mcuq.boards import Board, Flash
from mcuq.errors import BuildFailed, DeviceError, InvalidBoard, LinkLost, ToolMissing
from mcuq.run import flashing
from mcuq.run.flash_files import flash_bytes, uf2
from mcuq.run.flashing import FLASH_TOOLS, flash_image

Fake = Callable[..., Path]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, build_echo: Any) -> Fake:
    """Puts a program on an otherwise empty PATH that notes its arguments, prints `says` and ends with `status`."""
    for name in ("stm32f4-discovery", "rp2040-pico"):
        build_echo(name)  # while the compiler is still on the PATH
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(flashing, "UF2_ROOTS", (tmp_path / "media",))
    monkeypatch.setattr("mcuq.run.flash_pyocd.importlib.util.find_spec", lambda _name: None)

    def make(name: str, says: str = "", status: int = 0) -> Path:
        record, program = tmp_path / f"{name}.record", folder / name
        lines = (
            f"#!{sys.executable}",
            "import pathlib, sys",
            "kept = [open(a, 'rb').read() for a in sys.argv[1:] if a.endswith(('.bin', '.uf2', '.jlink'))]",
            f"pathlib.Path({str(record)!r}).write_text(repr((sys.argv[1:], kept)))",
            f"print({says!r}, file=sys.stderr)",
            f"sys.exit({status})",
        )
        program.write_text("\n".join(lines))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return record

    return make


@pytest.fixture
def f4(build_echo: Any) -> tuple[Board, Image]:
    """A board that pyOCD, OpenOCD, st-flash and J-Link can flash, and its firmware."""
    return build_echo("stm32f4-discovery")  # type: ignore[no-any-return]


def recorded(record: Path) -> tuple[list[str], list[bytes]]:
    """Arguments of the fake tool, and what was in the files that they name."""
    arguments, files = ast.literal_eval(record.read_text())
    return arguments, files


def only(board: Board, **fields: Any) -> Board:
    """The board, flashed with nothing but that."""
    return replace(board, flashing=Flash(**fields))


def test_openocd_programs_verifies_and_resets(fake: Fake, f4: Any) -> None:
    """OpenOCD gets the board's configuration, the probe's serial number, and one command that does all."""
    board, image = f4
    record = fake("openocd")
    done = flash_image(image, board, probe="0669FF")
    assert (done.tool, done.verified, done.bytes) == ("openocd", True, len(flash_bytes(image.path, board)))
    assert recorded(record)[0] == [
        *("-f", "board/stm32f4discovery.cfg", "-c", "adapter serial 0669FF"),
        *("-c", f"program {{{image.path.resolve()}}} verify reset exit"),
    ]


def test_st_flash_writes_the_binary_to_the_flash(fake: Fake, f4: Any) -> None:
    """st-flash gets a binary that begins at the flash's first address; what it holds is what the ELF programs."""
    board, image = f4
    record = fake("st-flash")
    assert flash_image(image, board, probe="066DFF").tool == "st-flash"
    arguments, (data,) = recorded(record)
    assert arguments[:4] == ["--reset", "--serial", "066DFF", "write"]
    assert arguments[4].endswith("firmware.bin")
    assert arguments[5] == "0x08000000"
    assert data == flash_bytes(image.path, board)
    stack, entry = struct.unpack("<II", data[:8])
    assert 0x1000_0000 < stack <= 0x1001_0000  # the stack lies in CCM
    assert entry & 1


def test_jlink_gets_a_script_that_verifies(fake: Fake, f4: Any) -> None:
    """J-Link is told the chip, the interface and the probe, and loads, verifies, resets and goes."""
    board, image = f4
    record = fake("JLinkExe")
    assert flash_image(image, board, probe="683", tool="jlink").verified
    arguments, (script,) = recorded(record)
    assert arguments[:4] == ["-device", "STM32F407VG", "-if", "SWD"]
    assert arguments[arguments.index("-SelectEmuBySN") + 1] == "683"
    assert arguments[arguments.index("-ExitOnError") + 1] == "1"
    words = [line.split()[0] for line in script.decode().splitlines()]
    assert words == ["r", "h", "loadbin", "verifybin", "r", "g", "q"]


def test_esptool_writes_from_the_flashs_start(fake: Fake, f4: Any) -> None:
    """esptool gets chip and port, and the offset in the flash, not an address."""
    board, image = f4
    record = fake("esptool")
    flash_image(image, only(board, esptool="esp32c3"), probe="/dev/ttyUSB0")
    arguments = recorded(record)[0]
    assert arguments[:6] == ["--chip", "esp32c3", "--port", "/dev/ttyUSB0", "write_flash", "--verify"]
    assert arguments[6] == "0x0"


def test_picotool_loads_uf2_blocks(fake: Fake, build_echo: Any) -> None:
    """picotool gets UF2 of the RP2040's family, verifies and starts it."""
    board, image = build_echo("rp2040-pico")
    record = fake("picotool")
    assert flash_image(image, board).verified
    arguments, (blocks,) = recorded(record)
    assert arguments[:3] == ["load", "--verify", "--execute"]
    assert blocks[:4] == b"UF2\n"


def test_without_picotool_the_blocks_are_copied_to_the_drive(fake: Fake, build_echo: Any, tmp_path: Path) -> None:
    """The drive of the boot ROM is found by its INFO_UF2.TXT; a copy cannot be verified, and says so."""
    del fake
    board, image = build_echo("rp2040-pico")
    drive = tmp_path / "media" / "me" / "RPI-RP2"
    drive.mkdir(parents=True)
    (drive / "INFO_UF2.TXT").write_text("UF2 Bootloader v3.0\n")
    done = flash_image(image, board)
    assert (done.tool, done.verified) == ("uf2", False)
    assert (drive / "firmware.uf2").read_bytes() == uf2(flash_bytes(image.path, board), 0x1000_0000, 0xE48B_FF56)
    with pytest.raises(LinkLost, match=r"has no INFO_UF2\.TXT; hold BOOTSEL"):
        flash_image(image, board, tool="uf2", probe=str(tmp_path))


def test_uf2_blocks_say_where_they_belong() -> None:
    """Each block of 512 bytes carries 256, its address, number, count and family; the last one is filled up."""
    data = bytes(range(256)) + b"end"
    blocks = uf2(data, 0x1000_0000, 0xE48B_FF56)
    assert len(blocks) == 1024
    fields = struct.unpack("<8I", blocks[512:544])
    assert fields == (0x0A32_4655, 0x9E5D_5157, 0x2000, 0x1000_0100, 256, 1, 2, 0xE48B_FF56)
    assert blocks[544:548] == b"end\xff"
    assert struct.unpack("<I", blocks[-4:]) == (0x0AB1_6F30,)


def test_the_first_tool_that_is_there_is_taken(fake: Fake, f4: Any) -> None:
    """In the order of the list, among those that the board names."""
    board, image = f4
    fake("JLinkExe")
    fake("st-flash")
    assert flash_image(image, board).tool == "st-flash"


def test_a_missing_tool_is_told_with_what_installs_it(fake: Fake, f4: Any) -> None:
    """Without any tool, and without the one that was asked for, the error says how to install them."""
    del fake
    board, image = f4
    with pytest.raises(
        ToolMissing, match=r"any of pyocd, openocd, st-flash, jlink.*pip install 'mcuq\[flash\]'; or sudo"
    ):
        flash_image(image, board)
    with pytest.raises(ToolMissing, match=r"st-flash is needed .* sudo apt install stlink-tools"):
        flash_image(image, board, tool="st-flash")
    with pytest.raises(InvalidBoard, match="is not flashed with 'esptool'; its file names pyocd, openocd"):
        flash_image(image, board, tool="esptool")
    with pytest.raises(InvalidBoard, match=r"does not say how it is flashed; give its file a table \[flash\]"):
        flash_image(image, replace(board, flashing=None))


@pytest.mark.parametrize(
    ("tool", "program", "says"),
    [
        ("openocd", "openocd", "Error: open failed"),
        ("st-flash", "st-flash", "Couldn't find any ST-Link devices"),
        ("jlink", "JLinkExe", "FAILED: Cannot connect to J-Link."),
    ],
)
def test_no_probe_is_a_lost_link(fake: Fake, f4: Any, tool: str, program: str, says: str) -> None:
    """A tool that finds no probe: the error says so, with the tool's own words, and what to look at."""
    board, image = f4
    fake(program, says, 1)
    with pytest.raises(LinkLost, match=r"does not find a probe .* plug it in") as caught:
        flash_image(image, board, tool=tool)
    assert says in str(caught.value)
    with pytest.raises(LinkLost, match="does not find probe 42"):
        flash_image(image, board, tool=tool, probe="42")


@pytest.mark.parametrize(
    ("tool", "program", "says", "status"),
    [
        ("openocd", "openocd", "** Verify Failed **", 1),
        ("st-flash", "st-flash", "Verification of flash failed at offset: 0", 255),
        ("jlink", "JLinkExe", "Verify failed @ address 0x08000000", 0),
    ],
)
def test_a_failed_verify_is_an_error(fake: Fake, f4: Any, tool: str, program: str, says: str, status: int) -> None:
    """What does not read back is an error, even from a tool that ends with status 0."""
    board, image = f4
    fake(program, says, status)
    with pytest.raises(DeviceError, match="does not read back; check power and cable"):
        flash_image(image, board, tool=tool)


def test_any_other_failure_shows_the_tools_last_words(fake: Fake, f4: Any) -> None:
    """Status, last lines and command are in the error; nothing is left behind."""
    board, image = f4
    fake("openocd", "Error: target not halted", 1)
    with pytest.raises(DeviceError, match=r"openocd failed with status 1:\n\s+Error: target not halted\ncommand: "):
        flash_image(image, board, tool="openocd")


class _PyOcd:
    """Stands for pyOCD: a flash that may forget a byte, and no probe where `has_probe` is False."""

    def __init__(self, *, has_probe: bool = True, forgets: int | None = None) -> None:
        self.has_probe, self.forgets, self.said = has_probe, forgets, []  # type: ignore[var-annotated]
        self.memory: dict[int, int] = {}
        self.target = self

    def session_with_chosen_probe(self, **options: Any) -> Any:
        self.said.append(options)
        return self if self.has_probe else None

    def __enter__(self) -> _PyOcd:
        return self

    def __exit__(self, *_: object) -> None:
        self.said.append("closed")

    def programmer(self, _session: Any, **_options: Any) -> Any:
        return self

    def program(self, path: str, file_format: str) -> None:
        from elftools.elf.elffile import ELFFile

        assert file_format == "elf"
        with Path(path).open("rb") as file:
            for segment in ELFFile(file).iter_segments("PT_LOAD"):
                self.memory |= dict(enumerate(segment.data(), segment["p_paddr"]))
        if self.forgets is not None:
            self.memory[self.forgets] ^= 1

    def read_memory_block8(self, address: int, size: int) -> list[int]:
        return [self.memory.get(index, 0xFF) for index in range(address, address + size)]

    def reset(self) -> None:
        self.said.append("reset")

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        names = {
            "pyocd": {},
            "pyocd.core": {},
            "pyocd.flash": {},
            "pyocd.core.exceptions": {"Error": ValueError},
            "pyocd.core.helpers": {"ConnectHelper": self},
            "pyocd.flash.file_programmer": {"FileProgrammer": self.programmer},
        }
        for name, members in names.items():
            module = types.ModuleType(name)
            module.__dict__.update(members)
            monkeypatch.setitem(sys.modules, name, module)
        monkeypatch.setattr(
            "mcuq.run.flash_pyocd.importlib.util.find_spec", lambda _name: types.SimpleNamespace(origin="x")
        )


def test_pyocd_programs_reads_back_and_resets(f4: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """pyOCD is told the chip and the probe; every byte is read back before the reset, and the session ends."""
    board, image = f4
    pyocd = _PyOcd()
    pyocd.install(monkeypatch)
    assert flash_image(image, board, probe="E661", tool="pyocd").verified
    options = pyocd.said[0]
    assert (options["unique_id"], options["options"]["target_override"]) == ("E661", "stm32f407vgtx")
    assert pyocd.said[1:] == ["reset", "closed"]


def test_pyocd_without_probe_or_with_a_worn_flash(f4: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """No probe is a lost link; a byte that does not read back is an error with its address, and no reset follows."""
    board, image = f4
    _PyOcd(has_probe=False).install(monkeypatch)
    with pytest.raises(LinkLost, match=r"pyOCD finds no debug probe; plug it in"):
        flash_image(image, board, tool="pyocd")
    worn = _PyOcd(forgets=0x0800_0010)
    worn.install(monkeypatch)
    with pytest.raises(DeviceError, match="it differs at 0x08000010"):
        flash_image(image, board, tool="pyocd")
    assert worn.said[1:] == ["closed"]


def test_bytes_outside_the_flash_are_refused(f4: Any, build_echo: Any) -> None:
    """The firmware of another board is not written."""
    board, _ = f4
    with pytest.raises(BuildFailed, match="has bytes outside the flash of board 'stm32f4-discovery'"):
        flash_bytes(build_echo("cortex-m0")[1].path, board)


def test_tools_are_named_once() -> None:
    """The list has every tool once, each with what installs it."""
    names = [tool.name for tool in FLASH_TOOLS]
    assert len(set(names)) == len(names)
    assert all(tool.install for tool in FLASH_TOOLS)
