"""What convolutions and fully connected layers share where activations are float: weights, scaling, hybrid sums."""

from __future__ import annotations

import numpy as np

from mcuq.arithmetic.hybrid import asymmetric, symmetric
from mcuq.ir import FLOAT16, FLOAT32, INT4, INT8, Constant
from mcuq.ops.activation import clamp_float
from mcuq.ops.card import Array, Call, Limit
from mcuq.ops.requirements import quantization_of


def _weights_are_known(call: Call) -> bool:
    if call.operands[0].dtype != FLOAT32:
        return True  # another limit says so
    weights = call.operands[1]
    if weights.dtype in (FLOAT32, FLOAT16):
        return True
    q = weights.quantization
    return weights.dtype in (INT4, INT8) and q is not None and not any(q.zero_points)


def _constants_are_finite(call: Call) -> bool:
    constants = (value for value in call.operands[1:] if isinstance(value, Constant) and value.dtype.kind == "float")
    return all(bool(np.isfinite(value.values).all()) for value in constants)


def _bias_is_float(call: Call) -> bool:
    return call.operands[0].dtype != FLOAT32 or len(call.operands) < 3 or call.operands[2].dtype in (FLOAT32, FLOAT16)


FLOAT_LIMITS = (
    Limit("weights of a float input are float32, float16, or int8 or int4 with zero point 0", _weights_are_known),
    Limit("the bias of a float input is float32, float16 or absent", _bias_is_float),
    Limit("weights and bias are finite numbers", _constants_are_finite),
)


def float_weights(call: Call) -> Array:
    """The stored weights as float32; int8 codes are not scaled yet."""
    return np.asarray(call.arrays[1][0], np.float32)


def _scales(call: Call) -> Array:
    """One weight scale a channel, or one for all, as float32."""
    return np.array(quantization_of(call.operands[1]).scales, np.float32)


def _biased(call: Call, sums: Array) -> Array:
    return sums if len(call.operands) < 3 else sums + np.asarray(call.arrays[2][0], np.float32).reshape(-1)


def finish_float(call: Call, sums: Array) -> Array:
    """Sums [..., channels] with `float_weights` in real numbers: scaled where weights are int8, biased, clamped."""
    if call.operands[1].dtype.is_integer:
        sums = sums * _scales(call)
    return clamp_float(call.attrs.activation, _biased(call, sums))


def quantized_rows(rows: Array, *, is_symmetric: bool) -> tuple[Array, Array]:
    """`(q - zero_point, scale)` of each row of float32 [..., N]; the first as float64, exact for sums of products."""
    q, scale, zero_point = symmetric(rows) if is_symmetric else asymmetric(rows)
    return (q - zero_point).astype(np.float64), scale


def finish_hybrid(call: Call, sums: Array, scale: Array) -> Array:
    """Integer sums [..., channels] in real numbers; `scale` is that of their row of inputs and broadcasts with them."""
    scaled = sums.astype(np.float32) * (scale.astype(np.float32) * _scales(call))
    return clamp_float(call.attrs.activation, _biased(call, scaled))


def image_is_symmetric(call: Call) -> bool:
    """Whether a hybrid convolution quantizes its image symmetrically: where weights have one scale, as TFLite does."""
    return quantization_of(call.operands[1]).is_per_tensor
