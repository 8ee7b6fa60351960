"""How numbers are computed: one file per scheme, one visible list."""

from mcuq.arithmetic.arithmetic import Arithmetic
from mcuq.arithmetic.floating import FLOAT
from mcuq.arithmetic.tflm import TFLM

ARITHMETICS: tuple[Arithmetic, ...] = (TFLM, FLOAT)


def arithmetic_named(name: str) -> Arithmetic:
    """The arithmetic of that name; ValueError when there is none."""
    for arithmetic in ARITHMETICS:
        if arithmetic.name == name:
            return arithmetic
    raise ValueError(f"no arithmetic is called '{name}'; there are {', '.join(a.name for a in ARITHMETICS)}")


__all__ = ["ARITHMETICS", "FLOAT", "TFLM", "Arithmetic", "arithmetic_named"]
