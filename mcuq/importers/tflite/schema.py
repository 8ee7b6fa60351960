"""The part of the TFLite file format that mcuq reads: slots of table fields, type codes, op codes.

Facts from schema.fbs, version 3 (https://github.com/tensorflow/tflite-micro, tensorflow/compiler/mlir/lite/schema).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from mcuq.ir import BOOL, FLOAT16, FLOAT32, INT4, INT8, INT16, INT32, INT64, UINT8, DType

FILE_IDENTIFIER = b"TFL3"
SCHEMA_VERSION = 3

# struct's letter for one value, and for vectors also the bytes of an element
SCALARS = {"bool": "?", "int8": "b", "uint8": "B", "int32": "i", "uint32": "I", "uint64": "Q", "float32": "f"}
VECTORS = {"[int32]": ("i", 4), "[int64]": ("q", 8), "[float32]": ("f", 4)}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a table: its place in the vtable, its kind, and what a file that leaves it out means."""

    slot: int
    kind: str
    default: float = 0


Fields: TypeAlias = Mapping[str, Field]

MODEL: Fields = {
    "version": Field(0, "uint32"),
    "operator_codes": Field(1, "tables"),
    "subgraphs": Field(2, "tables"),
    "buffers": Field(4, "tables"),
}
OPERATOR_CODE: Fields = {
    "deprecated_builtin_code": Field(0, "int8"),
    "custom_code": Field(1, "string"),
    "builtin_code": Field(3, "int32"),
}
SUBGRAPH: Fields = {
    "tensors": Field(0, "tables"),
    "inputs": Field(1, "[int32]"),
    "outputs": Field(2, "[int32]"),
    "operators": Field(3, "tables"),
}
TENSOR: Fields = {
    "shape": Field(0, "[int32]"),
    "type": Field(1, "int8"),
    "buffer": Field(2, "uint32"),
    "name": Field(3, "string"),
    "quantization": Field(4, "table"),
    "is_variable": Field(5, "uint8"),
    "sparsity": Field(6, "table"),
    "shape_signature": Field(7, "[int32]"),
    "external_buffer": Field(10, "uint32"),
}
QUANTIZATION: Fields = {
    "scale": Field(2, "[float32]"),
    "zero_point": Field(3, "[int64]"),
    "details_type": Field(4, "uint8"),
    "quantized_dimension": Field(6, "int32"),
}
BUFFER: Fields = {"data": Field(0, "bytes"), "offset": Field(1, "uint64"), "size": Field(2, "uint64")}
OPERATOR: Fields = {
    "opcode_index": Field(0, "uint32"),
    "inputs": Field(1, "[int32]"),
    "outputs": Field(2, "[int32]"),
    "builtin_options_type": Field(3, "uint8"),
    "builtin_options": Field(4, "table"),
    "custom_options": Field(5, "bytes"),
}
NOTHING: Fields = {}

CONV_2D: Fields = {
    "padding": Field(0, "int8"),
    "stride_w": Field(1, "int32"),
    "stride_h": Field(2, "int32"),
    "fused_activation_function": Field(3, "int8"),
    "dilation_w_factor": Field(4, "int32", 1),
    "dilation_h_factor": Field(5, "int32", 1),
}
DEPTHWISE_CONV_2D: Fields = {
    "padding": Field(0, "int8"),
    "stride_w": Field(1, "int32"),
    "stride_h": Field(2, "int32"),
    "fused_activation_function": Field(4, "int8"),
    "dilation_w_factor": Field(5, "int32", 1),
    "dilation_h_factor": Field(6, "int32", 1),
}
POOL_2D: Fields = {
    "padding": Field(0, "int8"),
    "stride_w": Field(1, "int32"),
    "stride_h": Field(2, "int32"),
    "filter_width": Field(3, "int32"),
    "filter_height": Field(4, "int32"),
    "fused_activation_function": Field(5, "int8"),
}
FULLY_CONNECTED: Fields = {
    "fused_activation_function": Field(0, "int8"),
    "weights_format": Field(1, "int8"),
    "keep_num_dims": Field(2, "bool"),
    "asymmetric_quantize_inputs": Field(3, "bool"),
}
SOFTMAX: Fields = {"beta": Field(0, "float32")}
CONCATENATION: Fields = {"axis": Field(0, "int32"), "fused_activation_function": Field(1, "int8")}
BINARY: Fields = {"fused_activation_function": Field(0, "int8")}
REDUCER: Fields = {"keep_dims": Field(0, "bool")}
PACK: Fields = {"axis": Field(1, "int32")}
STRIDED_SLICE: Fields = {
    "begin_mask": Field(0, "int32"),
    "end_mask": Field(1, "int32"),
    "ellipsis_mask": Field(2, "int32"),
    "new_axis_mask": Field(3, "int32"),
    "shrink_axis_mask": Field(4, "int32"),
    "offset": Field(5, "bool"),
}

DTYPE_OF_TYPE: Mapping[int, DType] = {
    0: FLOAT32,
    1: FLOAT16,
    2: INT32,
    3: UINT8,
    4: INT64,
    6: BOOL,
    7: INT16,
    9: INT8,
    17: INT4,
}
UINT8_TYPE = 3
OTHER_TYPES: Mapping[int, str] = {
    5: "STRING",
    8: "COMPLEX64",
    10: "FLOAT64",
    11: "COMPLEX128",
    12: "UINT64",
    13: "RESOURCE",
    14: "VARIANT",
    15: "UINT32",
    16: "UINT16",
    18: "BFLOAT16",
    19: "INT2",
    20: "UINT4",
    21: "FLOAT8_E4M3FN",
    22: "FLOAT8_E5M2",
}
ACTIVATION_OF_CODE = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6", "TANH", "SIGN_BIT")
PADDING_OF_CODE = ("SAME", "VALID")
MAX_STEP = 1 << 15  # of strides, dilations, pooling windows
MAX_PARAMETERS = 64  # axes, paddings and the like: eight dimensions need sixteen

CUSTOM_OP = 32
_NAMES = """
    ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE EMBEDDING_LOOKUP FLOOR
    FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D LOCAL_RESPONSE_NORMALIZATION LOGISTIC
    LSH_PROJECTION LSTM MAX_POOL_2D MUL RELU RELU_N1_TO_1 RELU6 RESHAPE RESIZE_BILINEAR RNN SOFTMAX SPACE_TO_DEPTH
    SVDF TANH CONCAT_EMBEDDINGS SKIP_GRAM CALL CUSTOM EMBEDDING_LOOKUP_SPARSE PAD UNIDIRECTIONAL_SEQUENCE_RNN GATHER
    BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND TRANSPOSE MEAN SUB DIV SQUEEZE UNIDIRECTIONAL_SEQUENCE_LSTM STRIDED_SLICE
    BIDIRECTIONAL_SEQUENCE_RNN EXP TOPK_V2 SPLIT LOG_SOFTMAX DELEGATE BIDIRECTIONAL_SEQUENCE_LSTM CAST PRELU MAXIMUM
    ARG_MAX MINIMUM LESS NEG PADV2 GREATER GREATER_EQUAL LESS_EQUAL SELECT SLICE SIN TRANSPOSE_CONV SPARSE_TO_DENSE
    TILE EXPAND_DIMS EQUAL NOT_EQUAL LOG SUM SQRT RSQRT SHAPE POW ARG_MIN FAKE_QUANT REDUCE_PROD REDUCE_MAX PACK
    LOGICAL_OR ONE_HOT LOGICAL_AND LOGICAL_NOT UNPACK REDUCE_MIN FLOOR_DIV REDUCE_ANY SQUARE ZEROS_LIKE FILL
    FLOOR_MOD RANGE RESIZE_NEAREST_NEIGHBOR LEAKY_RELU SQUARED_DIFFERENCE MIRROR_PAD ABS SPLIT_V UNIQUE CEIL
    REVERSE_V2 ADD_N GATHER_ND COS WHERE RANK ELU REVERSE_SEQUENCE MATRIX_DIAG QUANTIZE MATRIX_SET_DIAG ROUND
    HARD_SWISH IF WHILE NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5 SCATTER_ND SELECT_V2 DENSIFY SEGMENT_SUM
    BATCH_MATMUL PLACEHOLDER_FOR_GREATER_OP_CODES CUMSUM CALL_ONCE BROADCAST_TO RFFT2D CONV_3D IMAG REAL COMPLEX_ABS
    HASHTABLE HASHTABLE_FIND HASHTABLE_IMPORT HASHTABLE_SIZE REDUCE_ALL CONV_3D_TRANSPOSE VAR_HANDLE READ_VARIABLE
    ASSIGN_VARIABLE BROADCAST_ARGS RANDOM_STANDARD_NORMAL BUCKETIZE RANDOM_UNIFORM MULTINOMIAL GELU
    DYNAMIC_UPDATE_SLICE RELU_0_TO_1 UNSORTED_SEGMENT_PROD UNSORTED_SEGMENT_MAX UNSORTED_SEGMENT_SUM ATAN2
    UNSORTED_SEGMENT_MIN SIGN BITCAST BITWISE_XOR RIGHT_SHIFT
"""
# Index = code. Later codes are StableHLO's; an error names them by number.
OP_NAMES: tuple[str, ...] = tuple(_NAMES.split())
