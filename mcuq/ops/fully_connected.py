"""FULLY_CONNECTED: x [..., N] read as rows of N, weights [OC, N], bias [OC] or none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcuq.arithmetic import Arithmetic
from mcuq.ir import DType, Value
from mcuq.ops.activation import NONE, SUPPORTED
from mcuq.ops.card import Array, Call, Card, WeightRoles
from mcuq.ops.requirements import INTEGER_INPUT_AND_OUTPUT, factors_fit, quantization_of
from mcuq.ops.weighted import (
    CONSTANT_WEIGHTS,
    INTEGER_BIAS,
    INTEGER_WEIGHTS,
    accumulators_fit,
    bias_values,
    centred_weights,
    channel_multipliers,
    finish_integer,
    scales_are_along,
)
from mcuq.ops.weighted_float import FLOAT_LIMITS, finish_float, finish_hybrid, float_weights, quantized_rows


@dataclass(frozen=True, slots=True)
class FullyConnected:
    """`keep_num_dims` gives the output the input's rank; otherwise it has two dimensions.

    `asymmetric_inputs` counts in hybrid arithmetic only: whether quantized rows of inputs have a zero point.
    """

    activation: str = NONE
    keep_num_dims: bool = False
    asymmetric_inputs: bool = True


def _infer(attrs: FullyConnected, operands: tuple[Value, ...]) -> tuple[tuple[tuple[int, ...], DType], ...]:
    x, weights = operands[:2]
    if len(weights.shape) != 2 or x.elements % weights.shape[1]:
        raise ValueError(f"weights {weights.shape} do not fit an input of shape {x.shape}")
    if len(operands) > 2 and operands[2].elements != weights.shape[0]:
        raise ValueError(f"a bias of shape {operands[2].shape} does not fit {weights.shape[0]} outputs")
    if attrs.keep_num_dims:
        if x.shape[-1] != weights.shape[1]:
            raise ValueError(f"weights {weights.shape} do not fit the last dimension of {x.shape}")
        return (((*x.shape[:-1], weights.shape[0]), x.dtype),)
    return (((x.elements // weights.shape[1], weights.shape[0]), x.dtype),)


def multipliers_of(x: Value, weights: Value, y: Value) -> tuple[tuple[int, int], ...]:
    """`(multiplier, shift)` an output."""
    return channel_multipliers(x, weights, y, weights.shape[0])


def _rows(call: Call) -> Array:
    samples = call.arrays[0].shape[0]
    return call.arrays[0].reshape(samples, -1, call.operands[1].shape[1])


def _shaped(call: Call, y: Array) -> Array:
    return y.reshape((y.shape[0], *call.results[0].shape))


def _evaluate(call: Call) -> tuple[Array, ...]:
    return (_shaped(call, finish_float(call, _rows(call) @ float_weights(call).T)),)


def _evaluate_hybrid(call: Call) -> tuple[Array, ...]:
    """Each row is quantized with a scale of its own."""
    rows, scale = quantized_rows(_rows(call), is_symmetric=not call.attrs.asymmetric_inputs)
    return (_shaped(call, finish_hybrid(call, rows @ call.arrays[1][0].astype(np.float64).T, scale)),)


def _evaluate_integer(call: Call, arithmetic: Arithmetic) -> tuple[Array, ...]:
    x, weights = call.operands[:2]
    rows = _rows(call).astype(np.float64) - quantization_of(x).zero_point
    sums = (rows @ centred_weights(call, 0).astype(np.float64).T).astype(np.int64)
    sums += bias_values(call, weights.shape[0]).reshape(-1)
    y = finish_integer(call, sums, multipliers_of(x, weights, call.results[0]), arithmetic)
    return (_shaped(call, y),)


def _macs(call: Call) -> int:
    return call.results[0].elements * call.operands[1].shape[1]


def _multipliers(call: Call) -> object:
    return multipliers_of(call.operands[0], call.operands[1], call.results[0])


CARD = Card(
    name="FULLY_CONNECTED",
    attrs=FullyConnected,
    infer=_infer,
    evaluate=_evaluate,
    evaluate_integer=_evaluate_integer,
    limits=(
        INTEGER_INPUT_AND_OUTPUT,
        CONSTANT_WEIGHTS,
        INTEGER_WEIGHTS,
        INTEGER_BIAS,
        *FLOAT_LIMITS,
        scales_are_along(0),
        *SUPPORTED,
        factors_fit(_multipliers),
        accumulators_fit(lambda weights: weights),
    ),
    weight_roles=WeightRoles(weights=1, channel_axis=0, bias=2),
    macs=_macs,
    evaluate_hybrid=_evaluate_hybrid,
)
