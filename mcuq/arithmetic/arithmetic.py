"""What an arithmetic answers: is it integer, and how does it requantise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Integers: TypeAlias = npt.NDArray[np.int64]
Array: TypeAlias = npt.NDArray[Any]
Factor: TypeAlias = Array | int


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """One scheme.

    `requantize(x, multiplier, shift)` gives x * multiplier / 2^31 * 2^shift, rounded as the scheme rounds; int64 arrays
    that hold int32 values in and out. `c_requantize` is the function of `mcuq/fixed_point.h` that gives the same bits.
    """

    name: str
    is_integer: bool
    requantize: Callable[[Integers, Factor, Factor], Integers]
    c_requantize: str
