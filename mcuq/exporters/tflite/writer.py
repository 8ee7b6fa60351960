"""Writing flatbuffer tables: fields by slot, over the `flatbuffers` package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

DATA_ALIGNMENT_BYTES = 16  # of buffers, as TFLite asks for


class Cell(NamedTuple):
    """One field of a table: its kind ("int8", ..., "offset") and its value; defaults are written too."""

    kind: str
    value: Any


class Writer:
    """A flatbuffer under construction; methods give offsets to be put into tables."""

    def __init__(self) -> None:
        import flatbuffers  # only exporters need it

        self._builder = flatbuffers.Builder(1 << 16)
        self._builder.ForceDefaults(True)

    def table(self, cells: Mapping[int, Cell]) -> int:
        """A table with these fields by slot."""
        builder = self._builder
        put = {
            "bool": builder.PrependBoolSlot,
            "int8": builder.PrependInt8Slot,
            "uint8": builder.PrependUint8Slot,
            "int32": builder.PrependInt32Slot,
            "uint32": builder.PrependUint32Slot,
            "uint64": builder.PrependUint64Slot,
            "float32": builder.PrependFloat32Slot,
            "offset": builder.PrependUOffsetTRelativeSlot,
        }
        builder.StartObject(max(cells, default=-1) + 1)
        for slot, cell in cells.items():
            put[cell.kind](slot, cell.value, 0)
        return int(builder.EndObject())

    def text(self, text: str) -> int:
        """A string."""
        return int(self._builder.CreateString(text))

    def numbers(self, values: Sequence[float], dtype: str) -> int:
        """A vector of numbers of that numpy type."""
        return int(self._builder.CreateNumpyVector(np.array(values, dtype)))

    def data(self, raw: bytes) -> int:
        """A vector of bytes that starts on a boundary of 16 bytes in the file."""
        builder = self._builder
        builder.StartVector(1, len(raw), DATA_ALIGNMENT_BYTES)
        builder.head = builder.head - len(raw)
        builder.Bytes[builder.head : builder.head + len(raw)] = raw
        return int(builder.EndVector())

    def offsets(self, offsets: Sequence[int]) -> int:
        """A vector of tables."""
        self._builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self._builder.PrependUOffsetTRelative(offset)
        return int(self._builder.EndVector())

    def finish(self, root: int, identifier: bytes) -> bytes:
        """The finished file."""
        self._builder.Finish(root, file_identifier=identifier)
        return bytes(self._builder.Output())
