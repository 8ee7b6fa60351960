"""RESHAPE: the same elements under another shape (SQUEEZE and EXPAND_DIMS are imported as this)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mcuq.arithmetic import Arithmetic
from mcuq.ir import DType, Value
from mcuq.ops.card import Array, Call, Card, OutputQuantization
from mcuq.ops.requirements import SAME_QUANTIZATION


@dataclass(frozen=True, slots=True)
class Reshape:
    """`shape` is the output's, with no -1 left."""

    shape: tuple[int, ...]


def _infer(attrs: Reshape, operands: tuple[Value, ...]) -> tuple[tuple[tuple[int, ...], DType], ...]:
    if math.prod(attrs.shape) != operands[0].elements:
        raise ValueError(f"{operands[0].shape} has not as many elements as {attrs.shape}")
    return ((attrs.shape, operands[0].dtype),)


def _evaluate(call: Call) -> tuple[Array, ...]:
    return (call.arrays[0].reshape((-1, *call.attrs.shape)),)


def _evaluate_integer(call: Call, arithmetic: Arithmetic) -> tuple[Array, ...]:
    return _evaluate(call)


CARD = Card(
    name="RESHAPE",
    attrs=Reshape,
    infer=_infer,
    evaluate=_evaluate,
    evaluate_integer=_evaluate_integer,
    limits=(SAME_QUANTIZATION,),
    output_quantization=OutputQuantization.SAME_AS_INPUT,
)
