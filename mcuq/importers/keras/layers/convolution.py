"""Convolutions, depthwise and separable ones too: padding becomes explicit, a sequence an image of height 1."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from mcuq.importers.keras.layers.activation import emit_curve, fused_activation, refuse_activation
from mcuq.importers.keras.site import Array, Config, LayerReader, Site
from mcuq.ir import Tensor, Value
from mcuq.ops.activation import NONE
from mcuq.ops.conv_2d import Conv2D
from mcuq.ops.depthwise_conv_2d import DepthwiseConv2D
from mcuq.ops.window import Padding, same_padding


def numbers(value: Any) -> tuple[int, ...]:
    """A number or a list of them, as Keras writes sizes."""
    return tuple(int(one) for one in value) if isinstance(value, (list, tuple)) else (int(value),)


def pair(value: Any, rank: int) -> tuple[int, int]:
    """(rows, columns) of a size in `rank` dimensions; a sequence lies along the columns."""
    found = numbers(value)
    return (1, found[0]) if rank == 1 else (found[0], found[-1])


def refuse_layout(config: Config) -> Iterator[str]:
    """What speaks against the configuration's data format."""
    if config.get("data_format") == "channels_first":
        yield "its data format is channels_first; build the model with channels_last (NHWC)"


def explicit_padding(
    config: Config, size: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int], x: Value
) -> Padding:
    """What "same", "valid" or "causal" means for the image x."""
    kind = str(config.get("padding", "valid")).lower()
    if kind == "causal":
        return Padding(left=(size[1] - 1) * dilation[1])
    if kind == "same":
        return same_padding(size, stride, dilation, (x.shape[1], x.shape[2]))
    return Padding()


def _refuse_convolution(config: Config) -> Iterator[str]:
    yield from refuse_layout(config)
    yield from refuse_activation(config)
    if config.get("groups", 1) not in (None, 1):
        yield f"a convolution in {config['groups']} groups; use DepthwiseConv2D or a plain convolution"


@dataclass(frozen=True, slots=True)
class _Geometry:
    """Of one convolution; weights still have Keras' layout, with a height also in 1D."""

    stride: tuple[int, int]
    dilation: tuple[int, int]
    rank: int

    @classmethod
    def of(cls, config: Config, rank: int) -> _Geometry:
        return cls(pair(config.get("strides", 1), rank), pair(config.get("dilation_rate", 1), rank), rank)

    def lifted(self, kernel: Array) -> Array:
        """[K,C,M] -> [1,K,C,M]."""
        return kernel[None] if self.rank == 1 else kernel


def _with_bias(site: Site, operands: tuple[Value, ...], biases: tuple[Array, ...]) -> tuple[Value, ...]:
    return (*operands, *(site.constant("bias", bias) for bias in biases))


def _dense_part(site: Site, x: Tensor, kernel: Array, biases: tuple[Array, ...], geometry: _Geometry) -> Tensor:
    """A convolution over all channels with the layer's activation; `kernel` is [KH,KW,C,OC]."""
    size = (kernel.shape[0], kernel.shape[1])
    padding = explicit_padding(site.config, size, geometry.stride, geometry.dilation, x)
    attrs = Conv2D(geometry.stride, geometry.dilation, padding, fused_activation(site))
    weights = site.constant("kernel", kernel.transpose(3, 0, 1, 2))
    return emit_curve(site, site.emit("CONV_2D", _with_bias(site, (x, weights), biases), attrs))


def _depthwise_part(
    site: Site, x: Tensor, kernel: Array, biases: tuple[Array, ...], geometry: _Geometry, activation: str
) -> Tensor:
    """A convolution of each channel by itself; `kernel` is [KH,KW,C,multiplier]."""
    rows, columns, channels, multiplier = kernel.shape
    padding = explicit_padding(site.config, (rows, columns), geometry.stride, geometry.dilation, x)
    attrs = DepthwiseConv2D(geometry.stride, geometry.dilation, padding, multiplier, activation)
    weights = site.constant("depthwise_kernel", kernel.reshape(1, rows, columns, channels * multiplier))
    return site.emit("DEPTHWISE_CONV_2D", _with_bias(site, (x, weights), biases), attrs)


def _conv(rank: int) -> Callable[[Site], Tensor]:
    def read(site: Site) -> Tensor:
        geometry = _Geometry.of(site.config, rank)
        kernel, *biases = site.weights(1, 2)
        return _dense_part(site, site.image(), geometry.lifted(kernel), tuple(biases), geometry)

    return read


def _depthwise(rank: int) -> Callable[[Site], Tensor]:
    def read(site: Site) -> Tensor:
        geometry = _Geometry.of(site.config, rank)
        kernel, *biases = site.weights(1, 2)
        activation = fused_activation(site)
        y = _depthwise_part(site, site.image(), geometry.lifted(kernel), tuple(biases), geometry, activation)
        return emit_curve(site, y)

    return read


def _separable(rank: int) -> Callable[[Site], Tensor]:
    def read(site: Site) -> Tensor:
        geometry = _Geometry.of(site.config, rank)
        depthwise, pointwise, *biases = site.weights(2, 3)
        x = _depthwise_part(site, site.image(), geometry.lifted(depthwise), (), geometry, NONE)
        return _dense_part(site, x, geometry.lifted(pointwise), tuple(biases), _Geometry((1, 1), (1, 1), rank))

    return read


CONVOLUTIONS = tuple(
    LayerReader(f"{name}{rank}D", make(rank), _refuse_convolution)
    for name, make in (("Conv", _conv), ("DepthwiseConv", _depthwise), ("SeparableConv", _separable))
    for rank in (1, 2)
)
