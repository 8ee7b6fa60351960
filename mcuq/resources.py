"""Where templates/, firmware/ and boards/ lie: in a checkout beside the package, in a wheel inside it."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """The folder `name` of mcuq's own data files.

    Raises FileNotFoundError when the installation is incomplete.
    """
    for candidate in (_PACKAGE / "_data" / name, _PACKAGE.parent / name):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"mcuq's folder '{name}' is missing from this installation; reinstall mcuq")


def templates() -> Path:
    """Jinja templates."""
    return folder("templates")


def firmware() -> Path:
    """C sources and headers that are compiled as they are."""
    return folder("firmware")


def licence() -> str:
    """The text of mcuq's licence."""
    for candidate in (_PACKAGE.parent / "LICENSE", _PACKAGE / "_data" / "LICENSE"):
        if candidate.is_file():
            return candidate.read_text(encoding="utf-8")
    raise FileNotFoundError("mcuq's LICENSE is missing from this installation; reinstall mcuq")


def boards() -> Path:
    """The board files that come with mcuq."""
    return folder("boards")
