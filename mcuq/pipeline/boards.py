"""Where boards are looked for, and by which name."""

from __future__ import annotations

from pathlib import Path

from mcuq import boards, resources
from mcuq.boards import Board


def board_folders() -> tuple[Path, ...]:
    """Where boards are looked for: the user's ./boards first, then mcuq's own."""
    return Path("boards"), resources.boards()


def find_board(name_or_path: str | Path) -> Board:
    """The board of that name, or the one in that .toml file; raises InvalidBoard."""
    return boards.find_board(name_or_path, board_folders())


def all_boards() -> tuple[Board, ...]:
    """Every board that has a name; raises InvalidBoard when a file is wrong."""
    return boards.all_boards(board_folders())
