"""The flatbuffer reader: every offset, vtable, length and string is checked before it is followed."""

from __future__ import annotations

import struct

import pytest

from mcuq.errors import InvalidModel
from mcuq.importers.tflite.reader import MAX_NUMBERS, Source, Table
from mcuq.importers.tflite.schema import Field

FIELDS = {
    "byte": Field(0, "int8", 7),
    "word": Field(1, "int32", -1),
    "numbers": Field(2, "[int32]"),
    "text": Field(3, "string"),
    "inner": Field(4, "table"),
    "many": Field(5, "tables"),
    "real": Field(6, "float32", 0.5),
}


def table_of(entries: dict[int, int], body: bytes, vtable_bytes: int | None = None) -> Table:
    """A table at 32 whose vtable, at 0, has these offsets by slot; `body` follows the table's first word."""
    size = vtable_bytes if vtable_bytes is not None else 4 + 2 * (max(entries, default=-1) + 1)
    offsets = [entries.get(slot, 0) for slot in range(14)]
    data = struct.pack("<HH14H", size, min(4 + len(body), 0xFFFF), *offsets) + struct.pack("<i", 32) + body
    return Table.at(Source(data), 32, FIELDS, "the table")


def test_absent_fields_have_defaults() -> None:
    """A field that the file leaves out, by a zero or by a short vtable, is what the schema says."""
    for table in (table_of({}, b""), table_of({0: 0, 1: 0, 6: 0}, b"")):
        assert (table.number("byte"), table.number("word"), table.real("real")) == (7, -1, 0.5)
        assert (table.numbers("numbers"), table.text("text", 9), table.tables("many", FIELDS, "x", 9)) == ((), "", ())
        assert table.table("inner", FIELDS) is None


def test_present_fields_are_read() -> None:
    """Scalars stand in the table, vectors and strings where their offsets point."""
    body = struct.pack("<iI", -5, 4) + struct.pack("<I3i", 3, 1, -2, 3)
    table = table_of({1: 4, 2: 8}, body)
    assert table.number("word") == -5
    assert table.numbers("numbers") == (1, -2, 3)


def test_text_is_cut_and_mended() -> None:
    """No more of a string than asked for is taken, and bytes that are not UTF-8 are replaced."""
    table = table_of({3: 4}, struct.pack("<II", 4, 5) + b"ab\xffcd")
    assert table.text("text", 99) == "ab\ufffdcd"
    assert table.text("text", 2) == "ab"


@pytest.mark.parametrize("size", [0, 2, 3, 5, 0xFFFF, 0x7FFE])
def test_vtables_of_impossible_size(size: int) -> None:
    """A vtable has an even number of at least four bytes and lies in the file."""
    with pytest.raises(InvalidModel, match="the table"):
        table_of({}, b"", size)


@pytest.mark.parametrize("back", [33, -(1 << 31), (1 << 31) - 1, -100])
def test_vtables_outside_of_the_file(back: int) -> None:
    """The way to the vtable is signed and stays in the file."""
    data = bytes(32) + struct.pack("<i", back)
    with pytest.raises(InvalidModel, match="outside of the file"):
        Table.at(Source(data), 32, FIELDS, "the table")


@pytest.mark.parametrize("position", [-1, 33, 1 << 40])
def test_tables_outside_of_the_file(position: int) -> None:
    """A table starts in the file."""
    with pytest.raises(InvalidModel, match="outside of the file"):
        Table.at(Source(bytes(36)), position, FIELDS, "the table")


@pytest.mark.parametrize(
    ("entries", "body", "read"),
    [
        ({1: 4}, b"\0\0\0", lambda t: t.number("word")),
        ({1: 0xFFFF}, bytes(4), lambda t: t.number("word")),
        ({2: 4}, struct.pack("<I", 1 << 31), lambda t: t.numbers("numbers")),
        ({2: 4}, struct.pack("<II", 4, 1), lambda t: t.numbers("numbers")),
        ({2: 4}, struct.pack("<II", 4, 0xFFFFFFFF), lambda t: t.numbers("numbers")),
        ({3: 4}, struct.pack("<II", 4, 2) + b"a", lambda t: t.text("text", 1)),
        ({4: 4}, struct.pack("<I", 400), lambda t: t.table("inner", FIELDS)),
        ({5: 4}, struct.pack("<III", 4, 1, 400), lambda t: t.tables("many", FIELDS, "x", 9)),
        ({6: 5}, bytes(4), lambda t: t.real("real")),
    ],
)
def test_fields_outside_of_the_file(entries: dict[int, int], body: bytes, read: object) -> None:
    """Whatever a field points at lies in the file, to its last byte."""
    table = table_of(entries, body)
    with pytest.raises(InvalidModel, match="outside of the file"):
        read(table)  # type: ignore[operator]


def test_a_table_may_point_at_itself() -> None:
    """Tables are followed as far as they are asked for, so that a circle is no trap."""
    inner = table_of({4: 4}, struct.pack("<i", -4)).source
    with pytest.raises(InvalidModel):
        Table.at(inner, 32, FIELDS, "the table").table("inner", FIELDS)
    data = struct.pack("<HH5H", 14, 8, 0, 0, 0, 0, 4) + bytes(2) + struct.pack("<iI", 16, 0)
    circle = Table.at(Source(data), 16, FIELDS, "the table")
    with pytest.raises(InvalidModel):
        circle.table("inner", FIELDS)


def test_counts_are_bounded() -> None:
    """Vectors of tables and of numbers have as many entries as a model can need."""
    table = table_of({5: 4}, struct.pack("<II", 4, 3) + bytes(12))
    with pytest.raises(InvalidModel, match="at most 2"):
        table.tables("many", FIELDS, "x", 2)
    long = table_of({2: 4}, struct.pack("<II", 4, MAX_NUMBERS + 1) + bytes(4 * MAX_NUMBERS + 4))
    with pytest.raises(InvalidModel, match=f"at most {MAX_NUMBERS}"):
        long.numbers("numbers")


def test_reading_the_same_bytes_again_and_again_ends() -> None:
    """The file's parts may be shared, but not so often that a small file makes endless work."""
    table = table_of({3: 4}, struct.pack("<II", 4, 100_000) + bytes(100_000))

    def read_often() -> list[str]:
        return [table.text("text", 1) for _ in range(100)]

    with pytest.raises(InvalidModel, match="overlap"):
        read_often()
