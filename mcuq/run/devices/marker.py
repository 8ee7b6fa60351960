"""The marker pin of a board: the registers that move it, and every change of its level."""

from __future__ import annotations

from mcuq.boards import Marker


class MarkerPin:
    """The registers from the lowest that the marker names on: what was written is read back, and edges are kept."""

    def __init__(self, marker: Marker) -> None:
        self._marker = marker
        page = marker.high[0] & ~0xFFF
        named = [marker.high[0], marker.low[0], *(access[0] for access in marker.setup)]
        self.address = min(address for address in named if address & ~0xFFF == page)
        self._registers: dict[int, int] = {}
        self._is_high: bool | None = None
        self._edges: list[bool] = []

    @property
    def edges(self) -> tuple[bool, ...]:
        """Every change of level since the first level was set: True is a rise."""
        return tuple(self._edges)

    def read(self, offset: int) -> int:
        """What was written last."""
        return self._registers.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        """A level where address and value are those of the marker."""
        self._registers[offset] = value
        written = (self.address + offset, value)
        if written in (self._marker.high, self._marker.low):
            is_high = written == self._marker.high
            if self._is_high is not None and is_high != self._is_high:
                self._edges.append(is_high)
            self._is_high = is_high
