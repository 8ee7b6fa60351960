"""`mcuq boards`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mcuq.cli import terminal
from mcuq.cli.arguments import JsonOption
from mcuq.errors import InvalidProject

if TYPE_CHECKING:
    from mcuq.boards import Board

_WRITING = "A board file for the gdb link"


def boards(
    json: JsonOption = False,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FILE",
            help="Write a board file of a chip's memory map: a CMSIS-Pack (.pack, .pdsc) or a GNU linker script.",
            rich_help_panel=_WRITING,
        ),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option("--device", metavar="NAME", help="Which device of the pack.", rich_help_panel=_WRITING),
    ] = None,
    core: Annotated[
        str | None,
        typer.Option("--core", metavar="CORE", help="What a linker script does not say.", rich_help_panel=_WRITING),
    ] = None,
    fpu: Annotated[
        bool | None, typer.Option("--fpu/--no-fpu", help="Whether the core has an FPU.", rich_help_panel=_WRITING)
    ] = None,
    dsp: Annotated[
        bool | None,
        typer.Option("--dsp/--no-dsp", help="Whether a Cortex-M33 has DSP instructions.", rich_help_panel=_WRITING),
    ] = None,
    clock_mhz: Annotated[
        float | None,
        typer.Option("--clock-mhz", metavar="MHZ", min=0.001, help="The core clock.", rich_help_panel=_WRITING),
    ] = None,
    stack_bytes: Annotated[
        int | None,
        typer.Option(
            "--stack-bytes", metavar="N", min=8, help="Set aside for the stack; 4096 or less.", rich_help_panel=_WRITING
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="Of the board; else the device's.", rich_help_panel=_WRITING),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Where to write it.", rich_help_panel=_WRITING)
    ] = Path("boards"),
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite a file that is there.", rich_help_panel=_WRITING)
    ] = False,
) -> None:
    """List the boards: those in ./boards and those that come with mcuq. Or write a file for a new one, with --from.

    A board is a TOML file; --board takes its name or its path.
    """
    from mcuq import pipeline

    if source is not None:
        board, path = pipeline.write_board(
            source,
            output,
            device=device,
            name=name,
            core=core,
            has_fpu=fpu,
            has_dsp=dsp,
            clock_hz=None if clock_mhz is None else round(clock_mhz * 1e6),
            stack_bytes=stack_bytes,
            force=force,
        )
        _say_written(board, path)
        return
    if (device, core, fpu, dsp, clock_mhz, stack_bytes, name) != (None,) * 7:
        raise InvalidProject("these options are for a new board file; name the pack or the linker script with --from")
    found = pipeline.all_boards()
    if json:
        terminal.write_json(terminal.STANDARD_OUTPUT, [_document(board) for board in found])
        return
    from mcuq.report.tables import boards_table

    terminal.show(boards_table(found))


def _say_written(board: Board, path: Path) -> None:
    features = f" with {', '.join(sorted(board.features))}" if board.features else ""
    terminal.say(f"wrote {path}: {board.core}{features} at {board.clock_hz / 1e6:g} MHz")
    for region in board.memory:
        terminal.say(f"  {region.name:<12} {region.kind:<5} at {region.address:#010x}, {region.bytes:,} bytes")
    terminal.say(f"try it: mcuq run MODEL --board {path} --data DATA --gdb localhost:3333 --gdb-load")


def _document(board: Board) -> dict[str, Any]:
    return {
        "name": board.name,
        "description": board.description,
        "core": board.core,
        "features": sorted(board.features),
        "clock_hz": board.clock_hz or None,
        "flash_bytes": board.flash.bytes if board.flash else None,
        "ram_bytes": board.ram.bytes if board.ram else None,
        "stack_bytes": board.stack_bytes or None,
        "links": list(board.links),
    }
