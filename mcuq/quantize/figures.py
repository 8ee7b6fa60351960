"""How near a quantized layer stays to the float one: SQNR, cosine, saturation, use of the range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq.arithmetic.noise import cosine, sqnr_db
from mcuq.ir import Constant, Node
from mcuq.quantize.convert import Conversion
from mcuq.quantize.layers import layer_name, roles_of

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class LayerFigures:
    """One layer on the held samples, errors of the layers before it included.

    `scale` and `zero_point` are those of its output, None in float; `saturation` is the share of output values at the
    ends of the type, `range_use` the share of its codes between the least and the greatest that occurred.
    """

    layer: str
    op: str
    output: str
    arithmetic: str
    weight_bits: int | None
    weight_bytes: int
    scale: float | None
    zero_point: int | None
    low: float
    high: float
    sqnr_db: float
    cosine: float
    saturation: float
    range_use: float


def layer_figures(node: Node, new: Node, conversion: Conversion, floats: Array, stored: Array) -> LayerFigures:
    """The figures of `new`, made from `node`, whose outputs are `floats` and `stored`."""
    value = conversion.values[new.outputs[0]]
    q, roles = value.quantization, roles_of(node)
    weights = conversion.values[new.inputs[roles.weights]] if roles is not None else None
    real = floats if q is None else (stored.astype(np.float32) - q.zero_point) * np.float32(q.scale)
    if q is None:
        real = stored
    integer = value.dtype.is_integer
    ends = (stored == value.dtype.minimum) | (stored == value.dtype.maximum) if integer else np.zeros(1)
    codes = value.dtype.maximum - value.dtype.minimum if integer else 1
    return LayerFigures(
        layer=layer_name(node),
        op=node.op,
        output=new.outputs[0],
        arithmetic=new.arithmetic,
        weight_bits=conversion.plan.scheme_of(node).weight_bits if weights is not None else None,
        weight_bytes=weights.bytes if isinstance(weights, Constant) else 0,
        scale=None if q is None else q.scale,
        zero_point=None if q is None else q.zero_point,
        low=float(floats.min()),
        high=float(floats.max()),
        sqnr_db=sqnr_db(floats, real),
        cosine=cosine(floats, real),
        saturation=float(ends.mean()),
        range_use=(int(stored.max()) - int(stored.min())) / codes if integer else 1.0,
    )
