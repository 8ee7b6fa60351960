"""Perturbations of inputs, as a sensor in the field gives them: noise, shift, brightness; seeded, in numpy alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Perturbation:
    """`apply(x, level, spread, generator)` changes real samples [samples, *shape] of standard deviation `spread`.

    `levels` are those of a curve, `unit` says what they count.
    """

    name: str
    unit: str
    levels: tuple[float, ...]
    apply: Callable[[Array, float, float, np.random.Generator], Array]


def _noise(x: Array, level: float, spread: float, generator: np.random.Generator) -> Array:
    """Gaussian noise."""
    return np.asarray(x + generator.normal(0.0, level * spread, x.shape))


def _brightness(x: Array, level: float, spread: float, generator: np.random.Generator) -> Array:
    """Every sample brighter or darker as a whole."""
    signs = generator.choice((-1.0, 1.0), len(x)).reshape(-1, *[1] * (x.ndim - 1))
    return np.asarray(x + signs * level * spread)


def _shift(x: Array, level: float, spread: float, generator: np.random.Generator) -> Array:
    """Every sample moved along its longest spatial axis (a square image along both), either way; the edge repeats."""
    moved = x
    for axis in _spatial_axes(x):
        signs = generator.choice((-1, 1), len(x))
        places = np.arange(x.shape[axis])[None] - signs[:, None] * round(level)
        places = np.clip(places, 0, x.shape[axis] - 1)
        shape = [1] * x.ndim
        shape[0], shape[axis] = len(x), x.shape[axis]
        moved = np.take_along_axis(moved, places.reshape(shape), axis=axis)
    return moved


def _spatial_axes(x: Array) -> tuple[int, ...]:
    """The longest axes before the channels: time of a spectrogram, both of a square image; else the last axis."""
    longest = max(x.shape[1:-1], default=1)
    axes = tuple(axis for axis in range(1, x.ndim - 1) if x.shape[axis] == longest > 1)
    return axes or (x.ndim - 1,)


NOISE = Perturbation("noise", "of the inputs' standard deviation", (0.05, 0.1, 0.2, 0.4), _noise)
SHIFT = Perturbation("shift", "elements along the longest axis", (1, 2, 4), _shift)
BRIGHTNESS = Perturbation("brightness", "of the inputs' standard deviation", (0.1, 0.25, 0.5, 1.0), _brightness)

PERTURBATIONS: tuple[Perturbation, ...] = (NOISE, SHIFT, BRIGHTNESS)


def perturbed(x: Array, perturbation: Perturbation, level: float, seed: int = 0) -> Array:
    """Real samples [samples, *shape] perturbed and, as a sensor does, clipped to the range that they had; float32."""
    generator = np.random.default_rng(seed)
    changed = perturbation.apply(x.astype(np.float64), level, float(x.std()), generator)
    return np.clip(changed, x.min(), x.max()).astype(np.float32)
