"""The Renode link: an emulated SoC as a child process, its UART on a server socket."""

from __future__ import annotations

import contextlib
import select
import shutil
import socket
import time
from pathlib import Path

from mcuq.artifacts import Image, Trace
from mcuq.boards import Board, RenodeRun
from mcuq.errors import DeviceTimeout, InvalidBoard, LinkLost, ToolMissing
from mcuq.run.processes import ChildProcess

PROGRAM = "renode"

# The socket answers 3 to 7 s after the start (measured, 1.16.1), later on a busy computer.
_OPEN_TIMEOUT_S = 60.0
_QUIT_TIMEOUT_S = 3.0
_CHUNK_BYTES = 65536


def description(run: RenodeRun) -> str:
    """The .repl of a board: a platform of Renode's tree, and what the board adds to it or says otherwise."""
    base = f'using "{run.platform}"\n\n' if run.platform is not None else ""
    return base + run.description


def script(run: RenodeRun, repl: Path, elf: Path, port: int) -> str:
    """The .resc that brings a board up: its description, the UART on a socket without telnet, the ELF.

    The macro `reset` is what Renode runs when the machine resets itself: where code starts is known to LoadELF alone.
    """
    lines = (
        'mach create "mcuq"',
        f"machine LoadPlatformDescription @{repl}",
        f'emulation CreateServerSocketTerminal {port} "mcuq" false',
        f"connector Connect {run.uart} mcuq",
        "macro reset",
        '"""',
        f"    sysbus LoadELF @{elf}",
        '"""',
        "runMacro $reset",
        "start",
    )
    return "\n".join(lines) + "\n"


class RenodeLink:
    """A board in Renode. Its virtual time says nothing about the device, and is reported as nothing."""

    name = "renode"

    def __init__(self, image: Image, board: Board) -> None:
        self._image = image
        self._board = board
        self._child: ChildProcess | None = None
        self._uart: socket.socket | None = None

    def open(self) -> None:
        """Start Renode and connect to the UART; raises ToolMissing, InvalidBoard, LinkLost, DeviceTimeout."""
        self.close()
        run = self._board.run.renode
        if run is None:
            raise InvalidBoard(f"board '{self._board.name}' has no [run.renode]; use one of {self._board.links}")
        program = shutil.which(PROGRAM)
        if program is None:
            raise ToolMissing("renode is not installed; get it from renode.io, or use another link (`mcuq boards`)")
        self._child = ChildProcess()
        try:
            # A copy: Renode's commands know no quotes, and the user's path may have spaces.
            elf = Path(shutil.copy(self._image.path, self._child.folder / "firmware.elf"))
            port = _free_port()
            repl, resc = self._child.folder / "board.repl", self._child.folder / "mcuq.resc"
            repl.write_text(description(run), encoding="utf-8")
            resc.write_text(script(run, repl, elf, port), encoding="utf-8")
            # Its console ends Renode when the input does, so the input stays open.
            command = (program, "--console", "--disable-xwt", "--plain", "-e", f"include @{resc}")
            self._child.start(command, keep_input=True)
            self._uart = self._connect(port, time.monotonic() + _OPEN_TIMEOUT_S)
        except OSError as error:
            self.close()
            raise LinkLost(f"{program} cannot be started: {error}") from error
        except BaseException:
            self.close()
            raise

    def write(self, data: bytes) -> None:
        """Send all of `data` to the UART."""
        uart = self._connected()
        try:
            uart.sendall(data)
        except OSError as error:
            raise self._lost() from error

    def read(self, timeout_s: float) -> bytes:
        """What the UART has sent, or b"" after `timeout_s` seconds of silence."""
        uart = self._connected()
        try:
            if not select.select([uart], [], [], timeout_s)[0]:
                return b""
            data = uart.recv(_CHUNK_BYTES)
        except OSError as error:
            raise self._lost() from error
        if not data:
            raise self._lost()
        return data

    def start_counting(self) -> None:
        """Renode is not counted."""

    def stop_counting(self) -> tuple[Trace, ...]:
        """No traces."""
        return ()

    def last_words(self) -> str:
        """What Renode said last."""
        if self._child is None:
            return "Renode is not running"
        said = self._child.error_tail() or "no message"
        status = self._child.exit_status
        return f"Renode runs, and said: {said}" if status is None else f"Renode ended with status {status}: {said}"

    def close(self) -> None:
        """Ask Renode to quit, end it, and remove its files."""
        uart, self._uart = self._uart, None
        if uart is not None:
            uart.close()
        child, self._child = self._child, None
        if child is not None:
            with contextlib.suppress(OSError):
                child.type(b"quit\n", _QUIT_TIMEOUT_S)
            child.end()

    def _connect(self, port: int, deadline: float) -> socket.socket:
        while time.monotonic() < deadline:
            if self._child is not None and self._child.exit_status is not None:
                raise self._lost()
            try:
                return socket.create_connection(("127.0.0.1", port), timeout=1.0)
            except OSError:
                time.sleep(0.05)
        raise DeviceTimeout(f"Renode did not open its UART within {_OPEN_TIMEOUT_S:g} s; {self.last_words()}")

    def _connected(self) -> socket.socket:
        if self._uart is None:
            raise LinkLost("Renode is not running; open the link first")
        return self._uart

    def _lost(self) -> LinkLost:
        if self._child is not None:
            self._child.wait_a_moment()
        return LinkLost(f"Renode went away: {self.last_words()}")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
