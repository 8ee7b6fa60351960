"""TOML -> Board: finds board files and turns them into checked values."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from mcuq.boards.board import Board
from mcuq.errors import InvalidBoard

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FEATURES = frozenset({"dsp", "fpu", "mve", "mul32"})

_ADAPTER: TypeAdapter[Board] = TypeAdapter(Board)


def find_board(name_or_path: str | Path, folders: Sequence[Path]) -> Board:
    """The board with that name in the first of `folders` that has it, or the one in the .toml file of that path.

    Raises InvalidBoard when there is none, or when its file is wrong.
    """
    text = str(name_or_path)
    if text.endswith(".toml") or "/" in text or "\\" in text:
        return load_board(Path(text))
    for folder in folders:
        path = folder / f"{text}.toml"
        if path.is_file():
            return _load_by_name(path)
    known = ", ".join(sorted({path.stem for path in _board_files(folders)})) or "none"
    raise InvalidBoard(f"there is no board '{text}'; known boards: {known}; a board file can also be given by its path")


def all_boards(folders: Sequence[Path]) -> tuple[Board, ...]:
    """Every board of `folders` by name; a name found twice is taken from the earlier folder.

    Raises InvalidBoard when one of the files is wrong.
    """
    first_of: dict[str, Path] = {}
    for path in _board_files(folders):
        first_of.setdefault(path.stem, path)
    return tuple(_load_by_name(first_of[name]) for name in sorted(first_of))


def _load_by_name(path: Path) -> Board:
    """The board of a folder, which must be called like its file: builds remember the name."""
    board = load_board(path)
    if board.name != path.stem:
        raise InvalidBoard(f"board file {path}: key 'name': is '{board.name}' and must be '{path.stem}', like the file")
    return board


def load_board(path: Path) -> Board:
    """The Board in the TOML file `path`; raises InvalidBoard naming file and key."""
    try:
        table = _renamed(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InvalidBoard(f"board file {path} cannot be read: {error.strerror or error}; check the path") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidBoard(f"board file {path} is not TOML: {error}") from error
    board = _with_own_sources(_checked(table, path), path.parent)
    for problem in _problems(board):
        raise InvalidBoard(f"board file {path}: {problem}")
    return board


def _renamed(table: dict[str, Any]) -> dict[str, Any]:
    """The table [flash] as the field `flashing`: a board's `flash` is the memory."""
    if "flashing" in table:
        return table | {"flashing": "a table [flash] says how a board is flashed"}
    return {("flashing" if key == "flash" else key): value for key, value in table.items()}


def _with_own_sources(board: Board, folder: Path) -> Board:
    """The board with the full paths of those port sources that lie beside its file."""
    own = ((folder / name).resolve() for name in board.port.sources)
    sources = tuple(str(path) if path.is_file() else name for path, name in zip(own, board.port.sources, strict=True))
    return replace(board, port=replace(board.port, sources=sources))


def _board_files(folders: Sequence[Path]) -> Iterator[Path]:
    for folder in folders:
        yield from sorted(folder.glob("*.toml"))


def _checked(table: dict[str, Any], path: Path) -> Board:
    # JSON mode: strict about types, and still takes lists for tuples. `default=str` turns dates into a wrong type.
    try:
        return _ADAPTER.validate_json(json.dumps(table, default=str), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "(top level)"
        reason = "unknown key" if first["type"] == "unexpected_keyword_argument" else first["msg"].lower()
        raise InvalidBoard(f"board file {path}: key '{key}': {reason}") from error


def _problems(board: Board) -> Iterator[str]:
    """What the types alone do not say, most basic first."""
    unknown = sorted(board.features - FEATURES)
    if unknown:
        yield f"key 'features': unknown feature '{unknown[0]}'; known are {', '.join(sorted(FEATURES))}"
    if not board.links:
        yield "key 'run': name at least one way to run it: [run.sim], [run.qemu], [run.gdb] or [run.host]"
    if board.is_host:
        if board.memory:
            yield "key 'memory': a board with [run.host] is a native program and has no memory regions"
        return
    yield from _memory_problems(board)
    if board.clock_hz <= 0:
        yield "key 'clock_hz': must be positive"
    renode = board.run.renode
    if renode is not None and renode.platform is None and not renode.description:
        yield "key 'run.renode': needs `platform`, a file of Renode's tree, or `description`, the text of one"
    if not board.is_bare and (board.port.uart is None or board.port.timer is None):
        yield "key 'port': needs [port.uart] and [port.timer]; a chip without them is reached by a debugger: [run.gdb]"


def _placement_problem(board: Board) -> str | None:
    kinds = {region.name: region.kind for region in board.memory}
    for what, kind in (("stack", "ram"), ("data", "ram"), ("arena", "ram"), ("fast", "ram"), ("rodata", "flash")):
        name = getattr(board.placement, what)
        if name is not None and kinds.get(name) != kind:
            return f"key 'placement.{what}': there is no region '{name}' of kind '{kind}'"
    place = board.placement
    if place.fast is not None and board.fast == board.region_of("arena"):
        return f"key 'placement.fast': region '{place.fast}' already holds the arena; name another one, or leave it out"
    if place.fast_bytes is not None:
        if board.fast is None:
            return "key 'placement.fast_bytes': needs a region, `fast`"
        room = board.room_bytes(board.fast, 0)
        if not 0 < place.fast_bytes <= room:
            return f"key 'placement.fast_bytes': {place.fast_bytes} must be 1 to {room}, what the stack leaves there"
    for region in board.memory:
        if region.same_as is not None and kinds.get(region.same_as) != region.kind:
            return f"key 'memory': region '{region.name}' is the same as '{region.same_as}', which is no such region"
    return None


def _memory_problems(board: Board) -> Iterator[str]:
    if board.flash is None or board.ram is None:
        yield "key 'memory': needs one region of kind 'flash' and one of kind 'ram'"
        return
    wrong_place = _placement_problem(board)
    if wrong_place is not None:
        yield wrong_place
        return
    stack = board.region_of("stack")
    if board.stack_bytes <= 0 or board.stack_bytes % 8 or stack is None or board.stack_bytes > stack.bytes:
        yield f"key 'stack_bytes': {board.stack_bytes} must be a positive multiple of 8 that fits RAM"
    for region in board.memory:
        # The simulator maps pages; linkers want what the widest section is aligned to.
        boundary = 4096 if board.run.sim is not None else 16
        if region.address % boundary or region.bytes % boundary or region.bytes <= 0 or region.end > 1 << 32:
            yield f"key 'memory': region '{region.name}' must start and end on {boundary}-byte boundaries below 2^32"
    regions = sorted(board.memory, key=lambda region: region.address)
    for low, high in itertools.pairwise(regions):
        if low.end > high.address:
            yield f"key 'memory': regions '{low.name}' and '{high.name}' overlap"
