"""One right shift for all channels of a layer, found by search: an immediate then takes the place of a third constant.

A channel's requantisation is a monotone step function of its sum with at most 256 steps, so two of them are the same
exactly if every step lies at the same sum. With a shift of at most the least of the channels', multipliers lose bits;
for a multiplier near the shortened one, each step bounds the constant from both sides, and any constant between all
bounds gives the same outputs for all sums within reach.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq.ir import INT8, INT32
from mcuq.schedule.kernels.mixed_lanes import SCALE_BITS, Folded, own_factors

Array = npt.NDArray[Any]

# Bits of the right shift beyond those of the sums' scale: the same for as many layers as possible, so that equal ones
# share their code.
PREFERRED = 4
NEARBY = tuple(sorted(range(-8, 9), key=abs))  # multipliers that are tried, from the shortened one


def _result(sums: Array, bits: int, multiplier: Array, constant: Array, shift: Array) -> Array:
    return (((sums << bits) * multiplier >> 32) + constant) >> shift


def _steps(own: Array, reach: Array, bits: int) -> Array:
    """For each channel [channels, 1] and each output k above the least: the least sum that gives at least k.

    `-reach` where every sum does, `reach + 1` where none does.
    """
    outputs = np.arange(INT8.minimum + 1, INT8.maximum + 1)
    low = np.broadcast_to(-reach - 1, (len(reach), len(outputs)))
    high = np.broadcast_to(reach + 1, low.shape)
    while bool((high - low > 1).any()):
        middle = (low + high) // 2
        enough = _result(middle, bits, own[:, [0]], own[:, [1]], own[:, [2]]) >= outputs
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return high


def _solve(
    layer: Folded, own: Array, steps: Array, reach: Array, fixed: Array, bits: int, shift: int
) -> tuple[tuple[int, int], ...] | None:
    """Multiplier and constant of each channel for this right shift, or None where a channel has none."""
    multiplier, constant, own_shift = (own[:, [i]] for i in range(3))
    outputs = np.arange(INT8.minimum + 1, INT8.maximum + 1) << shift
    dropped = np.maximum(own_shift - shift, 0)
    shortened = np.where(fixed, 0, multiplier >> dropped)
    of_bias = _result(layer.bias[:, None], bits, multiplier, constant, own_shift) << shift
    expected = np.where(fixed, of_bias, constant >> dropped)
    found, chosen, solved = expected, shortened, fixed
    for near in NEARBY:
        nearby = np.minimum(shortened + near, INT32.maximum)
        least = np.where(steps <= reach, outputs - ((steps << bits) * nearby >> 32), INT32.minimum)
        beyond = np.where(steps > -reach, outputs - ((steps - 1 << bits) * nearby >> 32), INT32.maximum)
        low, high = least.max(axis=1, keepdims=True), beyond.min(axis=1, keepdims=True) - 1
        between = np.clip(expected, low, high)
        within = np.abs(between) + ((reach << bits) * np.abs(nearby) >> 32) < INT32.maximum
        fits = ~solved & (low <= high) & within
        found, chosen, solved = np.where(fits, between, found), np.where(fits, nearby, chosen), solved | fits
    if not bool(solved.all()):
        return None
    return tuple((int(m), int(c)) for m, c in np.concatenate([chosen, found], axis=1))


def common_shift(
    layer: Folded, zero_point: int, bits: int = SCALE_BITS
) -> tuple[int, tuple[tuple[int, int], ...]] | None:
    """`(shift, ((multiplier, constant), ...))` with the outputs of each channel's own factors, or None.

    For layers whose negative sums need no correction. `zero_point` as for mixed_lanes.factors; sums are scaled by
    2^bits.
    """
    own = np.array(own_factors(layer, zero_point, bits), np.int64)
    fixed = ~np.any(layer.rows != 0, axis=1, keepdims=True)  # the sum is the bias, so that any factor will do
    if bool(fixed.all()):
        return None
    greatest = int(own[:, [2]][~fixed].min())
    reach = np.asarray(layer.reach()).astype(np.int64)[:, None]
    steps = _steps(own, reach, bits)
    preferred = min(PREFERRED + bits, greatest)
    for shift in (*range(preferred, greatest + 1), *range(preferred - 1, bits - 1, -1)):
        found = _solve(layer, own, steps, reach, fixed, bits, shift)
        if found is not None:
            return shift, found
    return None


def shared_or_own(
    layer: Folded, zero_point: int, bits: int = SCALE_BITS, *, corrected: bool
) -> tuple[int, tuple[tuple[int, ...], ...]]:
    """One right shift for all channels where there is one, else 0; and the words of each channel in the stream.

    Where sums are `corrected` after their product, for negative sums or a clamp, each channel keeps its own shift.
    """
    common = None if corrected else common_shift(layer, zero_point, bits)
    return common or (0, own_factors(layer, zero_point, bits))
