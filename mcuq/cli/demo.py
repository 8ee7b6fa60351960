"""`mcuq demo`."""

from __future__ import annotations

import tempfile
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Annotated

import typer

from mcuq.cli import terminal
from mcuq.cli.arguments import CompilerOption, LinkOption
from mcuq.cli.build import build_model, show_build
from mcuq.cli.run import conclude, measure
from mcuq.cli.settings import Settings, board_named, check_link

if TYPE_CHECKING:
    from mcuq.boards import Board


def demo(
    board: Annotated[str, typer.Option("--board", "-b", metavar="BOARD", help="Where to run.")] = "cortex-m4",
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="DIR", help="Keep the build in DIR.")] = None,
    link: LinkOption = None,
    compiler: CompilerOption = None,
) -> None:
    """Show everything at once: build a small model that reads digits, run it on a simulated Cortex-M4, judge it.

    Exit status 1 when a byte differs from the reference.
    """
    with tempfile.TemporaryDirectory(prefix="mcuq-demo-") as folder:
        _demo(board_named(board), board, output or Path(folder), link, compiler)
    if output is not None:
        terminal.say(f"The firmware, its sources and build.json are in {output}.")
    terminal.say("Now with your own model: mcuq inspect model.tflite; mcuq init model.tflite")


def _demo(board: Board, board_name: str, folder: Path, link: str | None, compiler: str | None) -> None:
    from mcuq import demo as files
    from mcuq.project import Gates, Options, Project

    check_link(board, link)
    options = Options(compiler=compiler, output=str(folder), link=link or _first_installed(board))  # type: ignore[arg-type]
    given = Settings(Project(), files.model_path(), board_name, "digits", options)
    made = build_model(given)
    show_build(made)
    conclude(measure(made, files.data_path(), given, per_step=True), Gates(bit_exact=True), per_step=True)


def _first_installed(board: Board) -> str:
    """The first link of the board whose emulator is there, or simply the first, whose error says what to install."""
    installed = {"sim": find_spec("unicorn") is not None, "qemu": which("qemu-system-arm") is not None}
    return next((link for link in board.links if installed.get(link, True)), board.links[0])
