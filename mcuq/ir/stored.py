"""The elements of a constant as the bytes of a file: row-major, little-endian, less than 8 bits packed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq.ir.dtype import DType

Array = npt.NDArray[Any]


def pack_bits(values: Array, bits: int) -> npt.NDArray[np.uint8]:
    """The low `bits` of every element one after another, from the lowest bit of the first byte on, then zeros."""
    digits = values.astype(np.uint8).reshape(-1, 1) >> np.arange(bits, dtype=np.uint8) & 1
    return np.packbits(digits, bitorder="little")


def unpack_bits(packed: npt.NDArray[np.uint8], bits: int, count: int, *, signed: bool) -> Array:
    """The `count` elements that `pack_bits` put into these bytes, as int8 or uint8."""
    digits = np.unpackbits(packed, count=count * bits, bitorder="little").reshape(count, bits)
    codes = np.packbits(digits, axis=1, bitorder="little").reshape(count)
    if not signed:
        return codes
    top = np.uint8(1 << (bits - 1))
    return ((codes ^ top) - top).view(np.int8)


def stored_bytes(values: Array, dtype: DType) -> bytes:
    """`values`, elements of `dtype`, as `dtype.bytes_of(values.size)` bytes."""
    if dtype.bits < 8:
        return pack_bits(values, dtype.bits).tobytes()
    return values.astype(np.dtype(dtype.numpy).newbyteorder("<")).tobytes()


def stored_elements(data: bytes, start: int, shape: tuple[int, ...], dtype: DType) -> Array:
    """The elements that stand at `start`, read-only; ValueError where the data ends too early."""
    count = math.prod(shape)
    if dtype.bits < 8:
        packed = np.frombuffer(data, np.uint8, dtype.bytes_of(count), start)
        values = unpack_bits(packed, dtype.bits, count, signed=dtype.minimum < 0)
    elif dtype.kind == "bool":
        values = np.frombuffer(data, np.uint8, count, start) != 0
    else:
        little_endian = np.dtype(dtype.numpy).newbyteorder("<")
        values = np.frombuffer(data, little_endian, count, start).astype(dtype.numpy, copy=False)
    values = values.reshape(shape)
    values.setflags(write=False)
    return values
