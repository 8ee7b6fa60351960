"""The linker script of mcuq's own firmware for one board."""

from __future__ import annotations

from mcuq.boards import Board
from mcuq.codegen.generate import environment


def link_script(board: Board) -> str | None:
    """The script as text; None for the host, whose own linker knows better."""
    if board.is_host:
        return None
    return environment().get_template("link.ld.j2").render(board=board)
