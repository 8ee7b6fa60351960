"""Sliding windows over NHWC images: padding, output sizes, and the windows themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcuq.ops.card import Array


@dataclass(frozen=True, slots=True)
class Padding:
    """Rows and columns added on each side; they read as the input's zero point."""

    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0


@dataclass(frozen=True, slots=True)
class Window:
    """The geometry of a convolution or pooling; each pair is (rows, columns)."""

    size: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: Padding = Padding()

    @property
    def extent(self) -> tuple[int, int]:
        """Rows and columns that one window spans."""
        return (
            (self.size[0] - 1) * self.dilation[0] + 1,
            (self.size[1] - 1) * self.dilation[1] + 1,
        )

    def output_size(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of the output; ValueError when not even one window fits."""
        rows = height + self.padding.top + self.padding.bottom - self.extent[0]
        columns = width + self.padding.left + self.padding.right - self.extent[1]
        if rows < 0 or columns < 0:
            raise ValueError(f"a window of {self.extent} does not fit an image of {(height, width)}")
        return rows // self.stride[0] + 1, columns // self.stride[1] + 1


def same_padding(
    size: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int], image: tuple[int, int]
) -> Padding:
    """TFLite's SAME: the output has ceil(input / stride) rows and columns, the odd row or column goes after."""

    def sides(axis: int) -> tuple[int, int]:
        outputs = -(-image[axis] // stride[axis])
        extent = (size[axis] - 1) * dilation[axis] + 1
        total = max((outputs - 1) * stride[axis] + extent - image[axis], 0)
        return total // 2, total - total // 2

    (top, bottom), (left, right) = sides(0), sides(1)
    return Padding(top, bottom, left, right)


def pad_image(images: Array, padding: Padding, value: float) -> Array:
    """`images` [S, H, W, C] with the padding filled by `value`."""
    sides = ((0, 0), (padding.top, padding.bottom), (padding.left, padding.right), (0, 0))
    return np.pad(images, sides, constant_values=value)


def windows_of(images: Array, window: Window) -> Array:
    """A view [S, OH, OW, KH, KW, C] of padded images [S, H, W, C]."""
    view = np.lib.stride_tricks.sliding_window_view(images, window.extent, axis=(1, 2))
    view = view[:, :: window.stride[0], :: window.stride[1], :, :: window.dilation[0], :: window.dilation[1]]
    return np.asarray(np.moveaxis(view, 3, 5))


def flatten_samples(array: Array) -> Array:
    """[S, 1, H, W, C] -> [S, H, W, C]."""
    return array.reshape((-1, *array.shape[2:]))


def restore_samples(images: Array) -> Array:
    """[S, H, W, C] -> [S, 1, H, W, C]."""
    return images.reshape((images.shape[0], 1, *images.shape[1:]))
