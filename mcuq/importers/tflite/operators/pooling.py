"""MAX_POOL_2D, AVERAGE_POOL_2D and MEAN."""

from __future__ import annotations

from mcuq.importers.tflite import schema
from mcuq.importers.tflite.operators.convolution import explicit_padding
from mcuq.importers.tflite.site import OperatorReader, Reading, Site
from mcuq.ops.mean import Mean
from mcuq.ops.pool import Pool2D


def _pool(site: Site) -> Pool2D:
    size, stride = site.pair("filter_height", "filter_width"), site.pair("stride_h", "stride_w")
    return Pool2D(size, stride, explicit_padding(site, size, stride), site.activation())


def _read_max_pool_2d(site: Site) -> Reading:
    return Reading("MAX_POOL_2D", (site.operand(0),), _pool(site))


def _read_average_pool_2d(site: Site) -> Reading:
    return Reading("AVERAGE_POOL_2D", (site.operand(0),), _pool(site))


def _read_mean(site: Site) -> Reading:
    x = site.operand(0)
    axes = {site.axis(axis, len(x.shape)) for axis in site.whole_numbers(1, "the axes")}
    return Reading("MEAN", (x,), Mean(tuple(sorted(axes)), bool(site.options.number("keep_dims"))))


MAX_POOL_2D = OperatorReader("MAX_POOL_2D", _read_max_pool_2d, schema.POOL_2D, 5)
AVERAGE_POOL_2D = OperatorReader("AVERAGE_POOL_2D", _read_average_pool_2d, schema.POOL_2D, 5)
MEAN = OperatorReader("MEAN", _read_mean, schema.REDUCER, 27)
