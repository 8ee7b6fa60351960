"""What convolutions and fully connected layers share: weight limits, multipliers, bias, requantisation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mcuq.arithmetic import Arithmetic
from mcuq.arithmetic.int16x8 import SUM_LIMIT
from mcuq.arithmetic.multiplier import quantize_multiplier
from mcuq.ir import FLOAT32, INT4, INT8, INT16, INT32, INT64, Constant, Quantization, Value
from mcuq.ops.activation import clamp_integer
from mcuq.ops.card import Array, Call, Limit
from mcuq.ops.requirements import is_integer_call, quantization_of


def _is_float(call: Call) -> bool:
    return call.operands[0].dtype == FLOAT32


def _weights_are_constant(call: Call) -> bool:
    return all(isinstance(value, Constant) for value in call.operands[1:])


def _weights_are_quantized(call: Call) -> bool:
    weights = call.operands[1]
    types = (INT8,) if call.operands[0].dtype == INT16 else (INT4, INT8)
    return _is_float(call) or (weights.dtype in types and weights.quantization is not None)


def _bias_is_whole(call: Call) -> bool:
    wanted = INT64 if call.operands[0].dtype == INT16 else INT32
    return _is_float(call) or len(call.operands) < 3 or call.operands[2].dtype == wanted


def scales_are_along(axis: int) -> Limit:
    """The limit that per-channel weight scales run along that axis."""

    def holds(call: Call) -> bool:
        q = call.operands[1].quantization
        return q is None or q.is_per_tensor or q.axis == axis

    return Limit(f"weight scales are per tensor or per channel along axis {axis}", holds)


CONSTANT_WEIGHTS = Limit("weights and bias are constants", _weights_are_constant)
INTEGER_WEIGHTS = Limit("weights are int8, or int4 where activations are int8, and quantized", _weights_are_quantized)
INTEGER_BIAS = Limit("the bias is int32 (int64 where activations are int16) or absent", _bias_is_whole)


def channel_scales(q: Quantization, channels: int) -> tuple[float, ...]:
    """One weight scale a channel, repeating a per-tensor scale."""
    return q.scales if len(q.scales) == channels else q.scales * channels


def channel_multipliers(x: Value, weights: Value, y: Value, channels: int) -> tuple[tuple[int, int], ...]:
    """`(multiplier, shift)` a channel from in_scale * weight_scale[c] / out_scale, in double as TFLM computes it."""
    in_scale, out_scale = quantization_of(x).scale, quantization_of(y).scale
    scales = channel_scales(quantization_of(weights), channels)
    return tuple(quantize_multiplier(in_scale * scale / out_scale) for scale in scales)


def weight_reach(rows: Array, zero_points: Array) -> Array:
    """How far a sum over weights and one over their zero points can go together, int64 [channels], a unit of input.

    `rows` are the weights as stored, [channels, taps]; `zero_points` [channels].
    """
    wide = np.abs(rows.astype(np.int64)).sum(axis=1)
    return np.asarray(wide + np.abs(zero_points.astype(np.int64)) * rows.shape[1])


def weight_zero_points(weights: Value, channels: int) -> Array:
    """The zero point of each channel's weights, int64 [channels]."""
    return np.resize(np.array(quantization_of(weights).zero_points, np.int64), channels)


def centred_weights(call: Call, axis: int) -> Array:
    """The weights less their zero points, which may differ along `axis`, int64."""
    weights: Array = call.arrays[1][0].astype(np.int64)
    zeros = weight_zero_points(call.operands[1], weights.shape[axis])
    return weights - zeros.reshape([-1 if i == axis else 1 for i in range(weights.ndim)])


def widest_input(x: Value) -> int:
    """The greatest |q - zero point| of a quantized value."""
    zero_point = quantization_of(x).zero_point
    return max(x.dtype.maximum - zero_point, zero_point - x.dtype.minimum)


def accumulator_bound(rows: Array, bias: Array, x: Value, zero_points: Array) -> int:
    """The greatest |accumulator| that any input `x` can reach.

    `rows` are the weights as stored, [channels, taps]; `bias` and `zero_points`, those of the weights, [channels].
    """
    reach = weight_reach(rows, zero_points) * widest_input(x) + np.abs(bias.astype(np.int64))
    return int(reach.max(initial=0))


def accumulators_fit(rows_of: Callable[[Array], Array]) -> Limit:
    """The limit that no input overflows the accumulator; `rows_of` lays weights out as [channels, taps]."""

    def holds(call: Call) -> bool:
        known = all(isinstance(value, Constant) and value.dtype.is_integer for value in call.operands[1:])
        if not known or not is_integer_call(call) or call.operands[1].quantization is None:
            return True  # another limit says so
        rows, x = rows_of(call.arrays[1][0]), call.operands[0]
        bias = bias_values(call, len(rows)).reshape(-1)
        greatest = SUM_LIMIT if x.dtype == INT16 else 1 << 31
        return accumulator_bound(rows, bias, x, weight_zero_points(call.operands[1], len(rows))) < greatest

    return Limit("no input can overflow the accumulator (32 bits, or 48 where activations are int16)", holds)


def bias_values(call: Call, channels: int) -> Array:
    """The bias as int64 (or float32) [channels]; zeros where there is none."""
    if len(call.operands) < 3:
        return np.zeros(channels, np.float32 if _is_float(call) else np.int64)
    values: Array = call.arrays[2][0]
    return values if _is_float(call) else np.asarray(values, np.int64)


def finish_integer(
    call: Call, accumulators: Array, multipliers: tuple[tuple[int, int], ...], arithmetic: Arithmetic
) -> Array:
    """Requantise per channel (last axis), add the output's zero point, clamp."""
    y = call.results[0]
    multiplier = np.array([m for m, _ in multipliers], np.int64)
    shift = np.array([s for _, s in multipliers], np.int64)
    requantize = arithmetic.requantize_sums or arithmetic.requantize
    scaled = requantize(accumulators, multiplier, shift) + quantization_of(y).zero_point
    return clamp_integer(call.attrs.activation, scaled, y)
