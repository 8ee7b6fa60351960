"""CONCATENATION: operands one after another along an axis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcuq.arithmetic import Arithmetic
from mcuq.ir import DType, Value
from mcuq.ops.activation import NONE
from mcuq.ops.card import Array, Call, Card, Limit, OutputQuantization
from mcuq.ops.requirements import INTEGER_ACTIVATIONS, SAME_QUANTIZATION


@dataclass(frozen=True, slots=True)
class Concatenation:
    """`axis` is not negative."""

    axis: int
    activation: str = NONE


def _infer(attrs: Concatenation, operands: tuple[Value, ...]) -> tuple[tuple[tuple[int, ...], DType], ...]:
    first = operands[0]
    if not 0 <= attrs.axis < len(first.shape):
        raise ValueError(f"axis {attrs.axis} does not fit a tensor of shape {first.shape}")

    def rest_of(value: Value) -> tuple[object, ...]:
        sizes = tuple(n for i, n in enumerate(value.shape) if i != attrs.axis)
        return value.dtype, len(value.shape), sizes

    for value in operands:
        if rest_of(value) != rest_of(first):
            raise ValueError(f"{value.shape} and {first.shape} do not join along axis {attrs.axis}")
    shape = list(first.shape)
    shape[attrs.axis] = sum(value.shape[attrs.axis] for value in operands)
    return ((tuple(shape), first.dtype),)


def _evaluate(call: Call) -> tuple[Array, ...]:
    samples = max(array.shape[0] for array in call.arrays)
    parts = [np.broadcast_to(array, (samples, *array.shape[1:])) for array in call.arrays]
    return (np.concatenate(parts, axis=call.attrs.axis + 1),)


def _evaluate_integer(call: Call, arithmetic: Arithmetic) -> tuple[Array, ...]:
    return _evaluate(call)


CARD = Card(
    name="CONCATENATION",
    attrs=Concatenation,
    infer=_infer,
    evaluate=_evaluate,
    evaluate_integer=_evaluate_integer,
    limits=(
        INTEGER_ACTIVATIONS,
        SAME_QUANTIZATION,
        Limit("there is no fused activation", lambda call: call.attrs.activation == NONE),
    ),
    output_quantization=OutputQuantization.SAME_AS_INPUT,
)
