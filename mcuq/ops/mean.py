"""MEAN: the mean over some axes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mcuq.arithmetic import Arithmetic
from mcuq.arithmetic.multiplier import quantize_multiplier
from mcuq.arithmetic.shift import right_shift
from mcuq.ir import DType, Value
from mcuq.ops.card import Array, Call, Card, Limit
from mcuq.ops.requirements import INTEGER_INPUT_AND_OUTPUT, factors_fit, quantization_of


@dataclass(frozen=True, slots=True)
class Mean:
    """`axes` are sorted, unique and not negative."""

    axes: tuple[int, ...]
    keep_dims: bool = False


def _infer(attrs: Mean, operands: tuple[Value, ...]) -> tuple[tuple[tuple[int, ...], DType], ...]:
    x = operands[0]
    if not attrs.axes or list(attrs.axes) != sorted(set(attrs.axes)):
        raise ValueError(f"axes {attrs.axes} are not sorted and unique, or there are none")
    if any(axis < 0 or axis >= len(x.shape) for axis in attrs.axes):
        raise ValueError(f"axes {attrs.axes} do not fit a tensor of shape {x.shape}")
    if attrs.keep_dims:
        return ((tuple(1 if i in attrs.axes else n for i, n in enumerate(x.shape)), x.dtype),)
    return ((tuple(n for i, n in enumerate(x.shape) if i not in attrs.axes), x.dtype),)


def count_of(attrs: Mean, x: Value) -> int:
    """How many elements each mean is taken over."""
    return math.prod(x.shape[axis] for axis in attrs.axes)


def multiplier_of(attrs: Mean, x: Value, y: Value) -> tuple[int, int]:
    """`(multiplier, shift)` of in_scale / out_scale / count, folded in integers as TFLite's QuantizedMeanOrSum does."""
    count = count_of(attrs, x)
    multiplier, exponent = quantize_multiplier(quantization_of(x).scale / quantization_of(y).scale)
    shift = min(count.bit_length() - 1, 32, 31 + exponent)
    return (multiplier << shift) // count, exponent - shift


def division_of(attrs: Mean, x: Value, y: Value) -> tuple[int, int]:
    """`(left, divisor)` with mean = (sum << left) / divisor, for scales that are powers of two."""
    right = int(right_shift(*quantize_multiplier(quantization_of(x).scale / quantization_of(y).scale)))
    return max(-right, 0), count_of(attrs, x) << max(right, 0)


def divided(sums: Array, left: int, divisor: int) -> Array:
    """(sums << left) / divisor, halves away from zero."""
    scaled = sums << left
    return np.asarray(np.sign(scaled) * ((np.abs(scaled) + divisor // 2) // divisor))


def _summed_axes(attrs: Mean) -> tuple[int, ...]:
    return tuple(axis + 1 for axis in attrs.axes)


def _shaped(call: Call, values: Array) -> tuple[Array, ...]:
    return (values.reshape((values.shape[0], *call.results[0].shape)),)


def _evaluate(call: Call) -> tuple[Array, ...]:
    return _shaped(call, call.arrays[0].mean(axis=_summed_axes(call.attrs), dtype=np.float32))


def _evaluate_integer(call: Call, arithmetic: Arithmetic) -> tuple[Array, ...]:
    x, y = call.operands[0], call.results[0]
    count = count_of(call.attrs, x)
    sums = call.arrays[0].astype(np.int64).sum(axis=_summed_axes(call.attrs))
    centred = sums - quantization_of(x).zero_point * count
    if arithmetic.stores_multipliers:
        scaled = arithmetic.requantize(centred, *multiplier_of(call.attrs, x, y))
    else:
        scaled = divided(centred, *division_of(call.attrs, x, y))
    scaled = scaled + quantization_of(y).zero_point
    return _shaped(call, np.clip(scaled, y.dtype.minimum, y.dtype.maximum).astype(y.dtype.numpy))


CARD = Card(
    name="MEAN",
    attrs=Mean,
    infer=_infer,
    evaluate=_evaluate,
    evaluate_integer=_evaluate_integer,
    limits=(
        INTEGER_INPUT_AND_OUTPUT,
        factors_fit(lambda call: multiplier_of(call.attrs, call.operands[0], call.results[0])),
        Limit("the input has at most 4 dimensions", lambda call: len(call.operands[0].shape) <= 4),
        Limit("at most 2^23 elements are averaged", lambda call: count_of(call.attrs, call.operands[0]) <= 1 << 23),
    ),
)
