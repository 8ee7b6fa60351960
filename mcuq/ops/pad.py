"""PAD: the tensor framed by a constant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcuq.arithmetic import Arithmetic
from mcuq.ir import DType, Value
from mcuq.ops.card import Array, Call, Card, OutputQuantization
from mcuq.ops.requirements import AT_MOST_4_DIMENSIONS, INTEGER_INPUT_AND_OUTPUT, SAME_QUANTIZATION


@dataclass(frozen=True, slots=True)
class Pad:
    """`before` and `after` count elements a dimension; `value` is the stored fill, None for (quantized) zero."""

    before: tuple[int, ...]
    after: tuple[int, ...]
    value: int | None = None


def fill_of(attrs: Pad, x: Value) -> int:
    """The stored number that the frame is made of."""
    if attrs.value is not None:
        return attrs.value
    return 0 if x.quantization is None else x.quantization.zero_point


def _infer(attrs: Pad, operands: tuple[Value, ...]) -> tuple[tuple[tuple[int, ...], DType], ...]:
    x = operands[0]
    if len(attrs.before) != len(x.shape) or min((*attrs.before, *attrs.after), default=0) < 0:
        raise ValueError(f"padding {attrs.before} and {attrs.after} does not fit a tensor of shape {x.shape}")
    if attrs.value is not None and not (x.dtype.is_integer and x.dtype.minimum <= attrs.value <= x.dtype.maximum):
        raise ValueError(f"{x.dtype.name} cannot be padded with {attrs.value}")
    shape = tuple(a + n + b for a, n, b in zip(attrs.before, x.shape, attrs.after, strict=True))
    return ((shape, x.dtype),)


def _evaluate(call: Call) -> tuple[Array, ...]:
    sides = ((0, 0), *zip(call.attrs.before, call.attrs.after, strict=True))
    return (np.pad(call.arrays[0], sides, constant_values=fill_of(call.attrs, call.operands[0])),)


def _evaluate_integer(call: Call, arithmetic: Arithmetic) -> tuple[Array, ...]:
    return _evaluate(call)


CARD = Card(
    name="PAD",
    attrs=Pad,
    infer=_infer,
    evaluate=_evaluate,
    evaluate_integer=_evaluate_integer,
    limits=(INTEGER_INPUT_AND_OUTPUT, SAME_QUANTIZATION, AT_MOST_4_DIMENSIONS),
    output_quantization=OutputQuantization.SAME_AS_INPUT,
)
