"""What links to emulators share: a child process whose UART is a stream socket."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable

from mcuq.artifacts import Trace
from mcuq.errors import DeviceTimeout, LinkLost
from mcuq.run.processes import ChildProcess

_CHUNK_BYTES = 65536


class EmulatorLink:
    """A board in an emulator; `title` is what messages call that.

    A link of its own says how to find the program (`_program`), to start it and connect its UART (`_start`), to let it
    go (`_let_go`), and what the device did last.
    """

    title = ""

    def __init__(self) -> None:
        self._child: ChildProcess | None = None
        self._uart: socket.socket | None = None

    def open(self) -> None:
        """Start it and connect to the UART; raises ToolMissing, InvalidBoard, LinkLost, DeviceTimeout."""
        self.close()
        program = self._program()
        self._child = ChildProcess()
        try:
            self._uart = self._start(program, self._child)
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
            if not self._wait(uart, timeout_s):
                return b""
            data = uart.recv(_CHUNK_BYTES)
        except OSError as error:
            raise self._lost() from error
        if not data:
            raise self._lost()
        return data

    def start_counting(self) -> None:
        """An emulator is not counted; where virtual time passes with instructions, the firmware's ticks tell them."""

    def stop_counting(self) -> tuple[Trace, ...]:
        """No traces."""
        return ()

    def last_words(self) -> str:
        """What the device last did."""
        raise NotImplementedError

    def close(self) -> None:
        """End the emulator and remove its files."""
        uart, self._uart = self._uart, None
        if uart is not None:
            uart.close()
        child, self._child = self._child, None
        if child is not None:
            self._let_go(child)
            child.end()

    def _program(self) -> str:
        raise NotImplementedError

    def _start(self, program: str, child: ChildProcess) -> socket.socket:
        raise NotImplementedError

    def _let_go(self, child: ChildProcess) -> None:
        """Before the process is ended."""

    def _wait(self, uart: socket.socket, timeout_s: float) -> bool:
        """Whether something came within `timeout_s`."""
        return bool(select.select([uart], [], [], timeout_s)[0])

    def _connect(self, connect: Callable[[], socket.socket], timeout_s: float, pause_s: float) -> socket.socket:
        """The UART's socket, tried again until the emulator has opened it."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self._child is not None and self._child.exit_status is not None:
                raise self._lost()
            try:
                return connect()
            except OSError:
                time.sleep(pause_s)
        raise DeviceTimeout(f"{self.title} did not open its UART within {timeout_s:g} s; {self.last_words()}")

    def _connected(self) -> socket.socket:
        if self._uart is None:
            raise LinkLost(f"{self.title} is not running; open the link first")
        return self._uart

    def _lost(self) -> LinkLost:
        if self._child is not None:
            self._child.wait_a_moment()
        return LinkLost(f"{self.title} went away: {self.last_words()}")
