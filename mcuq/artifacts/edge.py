"""An edge between two blocks of executed code: what a simulator counts and a timing table prices."""

from __future__ import annotations

from typing import NamedTuple


class Edge(NamedTuple):
    """The block [address, address + bytes) ran after the block at `previous` (0 bytes: unknown)."""

    previous: int
    previous_bytes: int
    address: int
    bytes: int
