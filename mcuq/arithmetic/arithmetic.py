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
Requantize: TypeAlias = Callable[[Integers, Factor, Factor], Integers]


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """One scheme.

    `requantize(x, multiplier, shift)` gives x * multiplier / 2^31 * 2^shift, rounded as the scheme rounds; int64 arrays
    that hold int32 values in and out. `c_requantize` is the function of `mcuq/fixed_point.h` that gives the same bits.
    Where `stores_multipliers` is False every factor is a power of two, and the C function takes a right shift alone.
    `requantize_sums` is another one for the sums of convolutions and fully connected layers, of up to 48 bits; None
    where the first serves them too.
    `tolerance` is how far generated C may part from the interpreter, relative to a value's range; 0 is bit for bit.
    """

    name: str
    is_integer: bool
    requantize: Requantize
    c_requantize: str
    stores_multipliers: bool = True
    requantize_sums: Requantize | None = None
    tolerance: float = 0.0
