"""DEPTHWISE_CONV_2D of any window for cores with DSP instructions: one channel as an int16 plane, two taps a product.

The plane holds a band of padded rows, or of columns where that takes less: image and window are then taken transposed.
Two taps that lie together in a row are one product; where the window is dilated along it, every tap is a product of its
own, whose other half has weight zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcuq.artifacts import PackedConstant
from mcuq.ir import Graph, Node
from mcuq.ops.activation import quantized_range
from mcuq.ops.requirements import quantization_of
from mcuq.schedule.kernel import Kernel, Work
from mcuq.schedule.kernels.channel_planes import (
    Steps,
    band_of,
    folded_depthwise,
    geometry_of,
    overlap_of,
    plane_rows,
    steps_of,
    transposed,
)
from mcuq.schedule.kernels.lanes import refusal_of_types
from mcuq.schedule.kernels.mixed_lanes import Folded, factors
from mcuq.schedule.kernels.window_shape import WindowShape

PLANE_BYTES = (4096, 1024)  # of the plane of a band, at most: the fast way, and one with little scratch


@dataclass(frozen=True, slots=True)
class DepthwiseAnyDspShape:
    """`band` output rows at a time; a row of the plane has `line_words` of two pixels, a row of the window `products`.

    Products lie `step` pixels apart. `low` and `high` bound the fused activation; `linear`: see mixed_lanes.
    """

    window: WindowShape
    steps: Steps
    multiplier: int
    band: int
    line_words: int
    products: int
    step: int
    low: int
    high: int
    linear: bool


@dataclass(frozen=True, slots=True)
class DepthwiseAnyDspParameters:
    """What padding reads as."""

    zero_point: int


def refuses(node: Node, graph: Graph) -> str | None:
    """Why the kernel cannot compute the node, or None."""
    return refusal_of_types(node, graph) or folded_depthwise(node, graph).refusal()


def _products(g: WindowShape) -> tuple[int, int]:
    """How many products a row of the window takes, and how many pixels they lie apart."""
    return (-(-g.window_width // 2), 2) if g.dilation_x == 1 else (g.window_width, g.dilation_x)


def _line_words(g: WindowShape) -> int:
    """Words of two pixels of a padded row: what the last window reads, or what the image fills."""
    products, step = _products(g)
    read = (g.out_width - 1) * g.stride_x + (products - 1) * step + 2
    return (max(read, g.pad_left + g.width) + 1) // 2


def _stream(layer: Folded, g: WindowShape, zero_point: int, *, columns: bool) -> np.ndarray:
    """For each channel: bias, multiplier, rounding, shift, and its products row by row."""
    products, step = _products(g)
    words: list[int] = []
    for row, bias, multiplier in zip(layer.rows, layer.bias, layer.multipliers, strict=True):
        words += [int(bias), *factors(*multiplier, zero_point)]
        taps = np.zeros((g.window_height, products, 2), np.int64)
        size = (g.window_height, g.window_width)
        window = row.reshape(size[::-1]).T if columns else row.reshape(size)
        if step == 2 and g.dilation_x == 1:
            taps.reshape(g.window_height, -1)[:, : g.window_width] = window
        else:
            taps[:, :, 0] = window
        words += [int(low) & 0xFFFF | (int(high) & 0xFFFF) << 16 for low, high in taps.reshape(-1, 2)]
    return (np.array(words, np.int64) & 0xFFFFFFFF).astype(np.uint32)


def _cycles(g: WindowShape, outputs: int, band: int) -> int:
    """Products and what follows a sum, for four outputs at a time; then widening the rows of each band."""
    products, _ = _products(g)
    bands = -(-g.out_height // band)
    rows = g.height + (bands - 1) * max(0, plane_rows(g, 1) - g.stride_y)
    fours, ones = divmod(g.out_width, 4)
    row = fours * (15 * g.window_height * products + 60) + ones * (8 * g.window_height * products + 40) + 20
    return outputs * (g.out_height * row + 40 * bands) + g.channels * rows * (6 * g.width + 12)


def plans(node: Node, graph: Graph) -> tuple[Work, ...]:
    """A band of many rows, or of few; columns in place of rows where they take fewer cycles."""
    g, outputs = geometry_of(node, graph), graph[node.outputs[0]].shape[3]
    ways = []
    for limit in PLANE_BYTES:
        both = [(shape, band_of(shape, 4 * _line_words(shape), limit), shape is not g) for shape in (g, transposed(g))]
        ways.append(min(both, key=lambda way: _cycles(way[0], outputs, way[1])))
    return tuple(_plan(node, graph, shape, band, columns=columns) for shape, band, columns in dict.fromkeys(ways))


def _plan(node: Node, graph: Graph, g: WindowShape, band: int, *, columns: bool) -> Work:
    x, y = graph[node.inputs[0]], graph.tensor(node.outputs[0])
    products, step = _products(g)
    zero_point = quantization_of(y).zero_point
    low, high = quantized_range(node.attrs.activation, y)
    return Work(
        shape=DepthwiseAnyDspShape(
            window=g,
            steps=steps_of(geometry_of(node, graph), y.shape[3], columns=columns),
            multiplier=node.attrs.depth_multiplier,
            band=band,
            line_words=_line_words(g),
            products=products,
            step=step,
            low=low,
            high=high,
            linear=zero_point != -128,
        ),
        parameters=DepthwiseAnyDspParameters(quantization_of(x).zero_point),
        constants=(
            PackedConstant(
                "stream", "uint32_t", _stream(folded_depthwise(node, graph), g, zero_point, columns=columns)
            ),
        ),
        scratch_bytes=4 * _line_words(g) * plane_rows(g, band),
        overlaps=(overlap_of(node, graph, g, band, columns=columns),),
        cycles=_cycles(g, y.shape[3], band),
        code_bytes=600 + 60 * min(products, 8),
        shared_code=(("mcuq_widen_line", 70),),
        variant=f"{band} {'column' if columns else 'row'}{'s' if band > 1 else ''} at a time",
    )


KERNEL = Kernel(
    "depthwise_conv_2d_any/dsp", ("DEPTHWISE_CONV_2D",), "mcuq_stream_parameters", plans, refuses, frozenset({"dsp"})
)
