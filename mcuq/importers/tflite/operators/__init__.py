"""The visible list of TFLite operators that the importer reads."""

from __future__ import annotations

from mcuq.importers.tflite.operators import convolution, elementwise, layout, pooling
from mcuq.importers.tflite.site import OperatorReader

OPERATORS: tuple[OperatorReader, ...] = (
    convolution.CONV_2D,
    convolution.DEPTHWISE_CONV_2D,
    convolution.FULLY_CONNECTED,
    elementwise.ADD,
    elementwise.DEQUANTIZE,
    elementwise.LOGISTIC,
    elementwise.MUL,
    elementwise.QUANTIZE,
    elementwise.RELU,
    elementwise.RELU6,
    elementwise.SOFTMAX,
    elementwise.SUB,
    elementwise.TANH,
    layout.CONCATENATION,
    layout.EXPAND_DIMS,
    layout.PACK,
    layout.PAD,
    layout.PADV2,
    layout.RESHAPE,
    layout.SHAPE,
    layout.SQUEEZE,
    layout.STRIDED_SLICE,
    pooling.AVERAGE_POOL_2D,
    pooling.MAX_POOL_2D,
    pooling.MEAN,
)

READER_OF = {reader.name: reader for reader in OPERATORS}
