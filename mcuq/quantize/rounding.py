"""Rounding weights to a grid so that outputs, not weights, change least: GPTQ order, then coordinate descent.

Weights are [groups, rows, taps], rows being channels or candidates of them; `hessian` [groups, taps, taps] is the
covariance of the inputs, so that the squared output error of a row is d H d^T for a weight error d. GPTQ: Frantar et
al. 2022, arXiv 2210.17323.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
MAX_DESCENTS = 8
LEAST_ADDED, MOST_ADDED = 1e-6, 1e6  # shares of the mean variance that an indefinite covariance gets


@dataclass(frozen=True, slots=True)
class Grid:
    """Real values that weights can have: scale * (q - zero_point), q from `low` to `high`, every row its own scale."""

    scales: Array
    zero_points: Array
    low: int
    high: int

    def nearest(self, values: Array) -> Array:
        """The nearest q of `values` [groups, rows, taps]."""
        q = np.rint(values / self.scales[:, :, None]) + self.zero_points[:, :, None]
        return np.asarray(np.clip(q, self.low, self.high))

    def column(self, values: Array) -> Array:
        """The nearest q of one tap, [groups, rows]."""
        return np.asarray(np.clip(np.rint(values / self.scales) + self.zero_points, self.low, self.high))

    def real(self, q: Array) -> Array:
        """What `q` [groups, rows, taps] stands for."""
        return np.asarray((q - self.zero_points[:, :, None]) * self.scales[:, :, None])


def output_error(weights: Array, rounded: Array, hessian: Array) -> Array:
    """The mean squared output error of each row, [groups, rows]."""
    difference = rounded - weights
    return np.asarray(((difference @ hessian) * difference).sum(axis=-1))


@dataclass(frozen=True, slots=True)
class _Elimination:
    """The order in which taps are rounded, most variance first, and the factor that hands errors on to later taps."""

    order: Array
    upper: Array

    def sorted(self, weights: Array) -> Array:
        """Weights [groups, rows, taps] in that order."""
        return np.take_along_axis(weights, self.order[:, None, :], axis=2)

    def restored(self, q: Array) -> Array:
        """q [groups, rows, taps] back in the layer's own order."""
        result = np.empty_like(q)
        np.put_along_axis(result, np.broadcast_to(self.order[:, None, :], q.shape), q, axis=2)
        return result


def _elimination(hessian: Array) -> _Elimination:
    order = np.argsort(-np.diagonal(hessian, axis1=1, axis2=2), axis=1, kind="stable")
    arranged = np.take_along_axis(np.take_along_axis(hessian, order[:, :, None], 1), order[:, None, :], 2)
    return _Elimination(order, _factor_of_inverse(arranged))


def _factor_of_inverse(hessian: Array) -> Array:
    """The upper triangular factor of the inverse, [groups, taps, taps].

    Inputs that hardly vary together may leave a covariance that rounding errors made indefinite; its diagonal grows
    until it is not.
    """
    variance = np.abs(np.diagonal(hessian, axis1=1, axis2=2)).mean(axis=1)[:, None, None]
    added = 0.0
    while True:
        try:
            inverse = np.linalg.inv(hessian + added * variance * np.eye(hessian.shape[1]))
            return np.linalg.cholesky((inverse + inverse.transpose(0, 2, 1)) / 2).transpose(0, 2, 1)
        except np.linalg.LinAlgError:
            added = max(10 * added, LEAST_ADDED)
            if not added < MOST_ADDED:
                raise


def gptq(weights: Array, grid: Grid, hessian: Array) -> Array:
    """q by rounding one tap after the other, the rest making up for its error."""
    elimination = _elimination(hessian)
    left, upper = elimination.sorted(weights), elimination.upper
    q = np.empty_like(left)
    for tap in range(left.shape[2]):
        column = left[:, :, tap]
        q[:, :, tap] = grid.column(column)
        error = (column - (q[:, :, tap] - grid.zero_points) * grid.scales) / upper[:, None, tap, tap]
        left[:, :, tap + 1 :] -= error[:, :, None] * upper[:, None, tap, tap + 1 :]
    return elimination.restored(q)


def beam(weights: Array, grid: Grid, hessian: Array, width: int) -> Array:
    """As `gptq`, but keeping the `width` best beginnings of every row, each with its nearest and second nearest q.

    The sum of squared errors over their factors is the row's output error, so beginnings can be compared.
    """
    elimination = _elimination(hessian)
    upper = elimination.upper
    groups, rows, taps = weights.shape
    left = np.repeat(elimination.sorted(weights)[:, :, None, :], width, axis=2)
    q = np.zeros_like(left)
    costs = np.full((groups, rows, width), np.inf)
    costs[:, :, 0] = 0
    scales, zeros = grid.scales[:, :, None], grid.zero_points[:, :, None]
    for tap in range(taps):
        wish = left[..., tap] / scales + zeros
        nearest = np.clip(np.rint(wish), grid.low, grid.high)
        second = np.clip(nearest + np.where(wish > nearest, 1, -1), grid.low, grid.high)
        codes = np.concatenate([nearest, second], axis=2)
        errors = (np.tile(wish, (1, 1, 2)) - codes) * scales / upper[:, None, tap, tap, None]
        sums = np.tile(costs, (1, 1, 2)) + errors**2
        sums[:, :, width:] = np.where(second == nearest, np.inf, sums[:, :, width:])
        kept = np.argsort(sums, axis=2, kind="stable")[:, :, :width]
        costs, parents = np.take_along_axis(sums, kept, axis=2), (kept % width)[..., None]
        q[..., :tap] = np.take_along_axis(q[..., :tap], parents, axis=2)
        q[..., tap] = np.take_along_axis(codes, kept, axis=2)
        error = np.take_along_axis(errors, kept, axis=2)[..., None]
        rest = np.take_along_axis(left[..., tap + 1 :], parents, axis=2)
        left[..., tap + 1 :] = rest - error * upper[:, None, None, tap, tap + 1 :]
    best = np.where(np.isfinite(costs), costs, np.inf).argmin(axis=2)[:, :, None, None]
    return elimination.restored(np.take_along_axis(q, best, axis=2)[:, :, 0, :])


def descend(weights: Array, q: Array, grid: Grid, hessian: Array, passes: int = MAX_DESCENTS) -> Array:
    """q with one tap at a time moved to its best place given the others, until nothing moves or after `passes`."""
    q = q.copy()
    gradient = (grid.real(q) - weights) @ hessian
    variance = np.diagonal(hessian, axis1=1, axis2=2)
    for _ in range(passes):
        moved = False
        for tap in range(q.shape[2]):
            wish = q[:, :, tap] - gradient[:, :, tap] / (variance[:, None, tap] * grid.scales)
            # A move must pay: wishes within rounding error of where the tap is stay.
            best = np.clip(np.rint(wish), grid.low, grid.high)
            step = best - q[:, :, tap]
            if step.any():
                moved = True
                q[:, :, tap] = best
                gradient += (step * grid.scales)[:, :, None] * hessian[:, None, tap, :]
        if not moved:
            break
    return q


def best_scales(weights: Array, q: Array, grid: Grid, hessian: Array) -> Array:
    """The scale of each row with the least output error for a given q; the old one where that would not be positive."""
    centred = q - grid.zero_points[:, :, None]
    reached = centred @ hessian
    above, below = (reached * weights).sum(axis=-1), (reached * centred).sum(axis=-1)
    fitted = above / np.where(below > 0, below, 1.0)
    return np.asarray(np.where((below > 0) & (fitted > 0), fitted, grid.scales))
