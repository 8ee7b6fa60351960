"""Quantized weights of one layer: the grid, the search for its range, rounding, and the bias that goes with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq.quantize.ranges import power_of_two_above
from mcuq.quantize.recipe import Refine, Scheme
from mcuq.quantize.rounding import Grid, beam, best_scales, descend, gptq, output_error
from mcuq.quantize.statistics import InputStatistics

Array = npt.NDArray[Any]

REFITS = 3
MAX_BEAM = 64
BEAM_ELEMENTS = 400_000  # weights times beam width: bounds time and memory
WIDE_BITS = 8  # from here on rounding is not what hurts


@dataclass(frozen=True, slots=True)
class LayerWeights:
    """`q` [groups, rows, taps] with `scales` and `zero_points` [groups, rows]; the bias in real numbers [channels]."""

    q: Array
    scales: Array
    zero_points: Array
    bias: Array


@dataclass(frozen=True, slots=True)
class Target:
    """What the quantized layer should compute: real weights [groups, rows, taps] judged by `hessian`."""

    weights: Array
    hessian: Array


def code_range(scheme: Scheme) -> tuple[int, int]:
    """The least and greatest q. Symmetric 8-bit weights leave out -128, as TFLite's spec does."""
    high = (1 << (scheme.weight_bits - 1)) - 1
    narrow = scheme.weight_symmetric and scheme.weight_bits == 8
    return (-high if narrow else -high - 1), high


def _shares(scheme: Scheme, search: bool) -> Array:
    """Which parts of the whole weight range are tried."""
    if not search:
        return np.ones(1)
    if scheme.arithmetic == "shift":
        return np.array([1.0, 0.5, 0.25])
    return np.linspace(0.4, 1.0, 25) if scheme.weight_bits < 8 else np.linspace(0.76, 1.0, 7)


def _grid(weights: Array, share: float, scheme: Scheme, floor: Array) -> Grid:
    """The grid that reaches that share of every row's range; `floor` [groups, rows] is the least scale."""
    low, high = code_range(scheme)
    least, greatest = np.minimum(weights.min(axis=2), 0), np.maximum(weights.max(axis=2), 0)
    least, greatest = _together(least, scheme, np.min), _together(greatest, scheme, np.max)
    floor = _together(floor, scheme, np.max)
    widest = np.maximum(-least, greatest) / high if scheme.weight_symmetric else (greatest - least) / (high - low)
    scales = np.maximum(widest * share, floor)
    scales = np.vectorize(power_of_two_above)(scales) if scheme.arithmetic == "shift" else _float32(scales)
    zeros = np.zeros_like(scales)
    if not scheme.weight_symmetric:
        zeros = np.clip(np.rint(low - least * share / scales), low, high)
    return Grid(scales, zeros, low, high)


def _together(values: Array, scheme: Scheme, combine: Callable[[Array], Any]) -> Array:
    """Values [groups, rows] of all channels, with those that share a scale combined to one."""
    if scheme.granularity == "channel":
        return values
    channels = values.reshape(-1)
    size = scheme.group_channels if scheme.granularity == "group" else len(channels)
    parts = [channels[start : start + size] for start in range(0, len(channels), size)]
    return np.concatenate([np.full(len(part), combine(part)) for part in parts]).reshape(values.shape)


def _float32(scales: Array) -> Array:
    return scales.astype(np.float32).astype(np.float64)


def target_of(weights: Array, statistics: InputStatistics, refine: Refine) -> Target:
    """The real weights that come nearest to the float layer on the inputs that the quantized one sees."""
    moments = statistics if refine.bias_correction else statistics.about_zero()
    if not refine.input_error_correction:
        moments = moments.without_input_error()
    taps = weights.shape[2]
    variance = np.diagonal(moments.covariance, axis1=1, axis2=2).mean(axis=1)
    added = (refine.damping + refine.shrink * taps / moments.rows) * variance + 1e-12 * (1 + variance)
    # Where both networks differ by a constant alone, float32 sums leave a covariance that may be below 0.
    added = added + 1e-5 * np.square(moments.mean - moments.float_mean).mean(axis=1)
    eye = np.eye(taps) * added[:, None, None]
    hessian = moments.covariance + eye
    if refine.input_error_correction:
        weights = np.linalg.solve(hessian, (weights @ (moments.cross + eye)).transpose(0, 2, 1)).transpose(0, 2, 1)
    return Target(weights, hessian)


def _round(target: Target, grid: Grid, refine: Refine, passes: int) -> Array:
    if refine.rounding == "nearest":
        return grid.nearest(target.weights)
    return descend(target.weights, gptq(target.weights, grid, target.hessian), grid, target.hessian, passes)


def _best_rounding(target: Target, grid: Grid, refine: Refine, scheme: Scheme) -> Array:
    """The final codes on a chosen grid; where they are few, several roundings of each row are followed to the end."""
    width = min(MAX_BEAM, BEAM_ELEMENTS // target.weights.size)
    if refine.rounding == "nearest" or scheme.weight_bits >= WIDE_BITS or width < 2:
        return _round(target, grid, refine, 8)
    q = beam(target.weights, grid, target.hessian, width)
    return descend(target.weights, q, grid, target.hessian)


def _candidates(target: Target, scheme: Scheme, refine: Refine, floor: Array) -> Grid:
    """The grid whose rounded weights have the least output error, row by row (or for the whole tensor)."""
    grids = [_grid(target.weights, share, scheme, floor) for share in _shares(scheme, refine.range_search)]
    if len(grids) == 1:
        return grids[0]
    rows = target.weights.shape[1]
    joined = Grid(
        np.concatenate([grid.scales for grid in grids], axis=1),
        np.concatenate([grid.zero_points for grid in grids], axis=1),
        grids[0].low,
        grids[0].high,
    )
    repeated = Target(np.tile(target.weights, (1, len(grids), 1)), target.hessian)
    q = _round(repeated, joined, refine, 1)
    errors = output_error(repeated.weights, joined.real(q), target.hessian).reshape(len(target.weights), -1, rows)
    for share in range(errors.shape[1]):
        errors[:, share] = _together(errors[:, share], scheme, np.sum)
    best = errors.argmin(axis=1)[:, None, :]

    def chosen(values: Array) -> Array:
        return np.take_along_axis(values.reshape(errors.shape), best, axis=1)[:, 0, :]

    return Grid(chosen(joined.scales), chosen(joined.zero_points), joined.low, joined.high)


def _refitted(target: Target, q: Array, grid: Grid, floor: Array) -> tuple[Array, Grid]:
    """Scales fitted to the rounded weights, weights rounded again, as long as it helps."""
    error = output_error(target.weights, grid.real(q), target.hessian)
    for _ in range(REFITS):
        scales = _float32(np.maximum(best_scales(target.weights, q, grid, target.hessian), floor))
        tried = Grid(scales, grid.zero_points, grid.low, grid.high)
        moved = descend(target.weights, q, tried, target.hessian)
        new = output_error(target.weights, tried.real(moved), target.hessian)
        better = new < error
        grid = Grid(np.where(better, scales, grid.scales), grid.zero_points, grid.low, grid.high)
        q, error = np.where(better[:, :, None], moved, q), np.where(better, new, error)
    return q, grid


def _scales_are_free(scheme: Scheme) -> bool:
    """Whether every row may have any scale."""
    return scheme.granularity == "channel" and scheme.weight_symmetric and scheme.arithmetic != "shift"


def exact_scales(scales: Array, ratio: float) -> Array:
    """The nearest scales for which the factor scale * `ratio` has 15 significant bits, as int16x8 applies it.

    `ratio` is the input's scale over the output's. A rounded factor would be a gain error of up to 2^-15 a channel.
    """
    mantissas, exponents = np.frexp(scales * ratio)
    return _float32(np.ldexp(np.clip(np.rint(mantissas * (1 << 15)), 1 << 14, (1 << 15) - 1), exponents - 15) / ratio)


def quantize_weights(
    weights: Array,
    bias: Array,
    statistics: InputStatistics,
    scheme: Scheme,
    refine: Refine,
    floor: Array,
    ratio: float | None = None,
) -> LayerWeights:
    """Weights [groups, rows, taps] and bias [channels] of one layer on its grid, refined as far as `refine` says.

    With `ratio`, see `exact_scales`, scales are moved to those whose factor requantisation applies as it is.
    """
    target = target_of(weights, statistics, refine)
    grid = _candidates(target, scheme, refine, floor)
    q = _best_rounding(target, grid, refine, scheme)
    if _scales_are_free(scheme) and refine.rounding == "gptq" and refine.range_search:
        q, grid = _refitted(target, q, grid, floor)
    if ratio is not None:
        grid = Grid(exact_scales(grid.scales, ratio), grid.zero_points, grid.low, grid.high)
    if refine.bias_correction:
        wanted = (weights * statistics.float_mean[:, None, :]).sum(axis=2)
        bias = bias + (wanted - (grid.real(q) * statistics.mean[:, None, :]).sum(axis=2)).reshape(-1)
    return LayerWeights(q, grid.scales, grid.zero_points, bias)
