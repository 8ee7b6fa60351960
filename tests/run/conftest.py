"""The echo firmware on every board, and what speaks to it."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mcuq import resources
from mcuq.artifacts import Image, SourceFile, Sources
from mcuq.boards import Board, find_board
from mcuq.build import build_image
from mcuq.codegen import link_script
from mcuq.errors import ToolMissing
from mcuq.run.link import Link

ECHO = Path(__file__).parent.parent / "build" / "echo"
STEPS = 3
PATIENCE_S = 20.0

BuildEcho = Callable[[str], tuple[Board, Image]]


class Speaker:
    """Speaks the one-letter commands of the echo firmware over an open link."""

    def __init__(self, link: Link) -> None:
        self.link = link

    def receive(self, count: int, patience_s: float = PATIENCE_S) -> bytes:
        """Exactly `count` bytes, or fewer after a long silence."""
        data, deadline = b"", time.monotonic() + patience_s
        while len(data) < count and time.monotonic() < deadline:
            data += self.link.read(0.2)
        return data

    def ask(self, command: bytes, words: int) -> tuple[int, ...]:
        """So many 32-bit words in answer to a command."""
        self.link.write(command)
        return struct.unpack(f"<{words}I", self.receive(4 * words))

    def ask_over_reset(self, command: bytes, words: int) -> tuple[int, ...]:
        """Like `ask`, again and again: what reaches a UART just before its reset is lost."""
        answer, deadline = b"", time.monotonic() + PATIENCE_S
        while len(answer) < 4 * words and time.monotonic() < deadline:
            self.link.write(command)
            answer = self.receive(4 * words, 1.0)
        return struct.unpack(f"<{words}I", answer)

    def echo(self, data: bytes) -> bytes:
        """`data` to the device and back."""
        self.link.write(b"e" + struct.pack("<I", len(data)) + data)
        return self.receive(len(data))

    def touch(self, address: int) -> None:
        """Have step 1 of the model read and write that address."""
        self.link.write(b"T" + struct.pack("<I", address) + b"i")


@pytest.fixture(scope="session")
def build_echo(tmp_path_factory: pytest.TempPathFactory) -> BuildEcho:
    """The echo firmware of a board by name, built once."""
    roles = (("echo.h", "header"), ("echo.c", "model"))
    files = tuple(SourceFile(name, (ECHO / name).read_text(encoding="utf-8"), role) for name, role in roles)
    built: dict[str, tuple[Board, Image]] = {}

    def build(name: str) -> tuple[Board, Image]:
        if name not in built:
            board = find_board(name, (resources.boards(),))
            built[name] = board, _build(Sources("echo", "00", files), board, tmp_path_factory.mktemp(name))
        return built[name]

    return build


def _build(sources: Sources, board: Board, folder: Path) -> Image:
    try:
        return build_image(
            sources,
            board,
            folder,
            constant_bytes=0,
            arena_bytes=1024,
            link_script=link_script(board),
            program=(ECHO / "program.c",),
        )
    except ToolMissing as error:
        pytest.skip(str(error))


@pytest.fixture
def speak() -> Iterator[Callable[[Link], Speaker]]:
    """Makes a Speaker of a link, opens the link, and closes it after the test."""
    opened: list[Link] = []

    def start(link: Link) -> Speaker:
        opened.append(link)
        link.open()
        return Speaker(link)

    yield start
    for link in opened:
        link.close()
