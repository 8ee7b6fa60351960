"""What ADD, SUB and MUL share: attributes, broadcasting, limits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcuq.arithmetic import Arithmetic
from mcuq.arithmetic.multiplier import quantize_multiplier
from mcuq.ir import INT16, DType, Value
from mcuq.ops.activation import NONE, SUPPORTED, clamp_integer
from mcuq.ops.card import Array, Call, Limit
from mcuq.ops.requirements import AT_MOST_4_DIMENSIONS, INTEGER_OPERANDS, quantization_of

LEFT_SHIFT = 20  # extra bits that both operands of ADD and SUB get before they are scaled
INT16_LEFT_SHIFT = 15


@dataclass(frozen=True, slots=True)
class Binary:
    """An elementwise op with a fused activation."""

    activation: str = NONE


BINARY_LIMITS = (INTEGER_OPERANDS, AT_MOST_4_DIMENSIONS, *SUPPORTED)


def infer_binary(attrs: Binary, operands: tuple[Value, ...]) -> tuple[tuple[tuple[int, ...], DType], ...]:
    """The broadcast shape; ValueError when the shapes do not broadcast."""
    a, b = operands
    if a.dtype != b.dtype:
        raise ValueError(f"operands of type {a.dtype.name} and {b.dtype.name} do not go together")
    return ((tuple(int(n) for n in np.broadcast_shapes(a.shape, b.shape)), a.dtype),)


def aligned(call: Call) -> tuple[Array, Array]:
    """Both arrays with the output's rank behind the sample axis, so that numpy broadcasts them."""
    rank = len(call.results[0].shape)

    def lift(array: Array) -> Array:
        return array.reshape((array.shape[0], *(1,) * (rank - array.ndim + 1), *array.shape[1:]))

    return lift(call.arrays[0]), lift(call.arrays[1])


@dataclass(frozen=True, slots=True)
class SumMultipliers:
    """`(multiplier, shift)` of both operands and of the sum."""

    first: tuple[int, int]
    second: tuple[int, int]
    output: tuple[int, int]


def left_shift_of(operand: Value) -> int:
    """The extra bits that operands of that type get."""
    return INT16_LEFT_SHIFT if operand.dtype == INT16 else LEFT_SHIFT


def sum_multipliers(a: Value, b: Value, y: Value) -> SumMultipliers:
    """The three factors of ADD and SUB: operands over twice the larger scale, the sum back to the output's (add.cc)."""
    extra_bits = left_shift_of(a)
    first, second, output = (quantization_of(value).scale for value in (a, b, y))
    twice_larger = 2 * max(first, second)
    return SumMultipliers(
        quantize_multiplier(first / twice_larger),
        quantize_multiplier(second / twice_larger),
        quantize_multiplier(twice_larger / ((1 << extra_bits) * output)),
    )


def _sum_fits(call: Call) -> bool:
    scales = [value.quantization.scales[0] for value in (*call.operands, *call.results) if value.quantization]
    return len(scales) < 3 or 2 * max(scales[:2]) < (1 << left_shift_of(call.operands[0])) * scales[2]


# TFLM stops the program where the factor of the sum is 1 or more.
SUM_LIMITS = (
    *BINARY_LIMITS,
    Limit("the output's scale is more than 2^-19 (int16: 2^-14) of the greater operand's", _sum_fits),
)


def evaluate_sum(call: Call, arithmetic: Arithmetic, sign: int) -> tuple[Array, ...]:
    """a + sign * b, each scaled with extra bits, as TFLM's integer_ops/add.h."""
    (a, b), y = call.operands, call.results[0]
    factors = sum_multipliers(a, b, y)

    def scaled(value: Value, array: Array, factor: tuple[int, int]) -> Array:
        centred = (array.astype(np.int64) - quantization_of(value).zero_point) << left_shift_of(value)
        return arithmetic.requantize(centred, factor[0], factor[1])

    first, second = aligned(call)
    total = scaled(a, first, factors.first) + sign * scaled(b, second, factors.second)
    result = arithmetic.requantize(total, factors.output[0], factors.output[1])
    return (clamp_integer(call.attrs.activation, result + quantization_of(y).zero_point, y),)
