"""Board -> linker script: where code, data, stack and arena lie."""

from __future__ import annotations

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from mcuq import resources
from mcuq.boards import Board


def render_link_script(board: Board) -> str | None:
    """The linker script of `board`; None for the host, which is linked as any program of its system."""
    if board.is_host:
        return None
    loader = FileSystemLoader(resources.templates())
    environment = Environment(loader=loader, undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)
    return environment.get_template("link.ld.j2").render(board=board)
