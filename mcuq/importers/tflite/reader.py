"""Reading flatbuffers that may be hostile: every offset, vtable, length and string is checked against the file."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from mcuq.errors import InvalidModel
from mcuq.importers.tflite.schema import SCALARS, VECTORS, Field

# A sound file reads each byte about once, shared vectors a few times. More means that tables overlap to make work.
READS_PER_FILE_BYTE = 16
READS_AT_LEAST_BYTES = 1 << 20
MAX_NUMBERS = 1 << 16  # of one vector of shapes, operands, scales ...


class Source:
    """The bytes of one file, and how many more of them may be read."""

    __slots__ = ("_allowance_bytes", "data")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._allowance_bytes = READS_PER_FILE_BYTE * len(data) + READS_AT_LEAST_BYTES

    def read(self, layout: str, position: int, place: str) -> tuple[int, ...]:
        """The little-endian numbers of `layout` (struct's letters) at `position`."""
        try:
            return struct.unpack_from("<" + layout, self.data, self.check(position, 0, place))
        except struct.error:
            raise InvalidModel(f"{place} points outside of the file ({len(self.data)} bytes)") from None

    def check(self, position: int, size_bytes: int, place: str) -> int:
        """`position`, once the span is known to lie inside the file; InvalidModel otherwise."""
        if position < 0 or size_bytes < 0 or position + size_bytes > len(self.data):
            raise InvalidModel(f"{place} points outside of the file ({len(self.data)} bytes)")
        self._allowance_bytes -= size_bytes
        if self._allowance_bytes < 0:
            raise InvalidModel(f"{place}: the parts of the file overlap, far more is read than it holds")
        return position

    def span(self, position: int, width_bytes: int, place: str) -> tuple[int, int]:
        """`(start, count)` of the vector whose length stands at `position`, elements of `width_bytes`."""
        (count,) = self.read("I", position, place)
        return self.check(position + 4, count * width_bytes, place), count


@dataclass(frozen=True, slots=True)
class Table:
    """One flatbuffer table; fields are asked for by the names of its schema and default as the schema says.

    Every method raises InvalidModel with the place when the field points outside of the file.
    """

    source: Source
    position: int
    vtable: int
    vtable_bytes: int
    fields: Mapping[str, Field]
    place: str

    @classmethod
    def at(cls, source: Source, position: int, fields: Mapping[str, Field], place: str) -> Table:
        """The table at `position`."""
        (back,) = source.read("i", position, place)
        (vtable_bytes,) = source.read("H", position - back, place)
        if vtable_bytes < 4 or vtable_bytes % 2:
            raise InvalidModel(f"{place} has a vtable of {vtable_bytes} bytes")
        vtable = source.check(position - back, vtable_bytes, place)
        return cls(source, position, vtable, vtable_bytes, fields, place)

    def without_fields(self, fields: Mapping[str, Field]) -> Table:
        """A table in this place in which every field of `fields` has its default."""
        return Table(self.source, self.position, 0, 0, fields, self.place)

    def _where(self, name: str) -> int | None:
        """Where the field's bytes start, or None where the file leaves it out."""
        entry = 4 + 2 * self.fields[name].slot
        if entry + 2 > self.vtable_bytes:
            return None
        (offset,) = self.source.read("H", self.vtable + entry, self.place)
        return self.position + offset if offset else None

    def _follow(self, name: str) -> int | None:
        """What the offset in the field points at, or None where the file leaves it out."""
        where = self._where(name)
        if where is None:
            return None
        (offset,) = self.source.read("I", where, f"{self.place}, {name},")
        return where + offset

    def number(self, name: str) -> int:
        """An integer field."""
        field, where = self.fields[name], self._where(name)
        if where is None:
            return int(field.default)
        return self.source.read(SCALARS[field.kind], where, f"{self.place}, {name},")[0]

    def real(self, name: str) -> float:
        """A float field."""
        field, where = self.fields[name], self._where(name)
        if where is None:
            return float(field.default)
        return float(self.source.read(SCALARS[field.kind], where, f"{self.place}, {name},")[0])

    def numbers(self, name: str) -> tuple[int, ...]:
        """A vector of integers; empty where the file leaves it out."""
        letter, width_bytes = VECTORS[self.fields[name].kind]
        where = self._follow(name)
        if where is None:
            return ()
        start, count = self.source.span(where, width_bytes, f"{self.place}, {name},")
        if count > MAX_NUMBERS:
            raise InvalidModel(f"{self.place}, {name}, has {count} numbers; at most {MAX_NUMBERS} are read")
        return self.source.read(f"{count}{letter}", start, f"{self.place}, {name},")

    def reals(self, name: str) -> tuple[float, ...]:
        """A vector of floats; empty where the file leaves it out."""
        return tuple(map(float, self.numbers(name)))

    def span(self, name: str) -> tuple[int, int]:
        """`(start, bytes)` of a vector of bytes in the file; (0, 0) where the file leaves it out."""
        where = self._follow(name)
        return (0, 0) if where is None else self.source.span(where, 1, f"{self.place}, {name},")

    def text(self, name: str, at_most_bytes: int) -> str:
        """A string, cut at `at_most_bytes`; bytes that are not UTF-8 are replaced, names being only names."""
        start, size_bytes = self.span(name)
        return self.source.data[start : start + min(size_bytes, at_most_bytes)].decode("utf-8", "replace")

    def table(self, name: str, fields: Mapping[str, Field]) -> Table | None:
        """The table that the field points at, read with the schema `fields`."""
        where = self._follow(name)
        return None if where is None else Table.at(self.source, where, fields, f"{self.place}, {name}")

    def tables(self, name: str, fields: Mapping[str, Field], noun: str, at_most: int) -> tuple[Table, ...]:
        """The tables of a vector; each is spoken of as "`noun` index"."""
        where = self._follow(name)
        if where is None:
            return ()
        place = f"{self.place}, {name},"
        start, count = self.source.span(where, 4, place)
        if count > at_most:
            raise InvalidModel(f"{place} has {count} entries; at most {at_most} are read")
        offsets = self.source.read(f"{count}I", start, place)
        return tuple(
            Table.at(self.source, start + 4 * index + offset, fields, f"{noun} {index}")
            for index, offset in enumerate(offsets)
        )
