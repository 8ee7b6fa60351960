"""MAX_POOL_2D: the greatest element of the part of each window that lies in the image."""

from __future__ import annotations

import numpy as np

from mcuq.arithmetic import Arithmetic
from mcuq.ops.activation import clamp_float, clamp_integer
from mcuq.ops.card import Array, Call, Card, OutputQuantization
from mcuq.ops.pool import POOL_LIMITS, Pool2D, infer_pool
from mcuq.ops.window import flatten_samples, pad_image, restore_samples, windows_of


def _greatest(call: Call, least: float) -> Array:
    attrs: Pool2D = call.attrs
    images = flatten_samples(call.arrays[0])
    return np.asarray(windows_of(pad_image(images, attrs.padding, least), attrs.window).max(axis=(3, 4)))


def _evaluate(call: Call) -> tuple[Array, ...]:
    return (restore_samples(clamp_float(call.attrs.activation, _greatest(call, -np.inf))),)


def _evaluate_integer(call: Call, arithmetic: Arithmetic) -> tuple[Array, ...]:
    y = call.results[0]
    return (restore_samples(clamp_integer(call.attrs.activation, _greatest(call, y.dtype.minimum), y)),)


CARD = Card(
    name="MAX_POOL_2D",
    attrs=Pool2D,
    infer=infer_pool,
    evaluate=_evaluate,
    evaluate_integer=_evaluate_integer,
    limits=POOL_LIMITS,
    output_quantization=OutputQuantization.SAME_AS_INPUT,
)
