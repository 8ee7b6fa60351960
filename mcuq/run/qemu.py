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

from mcuq.artifacts import Image
from mcuq.boards import Board, QemuRun
from mcuq.errors import InvalidBoard, InvalidProject, ToolMissing
from mcuq.run.emulator import EmulatorLink
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
# In the registers that QEMU prints when the core locks up.
_PROGRAM_COUNTER = re.compile(r"(?:\bR15=|\bpc\s+)([0-9a-f]{8})\b")


class QemuLink(EmulatorLink):
    """A board in QEMU. `-icount` makes every instruction take 2^shift ns of virtual time.

    So the firmware's own ticks tell instructions (`Board.instructions_from_ticks`), and there is nothing to count here.
    What the variable MCUQ_QEMU_ARGS and `qemu_args` say is appended to QEMU's command line.
    """

    name = "qemu"
    title = "QEMU"

    def __init__(self, image: Image, board: Board, model_name: str, qemu_args: str | None = None) -> None:
        super().__init__()
        self._image = image
        self._board = board
        self._functions = Functions(image, model_name)
        variable = os.environ.get(ARGUMENTS_VARIABLE, "")
        self._extra = (*_words(variable, ARGUMENTS_VARIABLE), *_words(qemu_args or "", "--qemu-args"))
        self._monitor: QemuMonitor | None = None

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

    def _let_go(self, child: ChildProcess) -> None:
        if self._monitor is not None:
            self._monitor.close()
        self._monitor = None

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

    def _start(self, program: str, child: ChildProcess) -> socket.socket:
        child.start(self._command(program, child.folder))
        uart = self._connect(lambda: _connected_to(child.folder / "uart"), _OPEN_TIMEOUT_S, 0.01)
        self._monitor = QemuMonitor(child.folder / "monitor")
        return uart

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


def _connected_to(path: Path) -> socket.socket:
    """A connection to a Unix socket; raises OSError."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(str(path))
    except OSError:
        connection.close()
        raise
    return connection


def _words(arguments: str, place: str) -> list[str]:
    try:
        return shlex.split(arguments)
    except ValueError as error:
        raise InvalidProject(f"{place}: {error} in {arguments!r}; quote it as for a shell") from error
