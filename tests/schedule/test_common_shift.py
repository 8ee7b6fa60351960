"""One right shift for all channels gives, for every sum within reach, the output of each channel's own factors."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mcuq.schedule.kernels.common_shift import common_shift
from mcuq.schedule.kernels.mixed_lanes import Folded, factors

TAPS = 4


@st.composite
def layers(draw: st.DrawFn) -> Folded:
    """Layers of few taps, so that every sum can be tried."""
    channels = draw(st.integers(1, 4))
    generator = np.random.default_rng(draw(st.integers(0, 1 << 30)))
    rows = generator.integers(-127, 128, (channels, TAPS))
    rows[generator.random(channels) < 0.2] = 0
    bias = generator.integers(-20_000, 20_000, channels)
    least = draw(st.integers(1, 12))
    shifts = least + generator.integers(0, 5, channels)
    multipliers = generator.integers(1 << 30, 1 << 31, channels)
    return Folded(rows, bias, tuple((int(m), -int(s)) for m, s in zip(multipliers, shifts, strict=True)))


def outputs(sums: np.ndarray, multiplier: int, constant: int, shift: int) -> np.ndarray:
    """What the instructions compute, and that nothing wraps on the way."""
    wide = (256 * sums * multiplier >> 32) + constant
    assert wide.min() >= -(1 << 31)
    assert wide.max() < 1 << 31
    return np.clip(wide >> shift, -128, 127)


@given(layers(), st.sampled_from([-128, -3, 0, 17, 127]))
def test_every_sum_gives_the_same_output(layer: Folded, zero_point: int) -> None:
    """The shared shift changes no output of any channel."""
    found = common_shift(layer, zero_point)
    if found is None:
        return
    shift, requantization = found
    for row, bias, own, reach, (multiplier, constant) in zip(
        layer.rows, layer.bias, layer.multipliers, layer.reach(), requantization, strict=True
    ):
        sums = np.arange(-int(reach), int(reach) + 1) if row.any() else np.array([bias])
        expected = outputs(sums, *factors(*own, zero_point))
        assert np.array_equal(outputs(sums, multiplier, constant, shift), expected)


def test_most_layers_have_one() -> None:
    """Factors of ordinary spread are nearly always brought to one shift."""
    generator = np.random.default_rng(1)
    found = 0
    for _ in range(50):
        rows = generator.integers(-127, 128, (16, 72))
        own = tuple((int(generator.integers(1 << 30, 1 << 31)), -int(generator.integers(6, 9))) for _ in range(16))
        found += common_shift(Folded(rows, generator.integers(-3000, 3000, 16), own), -128) is not None
    assert found >= 25


def test_a_layer_of_constants_has_none() -> None:
    """Where no channel depends on its input, there is nothing to share."""
    layer = Folded(np.zeros((2, 3), np.int64), np.array([4, 8]), ((1 << 30, -1), (1 << 30, -1)))
    assert common_shift(layer, 0) is None
