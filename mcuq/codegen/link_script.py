"""The linker script of mcuq's own firmware for one board."""

from __future__ import annotations

import re

from mcuq.boards import Board
from mcuq.codegen.generate import environment


def link_script(board: Board, *, arena_is_fast: bool = False) -> str | None:
    """The script as text; None for the host, whose own linker knows better.

    `arena_is_fast` places the whole arena in the board's fast memory.
    """
    if board.is_host:
        return None
    names = {region.name: _name(board, region.name) for region in board.memory}
    rodata = board.region_of("rodata")
    assert rodata is not None
    view = "" if rodata == board.flash else f" - ORIGIN(FLASH) + ORIGIN({names[rodata.name]})"
    template = environment().get_template("link.ld.j2")
    arena = board.fast if arena_is_fast and board.fast is not None else board.region_of("arena")
    return template.render(arena=arena, board=board, names=names, view=view)


def _name(board: Board, region: str) -> str:
    """FLASH and RAM for the first of their kind, whatever the board calls them."""
    for kind, first in (("FLASH", board.flash), ("RAM", board.ram)):
        if first is not None and first.name == region:
            return kind
    return re.sub(r"\W", "_", region).upper()
