"""Layers that scale and shift: BatchNormalization, Normalization and Rescaling become MUL and ADD by constants."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mcuq.importers.keras.site import Array, Config, LayerReader, Refused, Site
from mcuq.ir import Tensor
from mcuq.ops.binary import Binary


def _scaled(site: Site, x: Tensor, scale: Array, offset: Array) -> Tensor:
    """x * scale + offset, without the part that changes nothing."""
    if np.any(scale != 1):
        x = site.emit("MUL", (x, site.constant("scale", scale)), Binary())
    if np.any(offset != 0):
        x = site.emit("ADD", (x, site.constant("offset", offset)), Binary())
    return x


def _refuse_inner_axis(site: Site) -> None:
    axis = site.config.get("axis", -1)
    axes = tuple(axis) if isinstance(axis, (list, tuple)) else (axis,)
    if axes not in ((-1,), (len(site.shape) - 1,)):
        raise Refused(f"it works along axis {axis}; mcuq does the last one (channels_last)")


def _read_batch_normalization(site: Site) -> Tensor:
    _refuse_inner_axis(site)
    scaled, centred = bool(site.config.get("scale", True)), bool(site.config.get("center", True))
    weights = [weight.astype(np.float64) for weight in site.weights(2 + scaled + centred)]
    gamma: Array | float = weights.pop(0) if scaled else 1.0
    beta: Array | float = weights.pop(0) if centred else 0.0
    mean, variance = weights
    scale = gamma / np.sqrt(variance + site.config.get("epsilon", 1e-3))
    # Both constants stay, even where they change nothing: whoever folds finds the pair.
    product = site.emit("MUL", (site.held(), site.constant("scale", scale)), Binary())
    return site.emit("ADD", (product, site.constant("offset", beta - mean * scale)), Binary())


def _read_rescaling(site: Site) -> Tensor:
    scale, offset = (np.asarray(site.config.get(name, default)) for name, default in (("scale", 1.0), ("offset", 0.0)))
    if max(scale.ndim, offset.ndim) > 1:
        raise Refused("it has a scale or an offset of more than one dimension")
    return _scaled(site, site.held(), np.atleast_1d(scale), np.atleast_1d(offset))


def _statistics(site: Site) -> tuple[Array, Array]:
    """Mean and variance in float64 with the shape of the operand's last axis, or of one element."""
    found = []
    for name in ("mean", "variance"):
        value = np.squeeze(np.asarray(getattr(site.layer, name), np.float64))
        if value.ndim > 1 or value.size not in (1, site.shape[-1]):
            raise Refused("it normalises along other axes than the last")
        found.append(np.atleast_1d(value))
    return found[0], found[1]


def _read_normalization(site: Site) -> Tensor:
    if site.config.get("axis") not in (None, (), []):
        _refuse_inner_axis(site)
    mean, variance = _statistics(site)
    deviation = np.maximum(np.sqrt(variance), 1e-7)  # Keras' own guard against constant features
    return _scaled(site, site.held(), 1 / deviation, -mean / deviation)


def _refuse_inverted(config: Config) -> Iterator[str]:
    if config.get("invert"):
        yield "it is inverted; mcuq normalises forwards"


BATCH_NORMALIZATION = LayerReader("BatchNormalization", _read_batch_normalization)
RESCALING = LayerReader("Rescaling", _read_rescaling)
NORMALIZATION = LayerReader("Normalization", _read_normalization, _refuse_inverted)
