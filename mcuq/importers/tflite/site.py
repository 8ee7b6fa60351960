"""One operator of the file as the functions in `operators/` see it, and what they make of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mcuq.errors import InvalidModel
from mcuq.importers.tflite import schema
from mcuq.importers.tflite.reader import Table
from mcuq.importers.tflite.refused import Refused
from mcuq.ir import Constant, Tensor, Value


@dataclass(frozen=True, slots=True)
class Site:
    """An operator with its operands; an operand that the file leaves out is None.

    `custom_options` are the raw bytes that a custom operator brings along.
    """

    place: str
    options: Table
    operands: tuple[Value | None, ...]
    results: tuple[Tensor, ...]
    custom_options: bytes = b""

    def operand(self, index: int) -> Value:
        """An operand that the op cannot do without."""
        value = self.operands[index] if index < len(self.operands) else None
        if value is None:
            raise InvalidModel(f"{self.place} lacks its operand {index}")
        return value

    def present(self) -> tuple[Value, ...]:
        """All operands; none may be missing."""
        return tuple(self.operand(index) for index in range(len(self.operands)))

    def whole_numbers(self, index: int, what: str) -> tuple[int, ...]:
        """The elements of a constant operand in row-major order; Refused when it is computed at run time."""
        value = self.operand(index)
        if not isinstance(value, Constant):
            raise Refused(f"{what} are computed at run time")
        if value.dtype.kind != "int" or value.elements > schema.MAX_PARAMETERS:
            raise InvalidModel(f"{self.place}: {what} are {value.dtype.name}{list(value.shape)}")
        return tuple(int(number) for number in value.values.ravel())

    def activation(self) -> str:
        """The name of the fused activation."""
        code = self.options.number("fused_activation_function")
        if not 0 <= code < len(schema.ACTIVATION_OF_CODE):
            raise InvalidModel(f"{self.place} has the unknown fused activation {code}")
        return schema.ACTIVATION_OF_CODE[code]

    def pair(self, rows: str, columns: str) -> tuple[int, int]:
        """Two options that count from 1, as (rows, columns)."""
        found = self.options.number(rows), self.options.number(columns)
        if not all(1 <= number <= schema.MAX_STEP for number in found):
            raise InvalidModel(f"{self.place} has {rows} {found[0]} and {columns} {found[1]}")
        return found

    def axis(self, axis: int, rank: int) -> int:
        """`axis`, counted from the front."""
        if not -rank <= axis < rank:
            raise InvalidModel(f"{self.place} works along axis {axis} of {rank} dimensions")
        return axis % rank


@dataclass(frozen=True, slots=True)
class Reading:
    """What an operator means: the op of a card, the values it reads, its attributes."""

    op: str
    inputs: tuple[Value, ...]
    attrs: Any


@dataclass(frozen=True, slots=True)
class OperatorReader:
    """How one op code is read; `options_type` is the code of its options table, None where any will do."""

    name: str
    read: Callable[[Site], Reading]
    options: schema.Fields
    options_type: int | None = None
