"""`mcuq boards`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcuq.cli import terminal
from mcuq.cli.arguments import JsonOption

if TYPE_CHECKING:
    from mcuq.boards import Board


def boards(json: JsonOption = False) -> None:
    """List the boards: those in ./boards and those that come with mcuq.

    A board is a TOML file; --board takes its name or its path.
    """
    from mcuq import pipeline

    found = pipeline.all_boards()
    if json:
        terminal.write_json(terminal.STANDARD_OUTPUT, [_document(board) for board in found])
        return
    from mcuq.report.tables import boards_table

    terminal.show(boards_table(found))


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
