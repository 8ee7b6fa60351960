"""Limits that many cards share."""

from __future__ import annotations

from mcuq.ir import FLOAT32, INT8, Constant, Quantization, Value
from mcuq.ops.card import Call, Limit


def quantization_of(value: Value) -> Quantization:
    """The quantization of a value that must have one."""
    if value.quantization is None:
        raise ValueError(f"'{value.name}' has no quantization parameters")
    return value.quantization


def _is_quantized_int8(value: Value) -> bool:
    return value.dtype == INT8 and value.quantization is not None and value.quantization.is_per_tensor


def _activations_are_int8(call: Call) -> bool:
    activations = [value for value in (*call.operands, *call.results) if not isinstance(value, Constant)]
    return all(_is_quantized_int8(value) for value in activations)


def _first_is_int8(call: Call) -> bool:
    return _is_quantized_int8(call.operands[0]) and all(_is_quantized_int8(value) for value in call.results)


def _is_float(call: Call) -> bool:
    return all(value.dtype == FLOAT32 for value in (*call.operands[:1], *call.results))


def _is_float_graph(call: Call) -> bool:
    return call.operands[0].dtype == FLOAT32


INT8_ACTIVATIONS = Limit(
    "inputs and outputs are int8 with one scale and zero point each",
    lambda call: _is_float_graph(call) or _activations_are_int8(call),
)
INT8_INPUT_AND_OUTPUT = Limit(
    "input and output are int8 with one scale and zero point each", lambda call: _is_float(call) or _first_is_int8(call)
)
INT8_OPERANDS = Limit(
    "both operands and the output are int8 with one scale and zero point each",
    lambda call: _is_float_graph(call)
    or all(_is_quantized_int8(value) for value in (*call.operands[:2], *call.results)),
)


def _same_quantization(call: Call) -> bool:
    first = call.operands[0].quantization
    activations = [value for value in (*call.operands, *call.results) if value.dtype == call.operands[0].dtype]
    return all(value.quantization == first for value in activations)


SAME_QUANTIZATION = Limit("inputs and output have the same scale and zero point", _same_quantization)

AT_MOST_4_DIMENSIONS = Limit(
    "no tensor has more than 4 dimensions",
    lambda call: all(len(value.shape) <= 4 for value in (*call.operands, *call.results)),
)
