"""Pooling: in windows, and over the whole image or sequence."""

from __future__ import annotations

from collections.abc import Callable

from mcuq.importers.keras.layers.convolution import explicit_padding, pair, refuse_layout
from mcuq.importers.keras.site import LayerReader, Site
from mcuq.ir import Tensor
from mcuq.ops.mean import Mean
from mcuq.ops.pool import Pool2D
from mcuq.ops.reshape import Reshape


def _windowed(op: str, rank: int) -> Callable[[Site], Tensor]:
    def read(site: Site) -> Tensor:
        x, size = site.image(), pair(site.config["pool_size"], rank)
        strides = site.config.get("strides")
        stride = size if strides is None else pair(strides, rank)
        return site.emit(op, (x,), Pool2D(size, stride, explicit_padding(site.config, size, stride, (1, 1), x)))

    return read


def _read_global_average(site: Site) -> Tensor:
    mean = site.emit("MEAN", (site.image(),), Mean((1, 2)))
    return mean if mean.shape == site.shape else site.emit("RESHAPE", (mean,), Reshape(site.shape))


def _read_global_maximum(site: Site) -> Tensor:
    x = site.image()
    size = (x.shape[1], x.shape[2])
    return site.emit("RESHAPE", (site.emit("MAX_POOL_2D", (x,), Pool2D(size, size)),), Reshape(site.shape))


POOLINGS = (
    *(
        LayerReader(f"{name}{rank}D", _windowed(op, rank), refuse_layout)
        for name, op in (("MaxPooling", "MAX_POOL_2D"), ("AveragePooling", "AVERAGE_POOL_2D"))
        for rank in (1, 2)
    ),
    *(
        LayerReader(f"{name}{rank}D", read, refuse_layout)
        for name, read in (("GlobalAveragePooling", _read_global_average), ("GlobalMaxPooling", _read_global_maximum))
        for rank in (1, 2)
    ),
)
