"""Registers that keep what is written, some of whose bits follow others, as those of a clock that gets ready."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Follow:
    """Bits `mask` of the register at `offset` read as those of the register at `source`, moved up by `shift`."""

    offset: int
    mask: int
    source: int
    shift: int


class RegisterFile:
    """32-bit registers: what was written last, or `reset`, with the bits that `follows` names put in.

    `inverted` bits are set while their source is clear.
    """

    def __init__(
        self, follows: Iterable[Follow] = (), reset: Mapping[int, int] | None = None, inverted: Iterable[Follow] = ()
    ) -> None:
        self._follows = tuple((follow, 0) for follow in follows) + tuple((follow, -1) for follow in inverted)
        self._values = dict(reset or {})

    def read(self, offset: int) -> int:
        """What a port reads."""
        value = self._values.get(offset, 0)
        for follow, flip in self._follows:
            if follow.offset == offset:
                source = self._values.get(follow.source, 0) ^ flip
                moved = source << follow.shift if follow.shift >= 0 else source >> -follow.shift
                value = (value & ~follow.mask) | (moved & follow.mask)
        return value & 0xFFFF_FFFF

    def write(self, offset: int, value: int) -> None:
        """Keep it."""
        self._values[offset] = value & 0xFFFF_FFFF
