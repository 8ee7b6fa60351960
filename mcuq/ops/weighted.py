"""What convolutions and fully connected layers share: weight limits, multipliers, bias, requantisation."""

from __future__ import annotations

import numpy as np

from mcuq.arithmetic import Arithmetic
from mcuq.arithmetic.multiplier import quantize_multiplier
from mcuq.ir import FLOAT32, INT8, INT32, Constant, Quantization, Value
from mcuq.ops.activation import clamp_integer
from mcuq.ops.card import Array, Call, Limit
from mcuq.ops.requirements import quantization_of


def _is_float(call: Call) -> bool:
    return call.operands[0].dtype == FLOAT32


def _weights_are_constant(call: Call) -> bool:
    return all(isinstance(value, Constant) for value in call.operands[1:])


def _weights_are_int8(call: Call) -> bool:
    q = call.operands[1].quantization
    return _is_float(call) or (call.operands[1].dtype == INT8 and q is not None and not any(q.zero_points))


def _bias_is_int32(call: Call) -> bool:
    return _is_float(call) or len(call.operands) < 3 or call.operands[2].dtype == INT32


def scales_are_along(axis: int) -> Limit:
    """The limit that per-channel weight scales run along that axis."""

    def holds(call: Call) -> bool:
        q = call.operands[1].quantization
        return q is None or q.is_per_tensor or q.axis == axis

    return Limit(f"weight scales are per tensor or per channel along axis {axis}", holds)


CONSTANT_WEIGHTS = Limit("weights and bias are constants", _weights_are_constant)
INT8_WEIGHTS = Limit("weights are int8 with zero point 0", _weights_are_int8)
INT32_BIAS = Limit("the bias is int32 or absent", _bias_is_int32)


def channel_scales(q: Quantization, channels: int) -> tuple[float, ...]:
    """One weight scale a channel, repeating a per-tensor scale."""
    return q.scales if len(q.scales) == channels else q.scales * channels


def channel_multipliers(x: Value, weights: Value, y: Value, channels: int) -> tuple[tuple[int, int], ...]:
    """`(multiplier, shift)` a channel from in_scale * weight_scale[c] / out_scale, in double as TFLM computes it."""
    in_scale, out_scale = quantization_of(x).scale, quantization_of(y).scale
    scales = channel_scales(quantization_of(weights), channels)
    return tuple(quantize_multiplier(in_scale * scale / out_scale) for scale in scales)


def accumulator_bound(weights: Array, bias: Array, zero_point: int) -> int:
    """The greatest |accumulator| that any int8 input can reach; `weights` [channels, taps], `bias` [channels]."""
    widest = max(127 - zero_point, 128 + zero_point)
    reach = np.abs(weights.astype(np.int64)).sum(axis=1) * widest + np.abs(bias.astype(np.int64))
    return int(reach.max(initial=0))


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
    scaled = arithmetic.requantize(accumulators, multiplier, shift) + quantization_of(y).zero_point
    return clamp_integer(call.attrs.activation, scaled, y)
