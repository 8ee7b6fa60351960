"""The Sources: generated C, as text, before anything is written to disk."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file; `path` is relative with forward slashes, `role` is one of the following.

    `model`, `header` and `selftest` are what a user embeds, `monitors` names what counters of the field mean,
    `firmware` is the glue of mcuq's own firmware, `layout` is metadata of an ecosystem, `example` is the start of an
    application and belongs to the user once it is written.
    """

    path: str
    text: str
    role: str


@dataclass(frozen=True, slots=True)
class Sources:
    """All files of one model; `name` prefixes every symbol, `model_hash` is the hex SHA-256 of the saved graph."""

    name: str
    model_hash: str
    files: tuple[SourceFile, ...]

    def of_role(self, *roles: str) -> tuple[SourceFile, ...]:
        """The files of these roles, in order."""
        return tuple(file for file in self.files if file.role in roles)
