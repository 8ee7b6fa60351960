"""Devices on pseudo terminals: scripted ones, and the native firmware as it would sit on a serial port."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import struct
import subprocess
import termios
import threading
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

from mcuq.run.frames import REPLY, Frame, Parser, encode
from mcuq.run.messages import Request

Answer = Callable[[bytes], bytes]


class Terminal:
    """A scripted device: `answer` turns what arrives into what it says. `path` is its serial port."""

    def __init__(self, answer: Answer, *, greeting: bytes = b"") -> None:
        self.answer = answer
        self.greeting = greeting
        self.master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self._ends, self._end = os.pipe()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def baud(self) -> int:
        """The speed that the other end has set, as the constant of termios."""
        return int(termios.tcgetattr(self.master)[4])

    def close(self) -> None:
        """Unplug it."""
        os.write(self._end, b"x")
        self._thread.join()
        for descriptor in (self.master, self._slave, self._ends, self._end):
            os.close(descriptor)

    def _serve(self) -> None:
        if self.greeting:
            os.write(self.master, self.greeting)
        while True:
            ready = select.select([self.master, self._ends], [], [])[0]
            if self._ends in ready:
                return
            with contextlib.suppress(OSError):
                said = self.answer(os.read(self.master, 4096))
                os.write(self.master, said)


class GoodDevice:
    """Answers HELLO, NAME, DESCRIBE and FAULT as a firmware does that has no tensors."""

    def __init__(
        self,
        *,
        board: str = "host",
        model: str = "digits_int8",
        model_hash: bytes = bytes(8),
        version: str | None = "0.1.0",
        protocol: int = 1,
        steps: int = 1,
        arena_bytes: int = 1,
    ) -> None:
        self.names = (board, model, version)
        self.hello = (model_hash, protocol, steps, arena_bytes)
        self.parser = Parser()

    def __call__(self, data: bytes) -> bytes:
        """The replies to the frames in `data`."""
        return b"".join(self.reply(frame) for frame in self.parser.feed(data))

    def reply(self, request: Frame) -> bytes:
        """The reply to one request."""
        model_hash, protocol, steps, arena_bytes = self.hello
        body, status = b"", 0
        if request.kind == Request.HELLO:
            body = struct.pack(
                "<BBBBHBxHH8sIIIi", protocol, 2, 0, 0, steps, 1, 496, 4096, model_hash, arena_bytes, 1, 2, 0
            )
        elif request.kind == Request.NAME:
            name = self.names[struct.unpack("<I", request.body)[0]]
            body, status = (b"", 6) if name is None else (name.encode(), 0)
        return encode(Frame(request.kind | REPLY, request.sequence, request.session, body, status))


@contextlib.contextmanager
def native(program: Path) -> Iterator[str]:
    """The native firmware as a program of its own; gives the path of its terminal."""
    process = subprocess.Popen([str(program)], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().decode().strip()
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
