"""How numbers are computed: one file per scheme, one visible list."""

from mcuq.arithmetic.arithmetic import Arithmetic
from mcuq.arithmetic.floating import FLOAT
from mcuq.arithmetic.hybrid import HYBRID
from mcuq.arithmetic.int16x8 import INT16X8
from mcuq.arithmetic.shift import SHIFT
from mcuq.arithmetic.single import SINGLE
from mcuq.arithmetic.tflm import TFLM

ARITHMETICS: tuple[Arithmetic, ...] = (TFLM, SINGLE, SHIFT, INT16X8, FLOAT, HYBRID)


def arithmetic_named(name: str) -> Arithmetic:
    """The arithmetic of that name; ValueError when there is none."""
    for arithmetic in ARITHMETICS:
        if arithmetic.name == name:
            return arithmetic
    raise ValueError(f"no arithmetic is called '{name}'; there are {', '.join(a.name for a in ARITHMETICS)}")


__all__ = ["ARITHMETICS", "FLOAT", "HYBRID", "INT16X8", "SHIFT", "SINGLE", "TFLM", "Arithmetic", "arithmetic_named"]
