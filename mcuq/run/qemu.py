"""The QEMU link: QEMU as a child process, its UART on a socket."""

from __future__ import annotations

import os
import re
import select
import shlex
import shutil
import signal
import socket
import time
from collections.abc import Sequence
from pathlib import Path

from mcuq.artifacts import Image, Trace
from mcuq.boards import Board, QemuRun
from mcuq.errors import DeviceTimeout, InvalidBoard, InvalidProject, LinkLost, ToolMissing
from mcuq.run.functions import Functions
from mcuq.run.processes import ChildProcess
from mcuq.run.qemu_monitor import QemuMonitor

ARGUMENTS_VARIABLE = "MCUQ_QEMU_ARGS"
INSTALL = {
    "qemu-system-arm": "sudo apt install qemu-system-arm",
    "qemu-system-riscv32": "sudo apt install qemu-system-misc",
}

_OPEN_TIMEOUT_S = 15.0
_FIRST_NUDGE_S = 0.02
_CHUNK_BYTES = 65536
# In the registers that QEMU prints when the core locks up.
_PROGRAM_COUNTER = re.compile(r"(?:\bR15=|\bpc\s+)([0-9a-f]{8})\b")


class QemuLink:
    """A board in QEMU. `-icount` makes every instruction take 2^shift ns of virtual time.

    So the firmware's own ticks tell instructions (`Board.instructions_from_ticks`), and there is nothing to count here.
    What the variable MCUQ_QEMU_ARGS and `qemu_args` say is appended to QEMU's command line.
    """

    name = "qemu"

    def __init__(self, image: Image, board: Board, model_name: str, qemu_args: str | None = None) -> None:
        self._image = image
        self._board = board
        self._functions = Functions(image, model_name)
        variable = os.environ.get(ARGUMENTS_VARIABLE, "")
        self._extra = (*_words(variable, ARGUMENTS_VARIABLE), *_words(qemu_args or "", "--qemu-args"))
        self._child: ChildProcess | None = None
        self._uart: socket.socket | None = None
        self._monitor: QemuMonitor | None = None

    def open(self) -> None:
        """Start QEMU and connect to the UART; raises ToolMissing, InvalidBoard, LinkLost, DeviceTimeout."""
        self.close()
        program = self._program()
        self._child = ChildProcess()
        try:
            self._child.start(self._command(program, self._child.folder))
            self._uart = self._connect(self._child.folder / "uart", time.monotonic() + _OPEN_TIMEOUT_S)
            self._monitor = QemuMonitor(self._child.folder / "monitor")
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
        """Nothing to start: the firmware's ticks count instructions."""

    def stop_counting(self) -> tuple[Trace, ...]:
        """No traces: the firmware's ticks count instructions."""
        return ()

    def last_words(self) -> str:
        """What QEMU said last, or the function that the core is in, asked through QEMU's monitor."""
        if self._child is None:
            return "QEMU is not running"
        status = self._child.exit_status
        if status is not None:
            how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
            message = self._child.error_tail() or "no message"
            counter = _PROGRAM_COUNTER.search(message)
            where = f", the device was in {self._functions.name(int(counter[1], 16))}" if counter else ""
            return f"QEMU {how}{where}: {message}"
        pc = self._monitor.program_counter() if self._monitor is not None else None
        if pc is None:
            return "QEMU runs, but does not tell where the device is"
        return f"the device was in {self._functions.name(pc)} (pc {pc:#010x})"

    def close(self) -> None:
        """End QEMU and remove its sockets."""
        for connection in (self._uart, self._monitor):
            if connection is not None:
                connection.close()
        self._uart = self._monitor = None
        child, self._child = self._child, None
        if child is not None:
            child.end()

    def _program(self) -> str:
        name = self._run().program
        program = shutil.which(name)
        if program is None:
            raise ToolMissing(f"{name} is not installed; install it: {INSTALL[name]}, or use --link sim")
        return program

    def _run(self) -> QemuRun:
        run = self._board.run.qemu
        if run is None:
            raise InvalidBoard(f"board '{self._board.name}' has no [run.qemu]; use one of {self._board.links}")
        return run

    def _command(self, program: str, folder: Path) -> Sequence[str]:
        run = self._run()
        others = ("-serial", "null") * run.serial_index
        return (
            *(program, "-M", run.machine, *run.arguments, "-kernel", str(self._image.path)),
            *("-display", "none", "-icount", f"shift={run.icount_shift}"),
            *("-monitor", f"unix:{folder / 'monitor'},server=on,wait=off"),
            *(*others, "-serial", f"unix:{folder / 'uart'},server=on,wait=off"),
            *self._extra,
        )

    def _connect(self, path: Path, deadline: float) -> socket.socket:
        while time.monotonic() < deadline:
            if self._child is not None and self._child.exit_status is not None:
                raise self._lost()
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                connection.connect(str(path))
            except OSError:
                connection.close()
                time.sleep(0.01)
            else:
                return connection
        raise DeviceTimeout(f"QEMU did not open its UART within {_OPEN_TIMEOUT_S:g} s; {self.last_words()}")

    def _wait(self, uart: socket.socket, timeout_s: float) -> bool:
        """Whether something came within `timeout_s`; nudges QEMU more and more rarely while nothing does."""
        deadline, pause_s = time.monotonic() + timeout_s, _FIRST_NUDGE_S
        while True:
            left_s = max(deadline - time.monotonic(), 0.0)
            if select.select([uart], [], [], min(pause_s, left_s))[0]:
                return True
            if left_s <= pause_s:
                return False
            if self._monitor is not None:
                self._monitor.nudge()
            pause_s *= 2

    def _connected(self) -> socket.socket:
        if self._uart is None:
            raise LinkLost("QEMU is not running; open the link first")
        return self._uart

    def _lost(self) -> LinkLost:
        if self._child is not None:
            self._child.wait_a_moment()
        return LinkLost(f"QEMU went away: {self.last_words()}")


def _words(arguments: str, place: str) -> list[str]:
    try:
        return shlex.split(arguments)
    except ValueError as error:
        raise InvalidProject(f"{place}: {error} in {arguments!r}; quote it as for a shell") from error
