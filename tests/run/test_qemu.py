"""QEMU: the same ELF as in the simulator, exact instruction counts, crashes that are told, nothing left behind."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from mcuq import resources
from mcuq.boards import find_board
from mcuq.errors import DeviceTimeout, InvalidBoard, InvalidProject, LinkLost, ToolMissing
from mcuq.run import qemu
from mcuq.run.qemu import QemuLink
from mcuq.run.sim import SimLink

needs_qemu = pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not installed")

BOARDS = ["cortex-m0", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33"]


def qemu_of(pair: Any, arguments: str | None = None) -> QemuLink:
    """QEMU with the echo firmware."""
    board, image = pair
    return QemuLink(image, board, "echo", arguments)


@needs_qemu
@pytest.mark.parametrize("name", BOARDS)
def test_the_device_answers(build_echo: Any, speak: Any, name: str) -> None:
    """On every board bytes come back as they were, and the port tells the figures of board and image."""
    board, image = build_echo(name)
    speaker = speak(qemu_of((board, image)))
    data = bytes(range(256)) * 4
    assert speaker.echo(data) == data
    stack, peak, static, clock, in_data, in_bss = speaker.ask(b"v", 6)
    assert (stack, static, clock) == (board.stack_bytes, image.static_ram_bytes, board.clock_hz)
    assert 0 < peak < stack
    assert (in_data, in_bss) == (0x12345678, 0)


@needs_qemu
@pytest.mark.parametrize("name", BOARDS)
def test_ticks_tell_the_instructions_that_the_simulator_counts(build_echo: Any, speak: Any, name: str) -> None:
    """QEMU's virtual time and the simulator's blocks agree on an invoke, but for the reading of the counter."""
    pytest.importorskip("unicorn")
    board, image = build_echo(name)
    (ticks,) = speak(qemu_of((board, image))).ask(b"i", 1)
    simulated = speak(SimLink(image, board, "echo", 3))
    simulated.link.start_counting()
    simulated.ask(b"i", 1)
    (trace,) = simulated.link.stop_counting()
    assert 0 <= board.instructions_from_ticks(ticks) - trace.instructions <= 20


@needs_qemu
def test_qemu_does_not_count(build_echo: Any, speak: Any) -> None:
    """The link itself gives no traces."""
    speaker = speak(qemu_of(build_echo("cortex-m4")))
    speaker.link.start_counting()
    speaker.ask(b"i", 1)
    assert speaker.link.stop_counting() == ()


@needs_qemu
@pytest.mark.parametrize("name", ["cortex-m4", "cortex-m33", "cortex-m0"])
def test_a_fault_is_recorded_over_the_reset(build_echo: Any, speak: Any, name: str) -> None:
    """After a bad access the device restarts and tells once which exception it was, and where it happened."""
    board, image = build_echo(name)
    speaker = speak(qemu_of((board, image)))
    speaker.link.write(b"n")
    speaker.touch(0x7000_0000)
    happened, exception, pc, _lr, status, address = speaker.ask_over_reset(b"f", 6)
    assert (happened, exception) == (1, 3)
    touch = image.symbols["touch"]
    assert touch.address <= pc < touch.address + touch.bytes
    assert (status, address) == ((0, 0) if name == "cortex-m0" else (0x8200, 0x7000_0000))
    assert speaker.ask(b"f", 6) == (0, 0, 0, 0, 0, 0)
    assert speaker.ask(b"v", 6)[4:] == (0x12345678, 0)


@needs_qemu
def test_reset_starts_over_and_goes_on_listening(build_echo: Any, speak: Any) -> None:
    """After a reset the firmware is as after power-on, and hears what is sent to it."""
    speaker = speak(qemu_of(build_echo("cortex-m4")))
    for _ in range(3):
        speaker.link.write(b"nz")
        assert speaker.ask_over_reset(b"v", 6)[4:] == (0x12345678, 0)


@needs_qemu
def test_a_hung_device_names_its_function(build_echo: Any, speak: Any) -> None:
    """An endless loop is silent, and QEMU's monitor tells in which function it is."""
    speaker = speak(qemu_of(build_echo("cortex-m4")))
    speaker.link.write(b"h")
    assert speaker.link.read(0.1) == b""
    assert "the device was in main" in speaker.link.last_words()


@needs_qemu
def test_a_crashed_qemu_is_lost_with_its_last_message(build_echo: Any, speak: Any) -> None:
    """When QEMU dies, the next read or write says so, with its exit status."""
    link = qemu_of(build_echo("cortex-m4"))
    speak(link)
    assert link._child is not None
    assert link._child._process is not None
    os.kill(link._child._process.pid, signal.SIGKILL)
    with pytest.raises(LinkLost, match="QEMU was ended by SIGKILL"):
        link.read(5.0)


@needs_qemu
@pytest.mark.parametrize("by", ["variable", "argument"])
def test_extra_arguments_reach_qemu(
    build_echo: Any, speak: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, by: str
) -> None:
    """MCUQ_QEMU_ARGS and `qemu_args` are split like a shell does and appended to the command line."""
    log = tmp_path / "a log"
    arguments = f"-d int -D '{log}'"
    monkeypatch.setenv(qemu.ARGUMENTS_VARIABLE, arguments if by == "variable" else "")
    speaker = speak(qemu_of(build_echo("cortex-m4"), arguments if by == "argument" else None))
    assert speaker.echo(b"x") == b"x"
    assert "Loaded reset SP" in log.read_text(encoding="utf-8")


def test_arguments_that_cannot_be_split_are_told(build_echo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A quote that is not closed is an error that names where it stands."""
    image = build_echo("cortex-m4")
    with pytest.raises(InvalidProject, match="--qemu-args: No closing quotation"):
        qemu_of(image, "'")
    monkeypatch.setenv(qemu.ARGUMENTS_VARIABLE, "-d 'int")
    with pytest.raises(InvalidProject, match="MCUQ_QEMU_ARGS: No closing quotation"):
        qemu_of(image)


@needs_qemu
def test_arguments_that_qemu_refuses_are_told(build_echo: Any) -> None:
    """A QEMU that does not start is LinkLost with its own words, and leaves no folder."""
    link = qemu_of(build_echo("cortex-m4"), "-no-such-option")
    with pytest.raises(LinkLost, match=r"no-such-option"):
        link.open()
    assert link.last_words() == "QEMU is not running"


@needs_qemu
def test_close_leaves_nothing(build_echo: Any, speak: Any) -> None:
    """After close there is neither process nor folder, and the link can be opened again."""
    link = qemu_of(build_echo("cortex-m4"))
    speaker = speak(link)
    assert link._child is not None
    folder, process = link._child.folder, link._child._process
    assert process is not None
    assert folder.is_dir()
    link.close()
    link.close()
    assert process.poll() is not None
    assert not folder.exists()
    with pytest.raises(LinkLost):
        link.write(b"x")
    link.open()
    assert speaker.echo(b"again") == b"again"


@needs_qemu
def test_a_qemu_that_never_opens_its_uart_is_a_timeout(build_echo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connecting has a deadline."""
    monkeypatch.setattr(qemu, "_OPEN_TIMEOUT_S", 0.0)
    with pytest.raises(DeviceTimeout, match="did not open its UART within"):
        qemu_of(build_echo("cortex-m4")).open()


def test_a_missing_qemu_tells_how_to_install_it(build_echo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without QEMU the error names the package and the other link."""
    link = qemu_of(build_echo("cortex-m4"))
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(ToolMissing, match="apt install qemu-system-arm, or use --link sim"):
        link.open()


@needs_qemu
def test_a_board_without_qemu_is_refused(build_echo: Any) -> None:
    """A board that has no [run.qemu] cannot be opened there."""
    _, image = build_echo("cortex-m4")
    board = find_board("cortex-m0-large", (resources.boards(),))
    with pytest.raises(InvalidBoard, match=r"has no \[run.qemu\]"):
        QemuLink(image, board, "echo").open()
