"""AVERAGE_POOL_2D: the mean over the part of each window that lies in the image."""

from __future__ import annotations

import numpy as np

from mcuq.arithmetic import Arithmetic
from mcuq.ops.activation import clamp_float, clamp_integer
from mcuq.ops.card import Array, Call, Card, OutputQuantization
from mcuq.ops.pool import POOL_LIMITS, Pool2D, infer_pool
from mcuq.ops.window import flatten_samples, pad_image, restore_samples, windows_of


def _sums_and_counts(call: Call, images: Array) -> tuple[Array, Array]:
    attrs: Pool2D = call.attrs
    sums = windows_of(pad_image(images, attrs.padding, 0), attrs.window).sum(axis=(3, 4))
    ones = np.ones((1, *images.shape[1:3], 1), np.int64)
    counts = windows_of(pad_image(ones, attrs.padding, 0), attrs.window).sum(axis=(3, 4))
    return sums, counts


def _evaluate(call: Call) -> tuple[Array, ...]:
    sums, counts = _sums_and_counts(call, flatten_samples(call.arrays[0]))
    return (restore_samples(clamp_float(call.attrs.activation, sums / counts)),)


def _evaluate_integer(call: Call, arithmetic: Arithmetic) -> tuple[Array, ...]:
    """(sum +- count/2) / count in C's integer division, as TFLM's integer_ops/pooling.h."""
    sums, counts = _sums_and_counts(call, flatten_samples(call.arrays[0]).astype(np.int64))
    if call.attrs.halves_up:
        means = (sums + counts // 2) // counts
    else:
        means = np.sign(sums) * ((np.abs(sums) + counts // 2) // counts)
    return (restore_samples(clamp_integer(call.attrs.activation, means, call.results[0])),)


CARD = Card(
    name="AVERAGE_POOL_2D",
    attrs=Pool2D,
    infer=infer_pool,
    evaluate=_evaluate,
    evaluate_integer=_evaluate_integer,
    limits=POOL_LIMITS,
    output_quantization=OutputQuantization.SAME_AS_INPUT,
)
