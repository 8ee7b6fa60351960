"""Limits that many cards share."""

from __future__ import annotations

from collections.abc import Callable

from mcuq.ir import FLOAT32, INT8, INT16, Constant, Quantization, Value
from mcuq.ops.card import Call, Limit


def quantization_of(value: Value) -> Quantization:
    """The quantization of a value that must have one."""
    if value.quantization is None:
        raise ValueError(f"'{value.name}' has no quantization parameters")
    return value.quantization


def _is_quantized(value: Value) -> bool:
    q = value.quantization
    if q is None or not q.is_per_tensor:
        return False
    return value.dtype == INT8 or (value.dtype == INT16 and not q.zero_point)


def _activations_are_quantized(call: Call) -> bool:
    activations = [value for value in (*call.operands, *call.results) if not isinstance(value, Constant)]
    return all(_is_quantized(value) for value in activations)


def _first_is_quantized(call: Call) -> bool:
    return _is_quantized(call.operands[0]) and all(_is_quantized(value) for value in call.results)


def _is_float(call: Call) -> bool:
    return all(value.dtype == FLOAT32 for value in (*call.operands[:1], *call.results))


def _is_float_graph(call: Call) -> bool:
    return call.operands[0].dtype == FLOAT32


_QUANTIZED = "int8 with one scale and zero point each, or int16 with one scale and zero point 0"
INTEGER_ACTIVATIONS = Limit(
    f"inputs and outputs are {_QUANTIZED}",
    lambda call: _is_float_graph(call) or _activations_are_quantized(call),
)
INTEGER_INPUT_AND_OUTPUT = Limit(
    f"input and output are {_QUANTIZED}", lambda call: _is_float(call) or _first_is_quantized(call)
)
INTEGER_OPERANDS = Limit(
    f"both operands and the output are {_QUANTIZED}",
    lambda call: _is_float_graph(call) or all(_is_quantized(value) for value in (*call.operands[:2], *call.results)),
)


def is_integer_call(call: Call) -> bool:
    """Whether the first operand and the results are int8 or int16 with one scale and zero point each."""
    return _first_is_quantized(call)


def factors_fit(compute: Callable[[Call], object]) -> Limit:
    """The limit that `compute`, which asks for requantisation factors, finds none that is too large."""

    def holds(call: Call) -> bool:
        known = all(value.quantization is not None for value in call.operands if value.dtype in (INT8, INT16))
        if not known or not _first_is_quantized(call):
            return True  # another limit says so
        try:
            compute(call)
        except ValueError:
            return False
        return True

    return Limit("factors between scales are below 2^30", holds)


def _same_quantization(call: Call) -> bool:
    first = call.operands[0].quantization
    activations = [value for value in (*call.operands, *call.results) if value.dtype == call.operands[0].dtype]
    return all(value.quantization == first for value in activations)


SAME_QUANTIZATION = Limit("inputs and output have the same scale and zero point", _same_quantization)

AT_MOST_4_DIMENSIONS = Limit(
    "no tensor has more than 4 dimensions",
    lambda call: all(len(value.shape) <= 4 for value in (*call.operands, *call.results)),
)
