"""Elementwise ops of one int8 operand: 256 inputs, so a table says everything."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from mcuq.arithmetic.arithmetic import Integers
from mcuq.arithmetic.multiplier import input_radius, quantize_multiplier
from mcuq.arithmetic.tflm import multiply_by_quantized_multiplier, rounding_divide_by_power_of_two
from mcuq.ir import INT16, DType, Tensor, Value
from mcuq.ops.card import Array, Call, Limit
from mcuq.ops.requirements import INTEGER_INPUT_AND_OUTPUT, quantization_of

INTEGER_BITS = 4  # of the fixed-point argument of LOGISTIC and TANH


def infer_unary(attrs: object, operands: tuple[Value, ...]) -> tuple[tuple[tuple[int, ...], DType], ...]:
    """The operand's own shape and type."""
    return ((operands[0].shape, operands[0].dtype),)


def output_is(scale: float, zero_point: int) -> Limit:
    """The limit that an int8 output has this quantization, and an int16 one scale 1/32768 and zero point 0."""

    def holds(call: Call) -> bool:
        q = call.results[0].quantization
        wanted = (1 / 32768, 0) if call.results[0].dtype == INT16 else (scale, zero_point)
        return q is None or (q.scales, q.zero_points) == ((wanted[0],), (wanted[1],))

    return Limit(f"the output has scale 1/{round(1 / scale)} and zero point {zero_point} (int16: 1/32768 and 0)", holds)


def _scale_is_sound(call: Call) -> bool:
    q = call.operands[0].quantization
    return q is None or 2**-24 < q.scales[0] < (2 if call.operands[0].dtype == INT16 else 8)


SOUND_INPUT_SCALE = Limit("the input scale lies between 2^-24 and 8 (int16: 2)", _scale_is_sound)
CURVE_LIMITS = (INTEGER_INPUT_AND_OUTPUT, SOUND_INPUT_SCALE)


def evaluate_curve(
    call: Call, curve: Callable[[Integers, int], Integers], output_bits: int, output: Tensor
) -> tuple[Array, ...]:
    """A fixed-point curve of 4 integer bits, saturated outside of its input range (integer_ops/logistic.h, tanh.h).

    `output_bits` fractional bits are kept of the curve's 31.
    """
    q = quantization_of(call.operands[0])
    multiplier, shift = quantize_multiplier(q.scale * (1 << (31 - INTEGER_BITS)))
    radius = input_radius(INTEGER_BITS, shift)
    centred = call.arrays[0].astype(np.int64) - q.zero_point
    inside = np.clip(centred, -radius, radius)
    raw = curve(multiply_by_quantized_multiplier(inside, multiplier, shift), INTEGER_BITS)
    values = rounding_divide_by_power_of_two(raw, 31 - output_bits) + quantization_of(output).zero_point
    values = np.clip(values, output.dtype.minimum, output.dtype.maximum)
    values = np.where(centred <= -radius, output.dtype.minimum, values)
    values = np.where(centred >= radius, output.dtype.maximum, values)
    return (values.astype(output.dtype.numpy),)


def relu_multiplier(x: Value, y: Value) -> tuple[int, int]:
    """`(multiplier, shift)` of in_scale / out_scale, in double, as TFLM's activations."""
    ratio = quantization_of(x).scale / quantization_of(y).scale
    if not math.isfinite(ratio):
        raise ValueError("the scales do not go together")
    return quantize_multiplier(ratio)
