"""Tensors: what flows between nodes (`Tensor`) and what the model brings along (`Constant`)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from mcuq.ir.dtype import DType


@dataclass(frozen=True, slots=True)
class Quantization:
    """real = scale * (q - zero_point); per tensor (axis None, one entry) or per channel along `axis`.

    Scales are float32 values held as Python floats, because TFLite stores float32 and derives multipliers from it.
    """

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int | None = None

    @property
    def scale(self) -> float:
        """The scale of a per-tensor quantization."""
        if len(self.scales) != 1:
            raise ValueError("a per-channel quantization has no single scale")
        return self.scales[0]

    @property
    def zero_point(self) -> int:
        """The zero point of a per-tensor quantization."""
        if len(self.zero_points) != 1:
            raise ValueError("a per-channel quantization has no single zero point")
        return self.zero_points[0]

    @property
    def is_per_tensor(self) -> bool:
        """Whether one scale and one zero point serve all elements."""
        return len(self.scales) == 1


@dataclass(frozen=True, slots=True)
class Tensor:
    """A value that is computed or fed at run time; layout NHWC, batch 1."""

    name: str
    shape: tuple[int, ...]
    dtype: DType
    quantization: Quantization | None = None

    @property
    def elements(self) -> int:
        """How many elements the tensor has (1 for a scalar)."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """How many bytes the elements take, packed."""
        return self.dtype.bytes_of(self.elements)


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that the model brings along; `values` is read-only and has the tensor's shape."""

    name: str
    shape: tuple[int, ...]
    dtype: DType
    quantization: Quantization | None
    values: npt.NDArray[Any] = field(compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.values.flags.writeable:
            frozen = np.array(self.values, copy=True)
            frozen.setflags(write=False)
            object.__setattr__(self, "values", frozen)

    @property
    def elements(self) -> int:
        """How many elements the constant has (1 for a scalar)."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """How many bytes the elements take, packed."""
        return self.dtype.bytes_of(self.elements)


Value: TypeAlias = Tensor | Constant
