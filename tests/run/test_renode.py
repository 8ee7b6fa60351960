"""The Renode link against a stand-in: the script, the deadline, the ends; the system tests try Renode itself."""

from __future__ import annotations

import os
import re
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mcuq import resources
from mcuq.boards import RenodeRun, all_boards
from mcuq.errors import DeviceTimeout, InvalidBoard, LinkLost, ToolMissing
from mcuq.run import renode
from mcuq.run.renode import RenodeLink, description, script

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
    run = RenodeRun("sysbus.usart2", "platforms/cpus/stm32f4.repl", "dwt: Miscellaneous.DWT @ sysbus 0xE0001000\n")
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
    """One command a line, in the order that Renode needs, raw bytes in place of telnet; a reset loads the ELF again."""
    run = RenodeRun("sysbus.usart2", "platforms/cpus/stm32f4.repl", "dwt: X @ sysbus 0xE0001000\n")
    assert script(run, Path("/tmp/b.repl"), Path("/tmp/a.elf"), 4000).splitlines() == [
        'mach create "mcuq"',
        "machine LoadPlatformDescription @/tmp/b.repl",
        'emulation CreateServerSocketTerminal 4000 "mcuq" false',
        "connector Connect sysbus.usart2 mcuq",
        "macro reset",
        '"""',
        "    sysbus LoadELF @/tmp/a.elf",
        '"""',
        "runMacro $reset",
        "start",
    ]
    assert description(run) == 'using "platforms/cpus/stm32f4.repl"\n\ndwt: X @ sysbus 0xE0001000\n'
    assert description(replace(run, platform=None)) == "dwt: X @ sysbus 0xE0001000\n"


# What the platforms of Renode's tree have (platforms/cpus, version 1.16): the devices that ports and descriptions name.
TREE = {
    "platforms/cpus/stm32f4.repl": "sram flash usart1 usart2 usart3 rcc pwr flash_controller gpioPortA gpioPortC",
    "platforms/cpus/stm32f746.repl": "sram flash usart1 usart2 rcc pwrCr1 flash_regs gpioPortA gpioPortB",
    "platforms/cpus/nrf52840.repl": "flash ram uart0 uart1 clock gpio0 gpio1",
    "platforms/cpus/sifive-fe310.repl": "uart0",
}
RENODE_BOARDS = [board for board in all_boards([resources.boards()]) if board.run.renode is not None]


@pytest.mark.parametrize("board", RENODE_BOARDS, ids=lambda board: board.name)
def test_the_uart_of_every_board_is_there(board: Any) -> None:
    """The UART that the link connects is one of the platform's, or one that the board's description adds."""
    run = board.run.renode
    own = re.findall(r"^(\w+):", run.description, re.M)
    known = TREE[run.platform].split() if run.platform else []
    assert run.uart.removeprefix("sysbus.") in {*known, *own}
    if run.platform is None:
        for region in board.memory:
            assert f"0x{region.address:08X}" in run.description
            assert f"0x{region.bytes:X}" in run.description


def test_seven_boards_have_a_road_through_renode() -> None:
    """Those of the STM32F4, L4, F7, the nRF52840 and the FE310."""
    assert {board.name for board in RENODE_BOARDS} == {
        "hifive1-revb",
        "netduinoplus2",
        "nrf52840-dk",
        "nucleo-f446re",
        "nucleo-l4r5zi",
        "stm32f4-discovery",
        "stm32f746g-discovery",
    }


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
