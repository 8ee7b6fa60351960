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


def add_reader(reader: OperatorReader) -> None:
    """Read one more operator in this process, until `remove_reader`; ValueError when it is read already.

    A custom operator is called `CUSTOM 'name'`.
    """
    if reader.name in READER_OF:
        raise ValueError(f"mcuq reads the TFLite operator {reader.name} already")
    READER_OF[reader.name] = reader


def remove_reader(reader: OperatorReader) -> None:
    """Forget a reader that `add_reader` added."""
    if reader not in OPERATORS:
        READER_OF.pop(reader.name, None)
