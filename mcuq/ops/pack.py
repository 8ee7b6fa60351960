"""PACK of shape arithmetic: folds when its operands are constant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcuq.arithmetic import Arithmetic
from mcuq.ir import DType, Value
from mcuq.ops.card import Array, Call, Card, OutputQuantization


@dataclass(frozen=True, slots=True)
class Pack:
    """`axis` of the output along which the operands are stacked; not negative."""

    axis: int = 0


def _infer(attrs: Pack, operands: tuple[Value, ...]) -> tuple[tuple[tuple[int, ...], DType], ...]:
    first = operands[0]
    if any(value.shape != first.shape or value.dtype != first.dtype for value in operands):
        raise ValueError("operands of different shapes or types cannot be packed")
    if not 0 <= attrs.axis <= len(first.shape):
        raise ValueError(f"axis {attrs.axis} does not fit operands of shape {first.shape}")
    shape = (*first.shape[: attrs.axis], len(operands), *first.shape[attrs.axis :])
    return ((shape, first.dtype),)


def _evaluate(call: Call) -> tuple[Array, ...]:
    return (np.stack(call.arrays, axis=call.attrs.axis + 1),)


def _evaluate_integer(call: Call, arithmetic: Arithmetic) -> tuple[Array, ...]:
    return _evaluate(call)


CARD = Card(
    name="PACK",
    attrs=Pack,
    infer=_infer,
    evaluate=_evaluate,
    evaluate_integer=_evaluate_integer,
    output_quantization=OutputQuantization.SAME_AS_INPUT,
    folds=True,
)
