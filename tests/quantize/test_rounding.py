"""Rounding that looks at outputs beats rounding that looks at weights, and never leaves the grid."""

from __future__ import annotations

import numpy as np
import pytest

from mcuq.interpreter import Array
from mcuq.quantize.recipe import Refine, Scheme
from mcuq.quantize.rounding import Grid, beam, best_scales, descend, gptq, output_error
from mcuq.quantize.statistics import InputStatistics
from mcuq.quantize.weights import code_range, quantize_weights


def _problem(groups: int, rows: int, taps: int, seed: int = 0) -> tuple[Array, Array, Grid]:
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(groups, rows, taps))
    mixing = rng.normal(size=(groups, taps, taps)) * np.linspace(0.1, 2, taps)
    hessian = mixing @ mixing.transpose(0, 2, 1) / taps + 0.01 * np.eye(taps)
    return weights, hessian, Grid(np.abs(weights).max(axis=2) / 7, np.zeros((groups, rows)), -8, 7)


@pytest.mark.parametrize("shape", [(1, 6, 20), (5, 1, 9), (3, 4, 7)])
def test_each_step_lowers_the_output_error(shape: tuple[int, int, int]) -> None:
    """Nearest, GPTQ, coordinate descent, fitted scales: the error falls from each to the next, row by row in sum."""
    weights, hessian, grid = _problem(*shape)
    errors = []
    nearest = grid.nearest(weights)
    first = gptq(weights, grid, hessian)
    moved = descend(weights, first, grid, hessian)
    fitted = Grid(best_scales(weights, moved, grid, hessian), grid.zero_points, grid.low, grid.high)
    for q, used in ((nearest, grid), (first, grid), (moved, grid), (moved, fitted)):
        assert q.min() >= -8
        assert q.max() <= 7
        np.testing.assert_array_equal(q, np.rint(q))
        errors.append(output_error(weights, used.real(q), hessian).sum())
    assert errors == sorted(errors, reverse=True)
    assert errors[1] < errors[0]


def test_gptq_is_nearest_where_inputs_are_independent() -> None:
    """With nothing to make up for, each weight rounds to its neighbour."""
    weights, _, grid = _problem(2, 3, 8)
    eye = np.broadcast_to(np.eye(8), (2, 8, 8))
    np.testing.assert_array_equal(gptq(weights, grid, eye), grid.nearest(weights))


def _statistics(taps: int, rows: int = 4000) -> tuple[InputStatistics, Array]:
    rng = np.random.default_rng(5)
    x = np.maximum(rng.normal(0.3, 1, (rows, taps)) @ rng.normal(size=(taps, taps)), 0)
    mean, covariance = x.mean(axis=0)[None], np.cov(x.T, bias=True)[None]
    return InputStatistics(rows, mean, mean, covariance, covariance), x


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("granularity", ["channel", "tensor"])
@pytest.mark.parametrize("arithmetic", ["tflm", "shift"])
def test_weights_stay_in_their_codes(symmetric: bool, granularity: str, arithmetic: str) -> None:
    """Whatever the scheme: codes within the width, scales positive float32, one scale a tensor where that is asked."""
    statistics, _ = _statistics(12)
    weights = np.random.default_rng(6).normal(0.8, 1, (1, 5, 12))
    scheme = Scheme(arithmetic, 4, granularity, symmetric)  # type: ignore[arg-type]
    made = quantize_weights(weights, np.zeros(5), statistics, scheme, Refine(), np.full((1, 5), 1e-9))
    low, high = code_range(scheme)
    assert low <= made.q.min()
    assert made.q.max() <= high
    assert (made.scales > 0).all()
    np.testing.assert_array_equal(made.scales, made.scales.astype(np.float32))
    assert symmetric == (not made.zero_points.any())
    if granularity == "tensor":
        assert len(np.unique(made.scales)) == 1
    if arithmetic == "shift":
        assert set(np.frexp(made.scales)[0].ravel()) == {0.5}


def test_refinement_lowers_the_error_of_real_outputs() -> None:
    """On the inputs themselves, refined 4-bit weights are at least twice as near as rounded ones, and unbiased."""
    statistics, x = _statistics(16)
    weights, bias = np.random.default_rng(7).normal(size=(1, 8, 16)), np.zeros(8)
    scheme, floor = Scheme(weight_bits=4), np.full((1, 8), 1e-9)
    plain = Refine(bias_correction=False, rounding="nearest", range_search=False, input_error_correction=False)
    errors = []
    for refine in (plain, Refine()):
        made = quantize_weights(weights, bias, statistics, scheme, refine, floor)
        real = ((made.q - made.zero_points[:, :, None]) * made.scales[:, :, None])[0]
        difference = x @ real.T + made.bias - x @ weights[0].T
        errors.append(float(np.square(difference).mean()))
    assert errors[1] < errors[0] / 2
    assert np.abs(difference.mean(axis=0)).max() < 1e-6


def test_eight_bit_symmetric_weights_leave_out_minus_128() -> None:
    """TFLite's spec has int8 weights from -127 to 127."""
    assert code_range(Scheme(weight_bits=8)) == (-127, 127)
    assert code_range(Scheme(weight_bits=8, weight_symmetric=False)) == (-128, 127)
    assert code_range(Scheme(weight_bits=4)) == (-8, 7)


def test_an_indefinite_covariance_is_no_end() -> None:
    """A covariance with a negative eigenvalue, as rounding errors leave it, still gives codes of the grid."""
    rng = np.random.default_rng(3)
    basis = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    hessian = (basis @ np.diag([4.0, 2.0, 1.0, 0.5, 1e-9, -1e-4]) @ basis.T)[None]
    weights = rng.normal(size=(1, 5, 6))
    grid = Grid(np.full((1, 5), 0.2), np.zeros((1, 5)), -8, 7)
    for q in (gptq(weights, grid, hessian), beam(weights, grid, hessian, 4)):
        assert np.isfinite(q).all()
        np.testing.assert_array_equal(q, np.clip(np.rint(q), -8, 7))
