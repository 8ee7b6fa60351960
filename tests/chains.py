"""Random networks of images that can be streamed: convolutions, poolings, elementwise ops, residual sums."""

from __future__ import annotations

import numpy as np

from mcuq.ir import Graph, Quantization
from mcuq.ops import NoAttrs
from mcuq.ops.binary import Binary
from mcuq.ops.conv_2d import Conv2D
from mcuq.ops.depthwise_conv_2d import DepthwiseConv2D
from mcuq.ops.pool import Pool2D
from mcuq.ops.window import Padding, same_padding
from tests.networks import Builder

WEIGHTS = Quantization((0.01,), (0,))


class ChainBuilder(Builder):
    """Layers one behind the other; each method takes and gives the name of an image."""

    def _geometry(
        self, x: str, largest: int
    ) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int], Padding] | None:
        """Size, stride, dilation and padding of a window that fits the image, or None."""
        _, height, width, _ = self.values[x].shape
        size = (int(self.rng.integers(1, largest + 1)), int(self.rng.integers(1, largest + 1)))
        stride = (int(self.rng.integers(1, 3)), int(self.rng.integers(1, 3)))
        dilation = (1, 1) if self.rng.random() < 0.8 or max(stride) > 1 else (2, int(self.rng.integers(1, 3)))
        padding = same_padding(size, stride, dilation, (height, width)) if self.rng.random() < 0.7 else Padding()
        rows = height + padding.top + padding.bottom - (size[0] - 1) * dilation[0] - 1
        columns = width + padding.left + padding.right - (size[1] - 1) * dilation[1] - 1
        return (size, stride, dilation, padding) if rows >= 0 and columns >= 0 else None

    def convolution(self, x: str, channels: int, like: bool = False) -> str:
        """Any window; with `like` 3 x 3 with the image's own size."""
        _, height, width, depth = self.values[x].shape
        found = ((3, 3), (1, 1), (1, 1), same_padding((3, 3), (1, 1), (1, 1), (height, width)))
        found = found if like else (self._geometry(x, 4) or ((1, 1), (1, 1), (1, 1), Padding()))
        size, stride, dilation, padding = found
        return self.node(
            "CONV_2D", (x, self.weights((channels, *size, depth), WEIGHTS)), Conv2D(stride, dilation, padding)
        )

    def depthwise(self, x: str) -> str:
        """Mostly 3 x 3 and padded, as in networks; sometimes anything."""
        _, height, width, depth = self.values[x].shape
        stride = (1, 1) if self.rng.random() < 0.6 else (2, 2)
        found = ((3, 3), stride, (1, 1), same_padding((3, 3), stride, (1, 1), (height, width)))
        if self.rng.random() < 0.3:
            found = self._geometry(x, 3) or found
        size, stride, dilation, padding = found
        weights = self.weights((1, *size, depth), WEIGHTS)
        return self.node("DEPTHWISE_CONV_2D", (x, weights), DepthwiseConv2D(stride, dilation, padding))

    def pooling(self, x: str) -> str:
        """2 x 2, where that fits."""
        _, height, width, _ = self.values[x].shape
        size = (min(2, height), min(2, width))
        op = "MAX_POOL_2D" if self.rng.random() < 0.5 else "AVERAGE_POOL_2D"
        return self.node(op, (x,), Pool2D(size, size))

    def residual(self, x: str) -> str:
        """x + two convolutions of x."""
        depth = self.values[x].shape[3]
        return self.node("ADD", (x, self.convolution(self.convolution(x, depth, True), depth, True)), Binary())

    def layer(self, x: str) -> str:
        """One of all these."""
        kind = self.rng.integers(0, 10)
        if kind < 4:
            return self.convolution(x, int(self.rng.choice([1, 3, 4, 8, 12])))
        if kind < 6:
            return self.depthwise(x)
        if kind < 8:
            return self.residual(x)
        return self.pooling(x) if kind < 9 else self.node("RELU", (x,), NoAttrs())


def chain_network(seed: int) -> Graph:
    """A random network of two to six layers on an image of random size."""
    b = ChainBuilder(np.random.default_rng(seed))
    shape = (1, int(b.rng.integers(4, 14)), int(b.rng.integers(3, 12)), int(b.rng.choice([1, 3, 4, 8])))
    x = b.input(shape)
    for _ in range(int(b.rng.integers(2, 7))):
        x = b.layer(x)
    return b.graph((x,))
