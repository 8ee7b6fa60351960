"""The part of the TFLite file format that mcuq writes: op codes and versions, option tables, type codes.

Facts from schema.fbs, version 3 (https://github.com/tensorflow/tflite-micro). The importer says the same in its own
terms; a test compares both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

FILE_IDENTIFIER = b"TFL3"
SCHEMA_VERSION = 3


@dataclass(frozen=True, slots=True)
class OpCode:
    """One builtin operator: its code, the version that does int8, the code of its options table (0: none)."""

    code: int
    version: int
    options_type: int = 0


OP_CODES: Mapping[str, OpCode] = {
    "ADD": OpCode(0, 2, 11),
    "AVERAGE_POOL_2D": OpCode(1, 2, 5),
    "CONCATENATION": OpCode(2, 2, 10),
    "CONV_2D": OpCode(3, 3, 1),
    "DEPTHWISE_CONV_2D": OpCode(4, 3, 2),
    "DEQUANTIZE": OpCode(6, 3),
    "FULLY_CONNECTED": OpCode(9, 6, 8),
    "LOGISTIC": OpCode(14, 2),
    "MAX_POOL_2D": OpCode(17, 2, 5),
    "MEAN": OpCode(40, 2, 27),
    "MUL": OpCode(18, 2, 21),
    "PACK": OpCode(83, 2, 59),
    "PAD": OpCode(34, 2),
    "PADV2": OpCode(60, 2),
    "QUANTIZE": OpCode(114, 2),
    "RELU": OpCode(19, 2),
    "RELU6": OpCode(21, 2),
    "RESHAPE": OpCode(22, 1),
    "SHAPE": OpCode(77, 1, 55),
    "SOFTMAX": OpCode(25, 2, 9),
    "STRIDED_SLICE": OpCode(45, 2, 32),
    "SUB": OpCode(41, 2, 28),
    "TANH": OpCode(28, 2),
}
TYPE_CODES: Mapping[str, int] = {
    "float32": 0,
    "float16": 1,
    "int32": 2,
    "uint8": 3,
    "int64": 4,
    "bool": 6,
    "int16": 7,
    "int8": 9,
    "int4": 17,
}
ACTIVATION_CODES: Mapping[str, int] = {"NONE": 0, "RELU": 1, "RELU_N1_TO_1": 2, "RELU6": 3, "TANH": 4, "SIGN_BIT": 5}
PADDING_CODES: Mapping[str, int] = {"SAME": 0, "VALID": 1}
