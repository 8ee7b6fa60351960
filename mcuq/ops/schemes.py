"""What an arithmetic asks of a call, whatever the op: types, zero points, scales. Cards say the rest."""

from __future__ import annotations

from collections.abc import Mapping

from mcuq.arithmetic import INT16X8, SHIFT, SINGLE, TFLM
from mcuq.arithmetic.int16x8 import GREATEST_SHIFT
from mcuq.arithmetic.shift import is_power_of_two
from mcuq.ir import INT16, Constant, Value
from mcuq.ops import conv_2d, depthwise_conv_2d, fully_connected, mean
from mcuq.ops.binary import Binary
from mcuq.ops.card import Call, Limit
from mcuq.ops.pool import Pool2D

WEIGHTED = (conv_2d.Conv2D, depthwise_conv_2d.DepthwiseConv2D, fully_connected.FullyConnected)
MOST_SHIFTED_APART = 19  # of two operands: with the 20 extra bits that those of a sum get, no bit is lost
LONGEST_INT16_SUM = 1 << 15


def _values(call: Call) -> tuple[Value, ...]:
    return (*call.operands, *call.results)


def _holds_int16(call: Call) -> bool:
    return any(value.dtype == INT16 for value in (*call.operands[:1], *call.results))


def _scales_are_powers_of_two(call: Call) -> bool:
    scales = (scale for value in _values(call) if value.quantization for scale in value.quantization.scales)
    return all(is_power_of_two(scale) for scale in scales)


def _operands_are_near(call: Call) -> bool:
    """Whether both operands fit 32 bits in the finer of their scales."""
    scales = [value.quantization.scales[0] for value in call.operands[:2] if value.quantization]
    return not isinstance(call.attrs, Binary) or max(scales) <= min(scales) * 2.0**MOST_SHIFTED_APART


def _mean_is_exact(call: Call) -> bool:
    """Whether the shifted sum and the divisor of a mean stay below 2^30."""
    x, y = call.operands[0], call.results[0]
    if not isinstance(call.attrs, mean.Mean) or x.quantization is None or y.quantization is None:
        return True
    left, divisor = mean.division_of(call.attrs, x, y)
    return mean.count_of(call.attrs, x) * 256 << left < 1 << 30 and divisor < 1 << 30


def _sums_fit_int16(call: Call) -> bool:
    if isinstance(call.attrs, Pool2D):
        return call.attrs.size[0] * call.attrs.size[1] <= LONGEST_INT16_SUM
    return not isinstance(call.attrs, mean.Mean) or mean.count_of(call.attrs, call.operands[0]) <= LONGEST_INT16_SUM


def _weights_are_symmetric(call: Call) -> bool:
    return all(
        not any(value.quantization.zero_points)
        for value in call.operands[1:]
        if isinstance(call.attrs, WEIGHTED) and isinstance(value, Constant) and value.quantization
    )


def _factors_are_small(call: Call) -> bool:
    """Whether in_scale * weight_scale / out_scale is below 2^7, as the 64-bit form of requantisation asks."""
    x, y = call.operands[0].quantization, call.results[0].quantization
    if not isinstance(call.attrs, WEIGHTED) or x is None or y is None or call.operands[1].quantization is None:
        return True
    greatest = max(call.operands[1].quantization.scales)
    return x.scales[0] * greatest / y.scales[0] < 1 << (GREATEST_SHIFT - 1)


_INT8 = Limit("activations are int8; int16 is a matter of int16x8 arithmetic", lambda call: not _holds_int16(call))

SCHEME_LIMITS: Mapping[str, tuple[Limit, ...]] = {
    TFLM.name: (_INT8,),
    SINGLE.name: (_INT8,),
    SHIFT.name: (
        _INT8,
        Limit("every scale is a power of two", _scales_are_powers_of_two),
        Limit(f"the scales of two operands differ by 2^{MOST_SHIFTED_APART} at most", _operands_are_near),
        Limit("sums that are averaged, and what they are divided by, are below 2^30", _mean_is_exact),
    ),
    INT16X8.name: (
        Limit("input or output is int16", _holds_int16),
        Limit("weights have zero point 0", _weights_are_symmetric),
        Limit(f"factors between scales are below 2^{GREATEST_SHIFT - 1}", _factors_are_small),
        Limit("at most 2^15 int16 elements are averaged", _sums_fit_int16),
    ),
}


def scheme_limits(arithmetic: str) -> tuple[Limit, ...]:
    """What that arithmetic asks of every call."""
    return SCHEME_LIMITS.get(arithmetic, ())
