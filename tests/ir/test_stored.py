"""Elements as bytes of a file: narrow ones packed from the lowest bit on, all others little-endian."""

from __future__ import annotations

import numpy as np
import pytest

from mcuq.errors import IllegalGraph
from mcuq.ir import BOOL, DTYPES, INT4, Constant, DType, Graph, verify
from mcuq.ir.stored import pack_bits, stored_bytes, stored_elements, unpack_bits


def _every_value(dtype: DType) -> np.ndarray:
    rng = np.random.default_rng(dtype.bits)
    if dtype == BOOL:
        return rng.random((3, 5)) < 0.5
    if not dtype.is_integer:
        return rng.normal(size=(3, 5)).astype(dtype.numpy)
    return rng.integers(dtype.minimum, dtype.maximum, (3, 5), dtype.numpy, endpoint=True)


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: dtype.name)
def test_elements_come_back(dtype: DType) -> None:
    """What is stored is read again, wherever it stands, in as many bytes as the type says, and cannot be written to."""
    values = _every_value(dtype)
    data = stored_bytes(values, dtype)
    assert len(data) == dtype.bytes_of(values.size)
    read = stored_elements(b"\1\2\3\4\5\6\7\10" + data, 8, values.shape, dtype)
    assert read.dtype == dtype.numpy
    assert not read.flags.writeable
    np.testing.assert_array_equal(read, values)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", range(1, 8))
def test_any_width_packs(bits: int, signed: bool) -> None:
    """Widths that do not divide a byte pack as well, without gaps."""
    low, high = (-(1 << (bits - 1)), 1 << (bits - 1)) if signed else (0, 1 << bits)
    values = np.random.default_rng(bits).integers(low, high, 29)
    packed = pack_bits(values, bits)
    assert packed.size == (29 * bits + 7) // 8
    np.testing.assert_array_equal(unpack_bits(packed, bits, 29, signed=signed), values)


def test_the_first_int4_stands_in_the_low_half() -> None:
    """Two int4 numbers a byte, as TFLite stores them; an odd one leaves the upper half 0."""
    assert stored_bytes(np.array([1, -8, -1], np.int8), INT4) == b"\x81\x0f"


@pytest.mark.parametrize("wrong", [-9, 8])
def test_a_number_beyond_int4_is_no_int4(wrong: int) -> None:
    """A graph whose int4 constant holds more than int4 can is not legal, so that packing never cuts a number."""
    values = np.array([0, wrong], np.int8)
    graph = Graph("g", {"w": Constant("w", (2,), INT4, None, values)}, (), (), ())
    with pytest.raises(IllegalGraph, match=f"int4 holds .*{wrong}"):
        verify(graph)
