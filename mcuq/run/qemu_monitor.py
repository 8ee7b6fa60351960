"""QEMU's human monitor on a socket: where the core is, and a nudge for its main loop."""

from __future__ import annotations

import contextlib
import re
import socket
from pathlib import Path

_ANSWER_TIMEOUT_S = 1.0
_PROGRAM_COUNTER = re.compile(rb"(?:\bR15=|\bpc\s+)([0-9a-fA-F]{8})")
_LAST_REGISTER = re.compile(rb"XPSR|x31/t6\s+[0-9a-fA-F]{8}")


class QemuMonitor:
    """One connection to the monitor at the socket `path`; every failure is silent, for it only serves comfort."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with contextlib.suppress(OSError):
            self._socket.connect(str(path))

    def nudge(self) -> None:
        """Wake QEMU's main loop.

        A UART that was full or off when QEMU last looked is not looked at again until something else happens: a reset
        of the board can leave bytes waiting in the socket for ever (QEMU 7.2).
        """
        with contextlib.suppress(OSError):
            self._socket.sendall(b"\n")
            self._drain()

    def program_counter(self) -> int | None:
        """R15 of an Arm core, pc of a RISC-V; None when the monitor does not answer in time."""
        answer = b""
        with contextlib.suppress(OSError):
            self._drain()
            self._socket.settimeout(_ANSWER_TIMEOUT_S)
            self._socket.sendall(b"info registers\n")
            while not _LAST_REGISTER.search(answer):
                data = self._socket.recv(4096)
                if not data:
                    break
                answer += data
        match = _PROGRAM_COUNTER.search(answer)
        return int(match.group(1), 16) if match else None

    def close(self) -> None:
        """Let the monitor go."""
        self._socket.close()

    def _drain(self) -> None:
        self._socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while self._socket.recv(4096):
                pass
        self._socket.setblocking(True)
