"""CONV_2D: x [1,H,W,C], weights [OC,KH,KW,C], bias [OC] or none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcuq.arithmetic import Arithmetic
from mcuq.ir import DType, Value
from mcuq.ops.activation import NONE, SUPPORTED
from mcuq.ops.card import Array, Call, Card, Limit, WeightRoles
from mcuq.ops.requirements import INTEGER_INPUT_AND_OUTPUT, factors_fit, quantization_of
from mcuq.ops.weighted import (
    CONSTANT_WEIGHTS,
    INTEGER_BIAS,
    INTEGER_WEIGHTS,
    accumulators_fit,
    bias_values,
    centred_weights,
    channel_multipliers,
    finish_integer,
    scales_are_along,
)
from mcuq.ops.weighted_float import (
    FLOAT_LIMITS,
    finish_float,
    finish_hybrid,
    float_weights,
    image_is_symmetric,
    quantized_rows,
)
from mcuq.ops.window import Padding, Window, flatten_samples, pad_image, restore_samples, windows_of


@dataclass(frozen=True, slots=True)
class Conv2D:
    """Each pair is (rows, columns)."""

    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: Padding = Padding()
    activation: str = NONE


def window_of(attrs: Conv2D, weights: Value) -> Window:
    """The sliding window of the convolution."""
    return Window((weights.shape[1], weights.shape[2]), attrs.stride, attrs.dilation, attrs.padding)


def _infer(attrs: Conv2D, operands: tuple[Value, ...]) -> tuple[tuple[tuple[int, ...], DType], ...]:
    x, weights = operands[:2]
    if len(x.shape) != 4 or len(weights.shape) != 4:
        raise ValueError(f"CONV_2D needs 4 dimensions, not {x.shape} and {weights.shape}")
    if weights.shape[3] != x.shape[3]:
        raise ValueError(f"weights {weights.shape} do not fit an input of {x.shape[3]} channels")
    if len(operands) > 2 and operands[2].shape != (weights.shape[0],):
        raise ValueError(f"a bias of shape {operands[2].shape} does not fit {weights.shape[0]} channels")
    rows, columns = window_of(attrs, weights).output_size(x.shape[1], x.shape[2])
    return (((x.shape[0], rows, columns, weights.shape[0]), x.dtype),)


def _accumulate(call: Call, images: Array, weights: Array, pad_value: float) -> Array:
    """Dot products [S, OH, OW, OC]; float64 is exact for the integers that int8 products can sum to."""
    attrs: Conv2D = call.attrs
    window = window_of(attrs, call.operands[1])
    view = windows_of(pad_image(images, attrs.padding, pad_value), window)
    samples, rows, columns = view.shape[:3]
    matrix = view.reshape(samples * rows * columns, -1) @ weights.reshape(weights.shape[0], -1).T
    return np.asarray(matrix.reshape(samples, rows, columns, -1))


def _evaluate(call: Call) -> tuple[Array, ...]:
    sums = _accumulate(call, flatten_samples(call.arrays[0]), float_weights(call), 0.0)
    return (restore_samples(finish_float(call, sums)),)


def _evaluate_hybrid(call: Call) -> tuple[Array, ...]:
    """The whole image is quantized with one scale; padding is exactly zero."""
    images = flatten_samples(call.arrays[0])
    rows, scale = quantized_rows(images.reshape(len(images), -1), is_symmetric=image_is_symmetric(call))
    sums = _accumulate(call, rows.reshape(images.shape), call.arrays[1][0].astype(np.float64), 0.0)
    return (restore_samples(finish_hybrid(call, sums, scale.reshape(-1, 1, 1, 1))),)


def _evaluate_integer(call: Call, arithmetic: Arithmetic) -> tuple[Array, ...]:
    x, weights = call.operands[:2]
    images = flatten_samples(call.arrays[0]).astype(np.float64) - quantization_of(x).zero_point
    channels = weights.shape[0]
    sums = _accumulate(call, images, centred_weights(call, 0).astype(np.float64), 0.0).astype(np.int64)
    multipliers = channel_multipliers(x, weights, call.results[0], channels)
    return (restore_samples(finish_integer(call, sums + bias_values(call, channels), multipliers, arithmetic)),)


def _macs(call: Call) -> int:
    _, rows, columns, channels = call.results[0].shape
    return rows * columns * channels * int(np.prod(call.operands[1].shape[1:]))


def _multipliers(call: Call) -> object:
    x, weights = call.operands[:2]
    return channel_multipliers(x, weights, call.results[0], weights.shape[0])


CARD = Card(
    name="CONV_2D",
    attrs=Conv2D,
    infer=_infer,
    evaluate=_evaluate,
    evaluate_integer=_evaluate_integer,
    limits=(
        INTEGER_INPUT_AND_OUTPUT,
        CONSTANT_WEIGHTS,
        INTEGER_WEIGHTS,
        INTEGER_BIAS,
        *FLOAT_LIMITS,
        scales_are_along(0),
        *SUPPORTED,
        Limit("the batch is 1", lambda call: call.operands[0].shape[0] == 1),
        factors_fit(_multipliers),
        accumulators_fit(lambda weights: weights.reshape(len(weights), -1)),
    ),
    weight_roles=WeightRoles(weights=1, channel_axis=0, bias=2),
    macs=_macs,
    evaluate_hybrid=_evaluate_hybrid,
)
