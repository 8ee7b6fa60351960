"""The host board: a native program behind a pseudo terminal."""

from __future__ import annotations

import os
import random
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from mcuq.errors import DeviceTimeout, LinkLost
from mcuq.run import host
from mcuq.run.host import HostLink

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the host board needs pseudo terminals")


def host_of(pair: Any) -> HostLink:
    """The echo firmware of the host."""
    return HostLink(pair[1])


def script(folder: Path, text: str) -> Path:
    """An executable that stands for a firmware."""
    path = folder / "firmware.elf"
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


class FakeImage:
    """Only where the program lies."""

    def __init__(self, path: Path) -> None:
        self.path = path


def test_every_byte_value_goes_there_and_back(build_echo: Any, speak: Any) -> None:
    """The terminal is raw: all byte values pass, also more of them than a terminal holds."""
    data = bytes(range(256)) + random.Random(3).randbytes(50_000)
    assert speak(host_of(build_echo("host"))).echo(data) == data


def test_memory_figures_are_unknown(build_echo: Any, speak: Any) -> None:
    """The host port has no stack gauge, no static RAM and no clock to tell."""
    assert speak(host_of(build_echo("host"))).ask(b"v", 6) == (0, 0, 0, 0, 0x12345678, 0)


def test_reset_starts_over_on_the_same_terminal(build_echo: Any, speak: Any) -> None:
    """A reset makes a new program of it, and the connection stays."""
    speaker = speak(host_of(build_echo("host")))
    speaker.link.write(b"nn")
    assert speaker.ask(b"v", 6)[5] == 2
    speaker.link.write(b"z")
    assert speaker.ask(b"v", 6)[5] == 0


def test_silence_is_no_bytes_after_the_timeout(build_echo: Any, speak: Any) -> None:
    """Reading from a silent device waits as long as it was told, and gives nothing."""
    link = host_of(build_echo("host"))
    speak(link)
    start = time.monotonic()
    assert link.read(0.05) == b""
    assert time.monotonic() - start >= 0.05
    assert link.last_words() == "the host firmware runs, and is silent"
    assert link.stop_counting() == ()


def test_a_crash_is_lost_with_the_signal(build_echo: Any, speak: Any) -> None:
    """A program that touches memory which it does not have is told by its signal."""
    speaker = speak(host_of(build_echo("host")))
    speaker.touch(0x10)
    with pytest.raises(LinkLost, match=r"was ended by SIG(SEGV|BUS)"):
        speaker.receive(4)
    with pytest.raises(LinkLost, match="SIG"):
        speaker.receive(1)


def test_close_leaves_nothing(build_echo: Any, speak: Any) -> None:
    """After close there is neither process nor folder; a closed link is lost, and can be opened again."""
    link = host_of(build_echo("host"))
    speaker = speak(link)
    assert link._child is not None
    folder, process = link._child.folder, link._child._process
    assert process is not None
    link.close()
    link.close()
    assert process.poll() is not None
    assert not folder.exists()
    assert link.last_words() == "the host firmware is not running"
    with pytest.raises(LinkLost):
        link.read(0.1)
    link.open()
    assert speaker.echo(b"again") == b"again"


def test_a_program_that_ends_at_once_is_lost(tmp_path: Path) -> None:
    """What it said on its way out is in the message."""
    link = HostLink(FakeImage(script(tmp_path, "echo 'no terminals here' >&2; exit 3")))  # type: ignore[arg-type]
    with pytest.raises(LinkLost, match="ended with status 3: no terminals here"):
        link.open()
    assert link._child is None


def test_a_program_that_names_no_terminal_is_a_timeout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting for the path of the terminal has a deadline."""
    monkeypatch.setattr(host, "_OPEN_TIMEOUT_S", 0.1)
    link = HostLink(FakeImage(script(tmp_path, "sleep 60")))  # type: ignore[arg-type]
    with pytest.raises(DeviceTimeout, match="did not open a terminal within"):
        link.open()
    assert link._child is None


def test_a_file_that_is_no_program_is_lost(tmp_path: Path) -> None:
    """An image of another computer is refused with what to do."""
    path = tmp_path / "firmware.elf"
    path.write_bytes(b"\x7fELF")
    with pytest.raises(LinkLost, match="cannot be started"):
        HostLink(FakeImage(path)).open()  # type: ignore[arg-type]
