"""The Renode link against a stand-in: the script, the deadline, the ends; the system tests try Renode itself."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mcuq.boards import RenodeRun
from mcuq.errors import DeviceTimeout, InvalidBoard, LinkLost, ToolMissing
from mcuq.run import renode
from mcuq.run.renode import RenodeLink, script

STAND_IN = '''#!{python}
"""What Renode does, as recorded: a log line, a socket a while later, an echo for a UART, an end at `quit`."""
import os, pathlib, re, socket, sys, threading, time

log = pathlib.Path({log!r})
text = pathlib.Path(sys.argv[-1].split("@", 1)[1]).read_text()
log.write_text(" ".join(sys.argv[1:-1]) + "\\n" + text)
mode = {mode!r}
print("12:00:00.0000 [INFO] Including script.", flush=True)
if mode == "dies":
    print("12:00:00.1000 [ERROR] Could not find platform", file=sys.stderr, flush=True)
    sys.exit(1)

def serve():
    time.sleep(0.2)
    if mode == "deaf":
        return
    server = socket.create_server(("127.0.0.1", int(re.search(r"Terminal (\\d+)", text)[1])))
    stream, _ = server.accept()
    while data := stream.recv(4096):
        stream.sendall(data)
        if b"crash" in data:
            os._exit(3)

threading.Thread(target=serve, daemon=True).start()
for line in sys.stdin:
    if line.strip() == "quit":
        log.write_text(log.read_text() + "quit")
        sys.exit(0)
'''


@pytest.fixture
def pair(build_echo: Any) -> Any:
    """A board that Renode knows, and an image."""
    board, image = build_echo("cortex-m4")
    run = RenodeRun("platforms/cpus/stm32f4.repl", "sysbus.usart2", ("dwt: Miscellaneous.DWT @ sysbus 0xE0001000",))
    return replace(board, run=replace(board.run, renode=run)), image


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts a stand-in called renode on the path; returns where it logs what it was told."""

    def put(mode: str = "") -> Path:
        log = tmp_path / "log"
        program = tmp_path / "bin" / "renode"
        program.parent.mkdir(exist_ok=True)
        program.write_text(STAND_IN.format(python=sys.executable, log=str(log), mode=mode))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
        return log

    return put


def test_the_script_says_platform_uart_and_program() -> None:
    """One command a line, in the order that Renode needs, raw bytes in place of telnet."""
    run = RenodeRun("platforms/cpus/stm32f4.repl", "sysbus.usart2", ("dwt: X @ sysbus 0xE0001000",))
    assert script(run, Path("/tmp/a.elf"), 4000).splitlines() == [
        'mach create "mcuq"',
        "machine LoadPlatformDescription @platforms/cpus/stm32f4.repl",
        'machine LoadPlatformDescriptionFromString "dwt: X @ sysbus 0xE0001000"',
        'emulation CreateServerSocketTerminal 4000 "mcuq" false',
        "connector Connect sysbus.usart2 mcuq",
        "sysbus LoadELF @/tmp/a.elf",
        "start",
    ]


def test_bytes_go_both_ways_and_close_quits(pair: Any, stand_in: Any) -> None:
    """The link waits for the socket, carries bytes, asks Renode to quit, and leaves neither process nor folder."""
    log = stand_in()
    link = RenodeLink(pair[1], pair[0])
    link.open()
    assert link._child is not None
    folder, process = link._child.folder, link._child._process
    link.write(b"hello")
    data, deadline = b"", time.monotonic() + 10
    while data != b"hello" and time.monotonic() < deadline:
        data += link.read(0.2)
    assert data == b"hello"
    assert link.read(0.05) == b""
    assert "Renode runs" in link.last_words()
    link.close()
    link.close()
    assert process is not None
    assert process.poll() == 0
    assert not folder.exists()
    told = log.read_text()
    assert told.startswith("--console --disable-xwt --plain -e\n")
    assert told.endswith("quit")
    with pytest.raises(LinkLost, match="not running"):
        link.write(b"x")


def read_until_it_ends(link: RenodeLink) -> None:
    """Ten seconds of reading."""
    for _ in range(50):
        link.read(0.2)


def test_a_renode_that_dies_or_never_answers_is_told(pair: Any, stand_in: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An early end brings Renode's own words; silence ends at the deadline; an end on the way is a lost link."""
    stand_in("dies")
    with pytest.raises(LinkLost, match=r"Renode ended with status 1: .*Could not find platform"):
        RenodeLink(pair[1], pair[0]).open()
    stand_in("deaf")
    monkeypatch.setattr(renode, "_OPEN_TIMEOUT_S", 0.5)
    with pytest.raises(DeviceTimeout, match=r"did not open its UART within 0.5 s; Renode runs"):
        RenodeLink(pair[1], pair[0]).open()
    monkeypatch.setattr(renode, "_OPEN_TIMEOUT_S", 30.0)
    stand_in()
    link = RenodeLink(pair[1], pair[0])
    link.open()
    link.write(b"crash")
    with pytest.raises(LinkLost, match="Renode ended with status 3"):
        read_until_it_ends(link)
    link.close()


def test_without_renode_or_its_table_the_error_says_so(
    pair: Any, build_echo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing program and a board that Renode does not know are two errors."""
    monkeypatch.setattr(renode.shutil, "which", lambda _name: None)
    with pytest.raises(ToolMissing, match="renode is not installed"):
        RenodeLink(pair[1], pair[0]).open()
    board, image = build_echo("cortex-m4")
    with pytest.raises(InvalidBoard, match=r"has no \[run.renode\]"):
        RenodeLink(image, board).open()
