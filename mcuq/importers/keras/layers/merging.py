"""Layers that join several tensors: Add, Subtract, Multiply, Average, Concatenate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mcuq.importers.keras.site import LayerReader, Refused, Site
from mcuq.ir import Tensor
from mcuq.ops.binary import Binary
from mcuq.ops.concatenation import Concatenation


def _aligned(site: Site) -> tuple[Tensor, ...]:
    """All operands, held alike: as they are where all have one rank, else with the shapes that Keras gives them."""
    indexes = range(len(site.operands))
    if len({len(operand.shape) for operand in site.operands}) != 1:
        raise Refused("its inputs have different numbers of dimensions; reshape them to the same number")
    held = tuple(site.held(index) for index in indexes)
    if len({len(value.shape) for value in held}) == 1:
        return held
    return tuple(site.given(index) for index in indexes)


def _folded(op: str) -> Callable[[Site], Tensor]:
    def read(site: Site) -> Tensor:
        if len(site.operands) < 2:
            raise Refused("one of its operands is a number and not a tensor; use a Rescaling layer")
        first, *others = _aligned(site)
        for other in others:
            first = site.emit(op, (first, other), Binary())
        return first

    return read


def _read_average(site: Site) -> Tensor:
    total = _folded("ADD")(site)
    return site.emit("MUL", (total, site.constant("scale", np.array([1 / len(site.operands)]))), Binary())


def _read_concatenate(site: Site) -> Tensor:
    values, rank = _aligned(site), len(site.shape)
    axis = int(site.config.get("axis", -1)) % rank
    if axis == 0:
        raise Refused("it joins along the batch")
    return site.emit("CONCATENATION", values, Concatenation(axis + len(values[0].shape) - rank))


MERGES = (
    LayerReader("Add", _folded("ADD")),
    LayerReader("Subtract", _folded("SUB")),
    LayerReader("Multiply", _folded("MUL")),
    LayerReader("Average", _read_average),
    LayerReader("Concatenate", _read_concatenate),
)
