"""What a layout says: where an ecosystem wants a model's files, and which files of its own it adds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Layout:
    """One ecosystem.

    `sources` and `headers` are folders ("" is the root): the first for C files and the headers that only they include,
    the second for what an application includes. `files` are (template below templates/layouts, path); "{name}" in a
    path is the model's name, "{Name}" the name of a package.
    """

    name: str
    purpose: str
    sources: str
    headers: str
    files: tuple[tuple[str, str], ...]
    console: str = "stdio.h"


MAIN = "shared/main.c.j2"
COOPERATIVE = "shared/cooperative.c.j2"
