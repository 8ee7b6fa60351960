"""The geometry of a sliding window as the literals of a C function."""

from __future__ import annotations

from dataclasses import dataclass

from mcuq.ir import Value
from mcuq.ops.window import Window


@dataclass(frozen=True, slots=True)
class WindowShape:
    """Sizes of image, window and output; `padded` tells whether any window leaves the image."""

    height: int
    width: int
    channels: int
    out_height: int
    out_width: int
    window_height: int
    window_width: int
    stride_y: int
    stride_x: int
    dilation_y: int
    dilation_x: int
    pad_top: int
    pad_left: int
    padded_y: bool
    padded_x: bool

    @property
    def padded(self) -> bool:
        """Whether any window leaves the image."""
        return self.padded_y or self.padded_x


def window_shape(x: Value, y: Value, window: Window) -> WindowShape:
    """The literals for an image `x` [1,H,W,C] and an output `y` [1,OH,OW,...]."""
    _, height, width, channels = x.shape
    _, out_height, out_width, _ = y.shape
    p = window.padding

    def leaves(size: int, outputs: int, axis: int, before: int) -> bool:
        last = (outputs - 1) * window.stride[axis] - before + window.extent[axis]
        return before > 0 or last > size

    return WindowShape(
        height=height,
        width=width,
        channels=channels,
        out_height=out_height,
        out_width=out_width,
        window_height=window.size[0],
        window_width=window.size[1],
        stride_y=window.stride[0],
        stride_x=window.stride[1],
        dilation_y=window.dilation[0],
        dilation_x=window.dilation[1],
        pad_top=p.top,
        pad_left=p.left,
        padded_y=leaves(height, out_height, 0, p.top),
        padded_x=leaves(width, out_width, 1, p.left),
    )
