"""The Renode link: an emulated SoC as a child process, its UART on a server socket."""

from __future__ import annotations

import contextlib
import shutil
import socket
from pathlib import Path

from mcuq.artifacts import Image
from mcuq.boards import Board, RenodeRun
from mcuq.errors import InvalidBoard, ToolMissing
from mcuq.run.emulator import EmulatorLink
from mcuq.run.processes import ChildProcess

PROGRAM = "renode"

# The socket answers 3 to 7 s after the start (measured, 1.16.1), later on a busy computer.
_OPEN_TIMEOUT_S = 60.0
_QUIT_TIMEOUT_S = 3.0


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


class RenodeLink(EmulatorLink):
    """A board in Renode. Its virtual time says nothing about the device, and is reported as nothing."""

    name = "renode"
    title = "Renode"

    def __init__(self, image: Image, board: Board) -> None:
        super().__init__()
        self._image = image
        self._board = board

    def last_words(self) -> str:
        """What Renode said last."""
        if self._child is None:
            return "Renode is not running"
        said = self._child.error_tail() or "no message"
        status = self._child.exit_status
        return f"Renode runs, and said: {said}" if status is None else f"Renode ended with status {status}: {said}"

    def _run(self) -> RenodeRun:
        run = self._board.run.renode
        if run is None:
            raise InvalidBoard(f"board '{self._board.name}' has no [run.renode]; use one of {self._board.links}")
        return run

    def _program(self) -> str:
        self._run()
        program = shutil.which(PROGRAM)
        if program is None:
            raise ToolMissing("renode is not installed; get it from renode.io, or use another link (`mcuq boards`)")
        return program

    def _start(self, program: str, child: ChildProcess) -> socket.socket:
        run, port = self._run(), _free_port()
        # A copy: Renode's commands know no quotes, and the user's path may have spaces.
        elf = Path(shutil.copy(self._image.path, child.folder / "firmware.elf"))
        repl, resc = child.folder / "board.repl", child.folder / "mcuq.resc"
        repl.write_text(description(run), encoding="utf-8")
        resc.write_text(script(run, repl, elf, port), encoding="utf-8")
        # Its console ends Renode when the input does, so the input stays open.
        child.start((program, "--console", "--disable-xwt", "--plain", "-e", f"include @{resc}"), keep_input=True)
        return self._connect(lambda: socket.create_connection(("127.0.0.1", port), 1.0), _OPEN_TIMEOUT_S, 0.05)

    def _let_go(self, child: ChildProcess) -> None:
        with contextlib.suppress(OSError):
            child.type(b"quit\n", _QUIT_TIMEOUT_S)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
