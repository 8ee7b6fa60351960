"""Perturbations: seeded, within the range of the data, and what their names say."""

from __future__ import annotations

import numpy as np
import pytest

from mcuq.perturb import BRIGHTNESS, NOISE, PERTURBATIONS, SHIFT, Perturbation, perturbed

X = np.random.default_rng(1).uniform(-1, 3, (6, 1, 12, 5, 2)).astype(np.float32)


@pytest.mark.parametrize("kind", PERTURBATIONS, ids=lambda kind: kind.name)
def test_the_same_seed_gives_the_same_samples(kind: Perturbation) -> None:
    """Perturbed inputs can be made again, here or on a device, and another seed gives others."""
    level = kind.levels[-1]
    first = perturbed(X, kind, level, seed=3)
    np.testing.assert_array_equal(first, perturbed(X, kind, level, seed=3))
    assert (first != perturbed(X, kind, level, seed=4)).any()
    assert first.dtype == np.float32
    assert first.shape == X.shape


@pytest.mark.parametrize("kind", PERTURBATIONS, ids=lambda kind: kind.name)
def test_no_value_leaves_the_range_of_the_data(kind: Perturbation) -> None:
    """As a sensor saturates."""
    found = perturbed(X, kind, kind.levels[-1])
    assert X.min() <= found.min()
    assert found.max() <= X.max()


@pytest.mark.parametrize("kind", PERTURBATIONS, ids=lambda kind: kind.name)
def test_level_0_changes_nothing(kind: Perturbation) -> None:
    """A curve starts at the undisturbed accuracy."""
    np.testing.assert_allclose(perturbed(X, kind, 0), X, rtol=1e-6)


def test_noise_has_the_stated_deviation() -> None:
    """The level counts in standard deviations of the data."""
    x = np.random.default_rng(0).normal(size=(200, 50)).astype(np.float32)
    x[0, :2] = -100, 100  # so that nothing is clipped
    added = perturbed(x, NOISE, 0.1)[1:] - x[1:]
    assert added.std() == pytest.approx(0.1 * x.std(), rel=0.05)


def test_brightness_moves_a_sample_as_a_whole() -> None:
    """Every element of a sample moves by the same amount, some samples up and some down."""
    x = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    x[0] = -9, 9, 0, 0, 0, 0
    moved = (perturbed(x, BRIGHTNESS, 0.5) - x)[1:]
    np.testing.assert_allclose(moved, moved[:, :1].repeat(6, axis=1), atol=1e-5)
    assert {-1.0, 1.0} == set(np.sign(moved[:, 0]))


def test_a_shift_moves_the_longest_axis_and_repeats_the_edge() -> None:
    """Time of a spectrogram moves, its bands do not."""
    found = perturbed(X, SHIFT, 2)
    later, earlier = X[:, :, [0, 0, *range(10)]], X[:, :, [*range(2, 12), 11, 11]]
    for sample in range(len(X)):
        assert any(np.array_equal(found[sample], moved[sample]) for moved in (later, earlier))


def test_a_square_image_shifts_along_both_axes() -> None:
    """An object is then elsewhere in the picture."""
    x = np.zeros((1, 1, 5, 5, 1), np.float32)
    x[0, 0, 2, 2] = 1
    rows, columns = np.argwhere(perturbed(x, SHIFT, 1)[0, 0, :, :, 0] == 1)[0]
    assert {int(rows), int(columns)} <= {1, 3}


def test_a_flat_sample_shifts_along_its_only_axis() -> None:
    """A row of numbers is a signal."""
    found = perturbed(np.arange(8, dtype=np.float32).reshape(1, 8), SHIFT, 1)[0]
    assert found.tolist() in ([0, 0, 1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6, 7, 7])
