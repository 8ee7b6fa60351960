"""CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED: SAME and VALID become explicit padding."""

from __future__ import annotations

from mcuq.errors import InvalidModel
from mcuq.importers.tflite import schema
from mcuq.importers.tflite.refused import Refused
from mcuq.importers.tflite.site import OperatorReader, Reading, Site
from mcuq.ir import FLOAT32, Value
from mcuq.ops.conv_2d import Conv2D
from mcuq.ops.depthwise_conv_2d import DepthwiseConv2D
from mcuq.ops.fully_connected import FullyConnected
from mcuq.ops.window import Padding, same_padding


def explicit_padding(
    site: Site, size: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int] = (1, 1)
) -> Padding:
    """What the file's SAME or VALID means for the first operand, an image [1,H,W,C]."""
    image, code = site.operand(0), site.options.number("padding")
    if not 0 <= code < len(schema.PADDING_OF_CODE):
        raise InvalidModel(f"{site.place} has the unknown padding {code}")
    if len(image.shape) != 4:
        raise InvalidModel(f"{site.place} needs an image of 4 dimensions, not {list(image.shape)}")
    if schema.PADDING_OF_CODE[code] == "VALID":
        return Padding()
    return same_padding(size, stride, dilation, (image.shape[1], image.shape[2]))


def _weighted_operands(site: Site) -> tuple[Value, ...]:
    """Input, weights and, where the file has one, the bias."""
    x, weights = site.operand(0), site.operand(1)
    bias = site.operands[2] if len(site.operands) > 2 else None
    return (x, weights) if bias is None else (x, weights, bias)


def _window_of_weights(site: Site) -> tuple[int, int]:
    shape = site.operand(1).shape
    if len(shape) != 4:
        raise InvalidModel(f"{site.place} needs weights of 4 dimensions, not {list(shape)}")
    return shape[1], shape[2]


def _read_conv_2d(site: Site) -> Reading:
    stride, dilation = site.pair("stride_h", "stride_w"), site.pair("dilation_h_factor", "dilation_w_factor")
    padding = explicit_padding(site, _window_of_weights(site), stride, dilation)
    return Reading("CONV_2D", _weighted_operands(site), Conv2D(stride, dilation, padding, site.activation()))


def _read_depthwise_conv_2d(site: Site) -> Reading:
    stride, dilation = site.pair("stride_h", "stride_w"), site.pair("dilation_h_factor", "dilation_w_factor")
    padding = explicit_padding(site, _window_of_weights(site), stride, dilation)
    # The option of that name is redundant and not always kept; the shapes say the same.
    multiplier = site.operand(1).shape[3] // max(1, site.operand(0).shape[3])
    attrs = DepthwiseConv2D(stride, dilation, padding, multiplier, site.activation())
    return Reading("DEPTHWISE_CONV_2D", _weighted_operands(site), attrs)


def _read_fully_connected(site: Site) -> Reading:
    if site.options.number("weights_format"):
        raise Refused("its weights are stored shuffled")
    is_hybrid = site.operand(0).dtype == FLOAT32 and site.operand(1).dtype.is_integer
    is_asymmetric = not is_hybrid or bool(site.options.number("asymmetric_quantize_inputs"))
    attrs = FullyConnected(site.activation(), bool(site.options.number("keep_num_dims")), is_asymmetric)
    return Reading("FULLY_CONNECTED", _weighted_operands(site), attrs)


CONV_2D = OperatorReader("CONV_2D", _read_conv_2d, schema.CONV_2D, 1)
DEPTHWISE_CONV_2D = OperatorReader("DEPTHWISE_CONV_2D", _read_depthwise_conv_2d, schema.DEPTHWISE_CONV_2D, 2)
FULLY_CONNECTED = OperatorReader("FULLY_CONNECTED", _read_fully_connected, schema.FULLY_CONNECTED, 8)
