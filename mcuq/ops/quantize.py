"""QUANTIZE: float32 to int8 or int16, or one integer quantization to another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcuq.arithmetic import Arithmetic
from mcuq.arithmetic.multiplier import quantize_multiplier
from mcuq.ir import DTYPES, FLOAT32, INT8, INT16, UINT8, DType, Quantization, Value
from mcuq.ops.card import Array, Call, Card, Limit
from mcuq.ops.requirements import quantization_of


@dataclass(frozen=True, slots=True)
class Quantize:
    """`dtype` names the output's type."""

    dtype: str = "int8"


def _infer(attrs: Quantize, operands: tuple[Value, ...]) -> tuple[tuple[tuple[int, ...], DType], ...]:
    return ((operands[0].shape, next(dtype for dtype in DTYPES if dtype.name == attrs.dtype)),)


def quantize_array(values: Array, q: Quantization, dtype: DType) -> Array:
    """round(value / scale) + zero_point with a float32 quotient, halves away from zero, clamped (quantize.h)."""
    quotient = (values.astype(np.float32) / np.float32(q.scale)).astype(np.float64)
    rounded = np.sign(quotient) * np.floor(np.abs(quotient) + 0.5)
    clipped: Array = np.clip(rounded + q.zero_point, dtype.minimum, dtype.maximum).astype(dtype.numpy)
    return clipped


def _evaluate(call: Call) -> tuple[Array, ...]:
    y = call.results[0]
    return (quantize_array(call.arrays[0], quantization_of(y), y.dtype),)


def _evaluate_integer(call: Call, arithmetic: Arithmetic) -> tuple[Array, ...]:
    x, y = call.operands[0], call.results[0]
    if x.dtype == FLOAT32:
        return _evaluate(call)
    multiplier, shift = _requantisation(x, y)
    centred = call.arrays[0].astype(np.int64) - quantization_of(x).zero_point
    scaled = arithmetic.requantize(centred, multiplier, shift) + quantization_of(y).zero_point
    return (np.clip(scaled, y.dtype.minimum, y.dtype.maximum).astype(y.dtype.numpy),)


def _requantisation(x: Value, y: Value) -> tuple[int, int]:
    """`(multiplier, shift)` of in_scale / out_scale."""
    return quantize_multiplier(quantization_of(x).scale / quantization_of(y).scale)


def _factor_fits(call: Call) -> bool:
    if call.operands[0].dtype == FLOAT32 or not _is_per_tensor(call):
        return True
    try:
        _requantisation(call.operands[0], call.results[0])
    except ValueError:
        return False
    return True


_KNOWN = (
    *((source, target) for source in (INT8, UINT8) for target in (INT8, UINT8)),
    *((INT8, INT16), (INT16, INT8), (INT16, INT16)),
)


def _types_are_known(call: Call) -> bool:
    types = call.operands[0].dtype, call.results[0].dtype
    return types in _KNOWN or (types[0] == FLOAT32 and types[1] in (INT8, INT16, UINT8))


def _is_per_tensor(call: Call) -> bool:
    x, y = call.operands[0].quantization, call.results[0].quantization
    source = call.operands[0].dtype == FLOAT32 or (x is not None and x.is_per_tensor)
    return source and y is not None and y.is_per_tensor


CARD = Card(
    name="QUANTIZE",
    attrs=Quantize,
    infer=_infer,
    evaluate=_evaluate,
    evaluate_integer=_evaluate_integer,
    limits=(
        Limit("float32 becomes int8, int16 or uint8, and int8 may become int16 or uint8 and back", _types_are_known),
        Limit("quantized tensors have one scale and zero point each", _is_per_tensor),
        Limit("the input's scale is below 2^30 times the output's", _factor_fits),
    ),
)
