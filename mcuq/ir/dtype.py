"""Element types: how many bits, which numbers, which C type."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class DType:
    """One element type; `bits` is the packed width, `c` the C type that holds one element that is not packed."""

    name: str
    bits: int
    kind: str
    c: str

    @property
    def numpy(self) -> npt.DTypeLike:
        """The numpy type that holds one element; integers of less than 8 bits are held in bytes."""
        return np.dtype(self.name) if self.bits >= 8 else np.dtype(np.int8 if self.kind == "int" else np.uint8)

    @property
    def is_integer(self) -> bool:
        """Whether the elements are whole numbers."""
        return self.kind in ("int", "uint")

    @property
    def minimum(self) -> int:
        """The least value of an integer type."""
        return -(1 << (self.bits - 1)) if self.kind == "int" else 0

    @property
    def maximum(self) -> int:
        """The greatest value of an integer type."""
        return (1 << (self.bits - 1)) - 1 if self.kind == "int" else (1 << self.bits) - 1

    def bytes_of(self, elements: int) -> int:
        """Bytes that `elements` packed elements take."""
        return (elements * self.bits + 7) // 8


INT4 = DType("int4", 4, "int", "int8_t")  # for weights
INT8 = DType("int8", 8, "int", "int8_t")
UINT8 = DType("uint8", 8, "uint", "uint8_t")
INT16 = DType("int16", 16, "int", "int16_t")
INT32 = DType("int32", 32, "int", "int32_t")
INT64 = DType("int64", 64, "int", "int64_t")
FLOAT32 = DType("float32", 32, "float", "float")
FLOAT16 = DType("float16", 16, "float", "uint16_t")  # IEEE half precision, for constants; C sees the bits
BOOL = DType("bool", 8, "bool", "bool")

DTYPES = (INT4, INT8, UINT8, INT16, INT32, INT64, FLOAT32, FLOAT16, BOOL)
