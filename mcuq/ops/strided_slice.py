"""STRIDED_SLICE of shape arithmetic: folds when its operand is constant."""

from __future__ import annotations

from dataclasses import dataclass

from mcuq.arithmetic import Arithmetic
from mcuq.ir import DType, Value
from mcuq.ops.card import Array, Call, Card, OutputQuantization


@dataclass(frozen=True, slots=True)
class StridedSlice:
    """numpy's begin:end:stride a dimension, masks already applied (None = open); `shrink` lists dimensions to drop."""

    begin: tuple[int | None, ...]
    end: tuple[int | None, ...]
    stride: tuple[int, ...]
    shrink: tuple[int, ...] = ()


def _index(attrs: StridedSlice) -> tuple[int | slice, ...]:
    parts: list[int | slice] = []
    for axis, (begin, end, stride) in enumerate(zip(attrs.begin, attrs.end, attrs.stride, strict=True)):
        parts.append((begin or 0) if axis in attrs.shrink else slice(begin, end, stride))
    return tuple(parts)


def _sliced_size(size: int, part: slice) -> int:
    return len(range(*part.indices(size)))


def _infer(attrs: StridedSlice, operands: tuple[Value, ...]) -> tuple[tuple[tuple[int, ...], DType], ...]:
    x = operands[0]
    index = _index(attrs)
    if len(index) > len(x.shape) or 0 in attrs.stride:
        raise ValueError(f"a slice of {len(index)} dimensions with strides {attrs.stride} does not fit {x.shape}")
    shape: list[int] = []
    for size, part in zip(x.shape, index, strict=False):
        if isinstance(part, slice):
            shape.append(_sliced_size(size, part))
        elif not -size <= part < size:
            raise ValueError(f"index {part} lies outside of {x.shape}")
    return (((*shape, *x.shape[len(index) :]), x.dtype),)


def _evaluate(call: Call) -> tuple[Array, ...]:
    return (call.arrays[0][(slice(None), *_index(call.attrs))],)


def _evaluate_integer(call: Call, arithmetic: Arithmetic) -> tuple[Array, ...]:
    return _evaluate(call)


CARD = Card(
    name="STRIDED_SLICE",
    attrs=StridedSlice,
    infer=_infer,
    evaluate=_evaluate,
    evaluate_integer=_evaluate_integer,
    output_quantization=OutputQuantization.SAME_AS_INPUT,
    folds=True,
)
