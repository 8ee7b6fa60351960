"""Where boards are looked for and by which name, and how a file of one is made of what its maker tells."""

from __future__ import annotations

import tempfile
from pathlib import Path

from mcuq import boards, resources
from mcuq.boards import Board
from mcuq.errors import InvalidBoard


def board_folders() -> tuple[Path, ...]:
    """Where boards are looked for: the user's ./boards first, then mcuq's own."""
    return Path("boards"), resources.boards()


def find_board(name_or_path: str | Path) -> Board:
    """The board of that name, or the one in that .toml file; raises InvalidBoard."""
    return boards.find_board(name_or_path, board_folders())


def all_boards() -> tuple[Board, ...]:
    """Every board that has a name; raises InvalidBoard when a file is wrong."""
    return boards.all_boards(board_folders())


def write_board(
    source: Path,
    folder: Path,
    *,
    device: str | None = None,
    name: str | None = None,
    core: str | None = None,
    has_fpu: bool | None = None,
    has_dsp: bool | None = None,
    clock_hz: int | None = None,
    stack_bytes: int | None = None,
    force: bool = False,
) -> tuple[Board, Path]:
    """A board file for the gdb link in `folder`, of a CMSIS-Pack (.pack, .pdsc: `device` is in it) or a linker script.

    What is said here goes before what `source` says; `name` is the device's, or the script's, when left out. Raises
    InvalidBoard for a file that is neither, an unknown device or core, what is missing, and, unless `force`, a file
    that is there already.
    """
    if source.suffix.lower() in (".pack", ".pdsc"):
        if device is None:
            raise InvalidBoard(f"{source} describes many devices; name yours with --device")
        chip = boards.read_pack(source, device)
    elif device is not None:
        raise InvalidBoard(f"--device names a device of a CMSIS-Pack (.pack, .pdsc), and {source} is none")
    else:
        chip = boards.read_linker_script(source)
    chip = boards.with_said(chip, core=core, has_fpu=has_fpu, has_dsp=has_dsp, clock_hz=clock_hz)
    if not chip.core:
        known = ", ".join(boards.CORES)
        raise InvalidBoard(f"{source} does not say which core it is for; add --core with one of {known}")
    name = boards.board_name(name or chip.name)
    path = folder / f"{name}.toml"
    if path.exists() and not force:
        raise InvalidBoard(f"{path} exists already; change it by hand, or overwrite it with --force")
    text = boards.board_text(chip, name, stack_bytes)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".board-", dir=folder) as waiting:
        written = Path(waiting) / path.name
        written.write_text(text, encoding="utf-8")
        boards.load_board(written)
        written.replace(path)
    return boards.load_board(path), path
