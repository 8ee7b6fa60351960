"""SHAPE: the sizes of a tensor; known before run time, so it always folds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcuq.arithmetic import Arithmetic
from mcuq.ir import DTYPES, DType, Value
from mcuq.ops.card import Array, Call, Card, OutputQuantization


@dataclass(frozen=True, slots=True)
class Shape:
    """`dtype` names the output's type, int32 or int64."""

    dtype: str = "int32"


def _infer(attrs: Shape, operands: tuple[Value, ...]) -> tuple[tuple[tuple[int, ...], DType], ...]:
    return (((len(operands[0].shape),), next(dtype for dtype in DTYPES if dtype.name == attrs.dtype)),)


def _evaluate(call: Call) -> tuple[Array, ...]:
    return (np.array([call.operands[0].shape], dtype=call.attrs.dtype),)


def _evaluate_integer(call: Call, arithmetic: Arithmetic) -> tuple[Array, ...]:
    return _evaluate(call)


CARD = Card(
    name="SHAPE",
    attrs=Shape,
    infer=_infer,
    evaluate=_evaluate,
    evaluate_integer=_evaluate_integer,
    output_quantization=OutputQuantization.NONE,
    folds=True,
)
