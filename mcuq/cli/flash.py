"""`mcuq flash`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mcuq.cli import terminal
from mcuq.cli.arguments import BoardOption
from mcuq.cli.run import built_or_opened
from mcuq.cli.settings import settings

if TYPE_CHECKING:
    from mcuq.artifacts import Build

ProbeOption = Annotated[
    str | None,
    typer.Option("--probe", metavar="ID", help="The serial number of the probe (esptool: port, uf2: drive)."),
]
ToolOption = Annotated[
    str | None,
    typer.Option("--tool", metavar="TOOL", help="pyocd, openocd, st-flash, jlink, picotool, uf2 or esptool."),
]


def flash(
    model: Annotated[
        Path | None,
        typer.Argument(metavar="MODEL|DIR", help="The folder of a build, or a model file, which is built first."),
    ] = None,
    board: BoardOption = None,
    probe: ProbeOption = None,
    tool: ToolOption = None,
    port: Annotated[
        str | None,
        typer.Option("--port", metavar="PORT", help="Wait until the firmware answers on this serial port."),
    ] = None,
    baud: Annotated[
        int | None, typer.Option("--baud", metavar="N", min=50, help="The speed of the port; else the board's.")
    ] = None,
) -> None:
    """Write a build's firmware into the board's flash, verify it, reset, and see that it answers.

    The tool is the first that the board's file names and that is installed. With --port the firmware must say hello
    with the model, board and version of the build.
    """
    given = settings(model, board)
    flash_build(built_or_opened(model, board, given), probe, tool, port, baud)


def flash_build(made: Build, probe: str | None, tool: str | None, port: str | None, baud: int | None) -> None:
    """Flash, and say what was done."""
    from mcuq import pipeline

    with terminal.working(f"flashing {made.board.name}"):
        done = pipeline.flash(made, probe=probe, tool=tool, port=port, baud=baud)
    how = "verified" if done.flashed.verified else "which cannot be read back"
    terminal.say(f"{done.flashed.bytes:,} bytes are in the flash of {made.board.name}, by {done.flashed.tool}, {how}")
    if done.hello is None:
        terminal.say("the board was reset; --port PORT waits until it answers, `mcuq ports` lists the ports")
    else:
        hello = done.hello
        terminal.say(f"it answers: model {hello.model} ({hello.model_hash}), firmware {hello.firmware_version}")
