"""A folder of files, one a sample; where the files lie in sub-folders, these are the classes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mcuq.errors import InvalidData


@dataclass(frozen=True, slots=True)
class Folder:
    """The files in a fixed order, and the class number of each; `classes` are the sub-folders' names, sorted."""

    path: Path
    files: tuple[Path, ...]
    labels: tuple[int, ...] | None
    classes: tuple[str, ...]


def find_files(path: Path, suffixes: tuple[str, ...]) -> Folder:
    """All files with one of these suffixes; raises InvalidData where some lie in sub-folders and some do not."""
    files = sorted(file for file in path.rglob("*") if file.suffix.lower() in suffixes and file.is_file())
    deep = [file for file in files if file.parent != path]
    if not deep:
        return Folder(path, tuple(files), None, ())
    if len(deep) < len(files):
        loose = next(file for file in files if file.parent == path)
        raise InvalidData(
            f"'{path}' holds files in sub-folders, whose names are the classes, and '{loose.name}' beside them; "
            "move it into one"
        )
    classes = tuple(sorted({file.relative_to(path).parts[0] for file in files}))
    labels = tuple(classes.index(file.relative_to(path).parts[0]) for file in files)
    return Folder(path, tuple(files), labels, classes)


def has_files(path: Path, suffixes: tuple[str, ...]) -> bool:
    """Whether there is any file with one of these suffixes."""
    return any(file.suffix.lower() in suffixes for file in path.rglob("*"))
