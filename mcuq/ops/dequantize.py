"""DEQUANTIZE: int8 (or int16, uint8) to float32; float16 constants too, which vanish at import."""

from __future__ import annotations

import numpy as np

from mcuq.arithmetic import Arithmetic
from mcuq.ir import FLOAT16, FLOAT32, INT8, INT16, UINT8, Constant, DType, Quantization, Value
from mcuq.ops.card import Array, Call, Card, Limit, NoAttrs, OutputQuantization
from mcuq.ops.requirements import quantization_of


def _infer(attrs: NoAttrs, operands: tuple[Value, ...]) -> tuple[tuple[tuple[int, ...], DType], ...]:
    return ((operands[0].shape, FLOAT32),)


def dequantize_array(values: Array, q: Quantization) -> Array:
    """scale * (q - zero_point) in float32 (the product has too few bits for a second rounding; dequantize.h)."""
    return (np.float32(q.scale) * (values.astype(np.int32) - q.zero_point).astype(np.float32)).astype(np.float32)


def _evaluate(call: Call) -> tuple[Array, ...]:
    if call.operands[0].dtype == FLOAT16:
        return (call.arrays[0].astype(np.float32),)
    return (dequantize_array(call.arrays[0], quantization_of(call.operands[0])),)


def _evaluate_integer(call: Call, arithmetic: Arithmetic) -> tuple[Array, ...]:
    return _evaluate(call)


def _is_quantized(call: Call) -> bool:
    x = call.operands[0]
    if x.dtype == FLOAT16:
        return isinstance(x, Constant)
    return x.dtype in (INT8, INT16, UINT8) and x.quantization is not None and x.quantization.is_per_tensor


CARD = Card(
    name="DEQUANTIZE",
    attrs=NoAttrs,
    infer=_infer,
    evaluate=_evaluate,
    evaluate_integer=_evaluate_integer,
    limits=(
        Limit("the input is int8, int16 or uint8 with one scale and zero point, or a float16 constant", _is_quantized),
    ),
    output_quantization=OutputQuantization.NONE,
)
