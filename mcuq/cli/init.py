"""`mcuq init`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mcuq.cli import terminal
from mcuq.cli.arguments import BoardOption, NameOption
from mcuq.errors import InvalidProject


def init(
    model: Annotated[
        Path | None,
        typer.Argument(metavar="MODEL", help="A .tflite file; the only one in this folder when left out."),
    ] = None,
    board: BoardOption = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", "-d", metavar="FILE.npz", help="For `mcuq run`; the only .npz here when left out."),
    ] = None,
    name: NameOption = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing mcuq.toml.")] = False,
) -> None:
    """Write mcuq.toml into this folder, from which the other commands take their defaults.

    What is not known stands there as a comment, ready to be filled in.
    """
    from mcuq.cli.settings import board_named
    from mcuq.project import Project, write_project

    chosen, samples = model or _only("*.tflite"), data or _only("*.npz")
    if chosen is not None and not chosen.is_file():
        raise InvalidProject(f"there is no file '{chosen}'; name the model file")
    board_named(board or "cortex-m4")
    path = write_project(
        Project(
            model=None if chosen is None else str(chosen),
            name=name,
            data=None if samples is None else str(samples),
            board=board or "cortex-m4",
        ),
        Path(),
        force,
    )
    terminal.say(f"wrote {path}; next: {'fill in `model`' if chosen is None else 'mcuq build'}")


def _only(pattern: str) -> Path | None:
    """The file of this folder that matches, where there is just one."""
    found = sorted(Path().glob(pattern))
    return found[0] if len(found) == 1 else None
