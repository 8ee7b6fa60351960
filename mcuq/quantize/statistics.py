"""What a layer's inputs look like: means and covariances, of the float network and of the quantized one before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq.ir import Graph, Node
from mcuq.quantize.layers import unfolded

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class InputStatistics:
    """Moments of unfolded inputs over `rows` rows; float64, means [groups, taps], covariances [groups, taps, taps].

    `covariance` is that of the inputs that the quantized layer will see, `cross[i, j]` that of float input i with
    seen input j.
    """

    rows: int
    mean: Array
    float_mean: Array
    covariance: Array
    cross: Array

    def about_zero(self) -> InputStatistics:
        """The same with second moments about zero instead of about the means: what counts when no bias can follow."""
        covariance = self.covariance + self.mean[:, :, None] * self.mean[:, None, :]
        cross = self.cross + self.float_mean[:, :, None] * self.mean[:, None, :]
        return InputStatistics(self.rows, self.mean, self.float_mean, covariance, cross)

    def without_input_error(self) -> InputStatistics:
        """The same as if the float network had the quantized inputs; the means still tell both apart."""
        return InputStatistics(self.rows, self.mean, self.float_mean, self.covariance, self.covariance)


def input_statistics(node: Node, graph: Graph, floats: Array, seen: Array) -> InputStatistics:
    """Statistics of the node's input in the float network and as `seen` by the quantized one, [samples, *shape]."""
    rows, shift = 0, None
    sums: list[Array] = []
    for x, z in unfolded(node, graph, (floats, seen)):
        if shift is None:  # centring on the first chunk keeps float32 products accurate
            shift = x.mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
        x, z = x - shift, z - shift
        parts = [x.sum(axis=1, dtype=np.float64), z.sum(axis=1, dtype=np.float64)]
        parts += [(z.transpose(0, 2, 1) @ z).astype(np.float64), (x.transpose(0, 2, 1) @ z).astype(np.float64)]
        sums = [old + new for old, new in zip(sums, parts, strict=True)] if sums else parts
        rows += x.shape[1]
    if shift is None:
        raise ValueError("no samples")
    x_mean, z_mean = sums[0] / rows, sums[1] / rows
    covariance = sums[2] / rows - z_mean[:, :, None] * z_mean[:, None, :]
    cross = sums[3] / rows - x_mean[:, :, None] * z_mean[:, None, :]
    offset = shift[:, 0, :].astype(np.float64)
    return InputStatistics(rows, z_mean + offset, x_mean + offset, covariance, cross)
