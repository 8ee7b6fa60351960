"""Float arithmetic: cards evaluate in float32 and nothing is requantised."""

from __future__ import annotations

from mcuq.arithmetic.arithmetic import Arithmetic, Factor, Integers


def _refuse(x: Integers, multiplier: Factor, shift: Factor) -> Integers:
    raise TypeError("float arithmetic does not requantise")


FLOAT = Arithmetic(name="float", is_integer=False, requantize=_refuse, c_requantize="", tolerance=1e-4)
