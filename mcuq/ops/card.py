"""What an op card says: shapes, meaning in floats, meaning in integers, limits, MACs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

import numpy.typing as npt

from mcuq.arithmetic import Arithmetic
from mcuq.ir import DType, Tensor, Value

Array: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One application of an op: its attributes, what it reads, what it computes.

    `arrays` belong to `operands` and carry a leading sample axis, of length 1 for constants; results carry it too.
    """

    attrs: Any
    operands: tuple[Value, ...]
    results: tuple[Tensor, ...]
    arrays: tuple[Array, ...] = ()


@dataclass(frozen=True, slots=True)
class Limit:
    """One condition under which mcuq does the op; `sentence` is the user's error and the row of the support table."""

    sentence: str
    holds: Callable[[Call], bool]


class OutputQuantization(Enum):
    """How a quantizer chooses the output's scale: by calibration, the input's own, or fixed by the op."""

    FREE = "free"
    SAME_AS_INPUT = "same as input"
    FIXED = "fixed"
    NONE = "not quantized"


@dataclass(frozen=True, slots=True)
class WeightRoles:
    """Which operands are weights and bias, and the weights' channel axis, for a quantizer."""

    weights: int
    channel_axis: int
    bias: int


@dataclass(frozen=True, slots=True)
class Card:
    """The meaning of one op.

    `infer(attrs, operands)` gives shape and type of each output and raises ValueError for operands that do not go
    together; `evaluate(call)` computes in float32, `evaluate_integer(call, arithmetic)` exactly, and, where the op can,
    `evaluate_hybrid(call)` in integers between floats. `macs(call)` needs no arrays. `folds` marks ops whose result
    depends on shapes and constants only: they must vanish at import.
    """

    name: str
    attrs: type
    infer: Callable[[Any, tuple[Value, ...]], tuple[tuple[tuple[int, ...], DType], ...]]
    evaluate: Callable[[Call], tuple[Array, ...]]
    evaluate_integer: Callable[[Call, Arithmetic], tuple[Array, ...]]
    limits: tuple[Limit, ...] = ()
    output_quantization: OutputQuantization = OutputQuantization.FREE
    fixed_output: tuple[float, int] | None = None
    weight_roles: WeightRoles | None = None
    macs: Callable[[Call], int] = lambda call: 0
    folds: bool = False
    evaluate_hybrid: Callable[[Call], tuple[Array, ...]] | None = None


@dataclass(frozen=True, slots=True)
class NoAttrs:
    """The attributes of an op that has none."""
