"""QUANTIZE: float32 to int8, or one 8-bit quantization to another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcuq.arithmetic import Arithmetic
from mcuq.arithmetic.multiplier import quantize_multiplier
from mcuq.ir import DTYPES, FLOAT32, INT8, UINT8, DType, Quantization, Value
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
    multiplier, shift = quantize_multiplier(quantization_of(x).scale / quantization_of(y).scale)
    centred = call.arrays[0].astype(np.int64) - quantization_of(x).zero_point
    scaled = arithmetic.requantize(centred, multiplier, shift) + quantization_of(y).zero_point
    return (np.clip(scaled, y.dtype.minimum, y.dtype.maximum).astype(y.dtype.numpy),)


def _types_are_known(call: Call) -> bool:
    return call.operands[0].dtype in (FLOAT32, INT8, UINT8) and call.results[0].dtype in (INT8, UINT8)


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
        Limit("the input is float32, int8 or uint8, the output int8 or uint8", _types_are_known),
        Limit("quantized tensors have one scale and zero point each", _is_per_tensor),
    ),
)
