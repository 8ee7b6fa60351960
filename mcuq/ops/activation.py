"""Fused activations: the clamp that follows an op, in real numbers and in quantized ones."""

from __future__ import annotations

import math

import numpy as np

from mcuq.arithmetic.multiplier import round_half_away
from mcuq.ir import Tensor
from mcuq.ops.card import Array, Call, Limit

NONE, RELU, RELU6, RELU_N1_TO_1 = "NONE", "RELU", "RELU6", "RELU_N1_TO_1"
ACTIVATIONS = {
    NONE: (-math.inf, math.inf),
    RELU: (0.0, math.inf),
    RELU6: (0.0, 6.0),
    RELU_N1_TO_1: (-1.0, 1.0),
}


def _bounds_fit(call: Call) -> bool:
    q = call.results[0].quantization
    bounds = [abs(bound) for bound in ACTIVATIONS.get(call.attrs.activation, ()) if math.isfinite(bound)]
    return q is None or all(bound / q.scales[0] < 1 << 30 for bound in bounds)


SUPPORTED = (
    Limit(
        "the fused activation is none, RELU, RELU6 or RELU_N1_TO_1", lambda call: call.attrs.activation in ACTIVATIONS
    ),
    Limit("the bounds of the fused activation are less than 2^30 steps of the output's scale", _bounds_fit),
)


def clamp_float(activation: str, values: Array) -> Array:
    """`values` in float32 after the activation."""
    low, high = ACTIVATIONS[activation]
    return np.clip(values, np.float32(low), np.float32(high)).astype(np.float32)


def quantize_real(value: float, tensor: Tensor) -> int:
    """zero_point + round(value / scale) with a float32 quotient, as TFLite computes activation bounds; not clamped."""
    if tensor.quantization is None:
        raise ValueError(f"'{tensor.name}' is not quantized")
    quotient = np.float32(value) / np.float32(tensor.quantization.scale)
    return tensor.quantization.zero_point + round_half_away(float(quotient))


def quantized_range(activation: str, tensor: Tensor) -> tuple[int, int]:
    """The least and greatest quantized output (TFLite's CalculateActivationRangeQuantized)."""
    low, high = ACTIVATIONS[activation]
    least, greatest = tensor.dtype.minimum, tensor.dtype.maximum
    if math.isfinite(low):
        least = max(least, quantize_real(low, tensor))
    if math.isfinite(high):
        greatest = min(greatest, quantize_real(high, tensor))
    return least, greatest


def clamp_integer(activation: str, values: Array, tensor: Tensor) -> Array:
    """`values` clamped to the activation's range, in the tensor's type."""
    low, high = quantized_range(activation, tensor)
    return np.minimum(np.maximum(values, low), high).astype(tensor.dtype.numpy)
