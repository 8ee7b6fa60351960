"""What mcuq/fixed_point.h computes is what mcuq.arithmetic computes, bit for bit, under sanitizers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mcuq import resources
from mcuq.arithmetic import ARITHMETICS
from mcuq.arithmetic.shift import POWER_OF_TWO_MULTIPLIER, rounding_shift
from mcuq.arithmetic.single import multiply_rounding_once
from mcuq.arithmetic.tflm import (
    INT32_MAX,
    INT32_MIN,
    doubling_high_multiply,
    multiply_by_quantized_multiplier,
    rounding_divide_by_power_of_two,
    saturating_shift_left,
)
from mcuq.arithmetic.transcendental import one_over_one_plus_x, reciprocal
from tests.codegen.harness import compile_program, run_program

Array = npt.NDArray[Any]

COUNT = 60_000
EDGES = (INT32_MIN, INT32_MIN + 1, -(1 << 30), -65536, -3, -2, -1, 0, 1, 2, 3, 127, 128, 255, 1 << 30, INT32_MAX)


def any_int32(rng: np.random.Generator) -> Array:
    """Numbers of every magnitude, the edges often."""
    numbers = rng.integers(INT32_MIN, INT32_MAX + 1, COUNT) >> rng.integers(0, 32, COUNT)
    return np.where(rng.random(COUNT) < 0.2, rng.choice(EDGES, COUNT), numbers)


def multipliers(rng: np.random.Generator) -> Array:
    """Multipliers of quantize_multiplier: 0 or in [2^30, 2^31)."""
    numbers = rng.integers(1 << 30, 1 << 31, COUNT)
    return np.where(rng.random(COUNT) < 0.1, rng.choice((0, 1 << 30, INT32_MAX), COUNT), numbers)


def within(low: int, high: int) -> Callable[[np.random.Generator], Array]:
    """Whole numbers from `low` to `high`, both included, the ends often."""

    def draw(rng: np.random.Generator) -> Array:
        numbers = rng.integers(low, high + 1, COUNT)
        return np.where(rng.random(COUNT) < 0.1, rng.choice((low, high), COUNT), numbers)

    return draw


def zero(rng: np.random.Generator) -> Array:
    """An argument that is not used."""
    return np.zeros(COUNT, np.int64)


def leading_zeros(x: Array, *_: Array) -> Array:
    """32 less the bits of each number."""
    return np.array([32 - int(value).bit_length() for value in x])


@dataclass(frozen=True, slots=True)
class Pair:
    """A C expression of a, b, c, what Python says, and where the arguments come from."""

    name: str
    c: str
    python: Callable[[Array, Array, Array], Array]
    a: Callable[[np.random.Generator], Array] = any_int32
    b: Callable[[np.random.Generator], Array] = zero
    c_argument: Callable[[np.random.Generator], Array] = zero


PAIRS = (
    Pair(
        "doubling_high_multiply",
        "mcuq_doubling_high_multiply(a, b)",
        lambda a, b, c: doubling_high_multiply(a, b),
        b=multipliers,
    ),
    Pair(
        "rounding_shift_right",
        "mcuq_rounding_shift_right(a, b)",
        lambda a, b, c: rounding_divide_by_power_of_two(a, b),
        b=within(0, 31),
    ),
    Pair(
        "requantize_tflm",
        "mcuq_requantize_tflm(a, b, c)",
        multiply_by_quantized_multiplier,
        b=multipliers,
        c_argument=within(-31, 30),
    ),
    Pair(
        "requantize_single",
        "mcuq_requantize_single(a, b, c)",
        multiply_rounding_once,
        b=multipliers,
        c_argument=within(-31, 30),
    ),
    Pair(
        "requantize_shift",
        "mcuq_requantize_shift(a, b)",
        lambda a, b, c: rounding_shift(a, np.where(b == 32, 0, POWER_OF_TWO_MULTIPLIER), 1 - b),
        b=within(-29, 32),
    ),
    Pair(
        "saturating_shift_left",
        "mcuq_saturating_shift_left(a, b)",
        lambda a, b, c: np.clip(a << b, INT32_MIN, INT32_MAX),
        b=within(0, 31),
    ),
    Pair(
        "one_over_one_plus",
        "mcuq_one_over_one_plus(a)",
        lambda a, b, c: one_over_one_plus_x(a),
        a=within(0, INT32_MAX),
    ),
    Pair("leading_zeros", "mcuq_leading_zeros((uint32_t)a)", leading_zeros, a=within(1, INT32_MAX)),
    Pair(
        "clamp",
        "mcuq_clamp(a, b, c)",
        lambda a, b, c: np.clip(a, b, c),
        b=within(-128, -1),
        c_argument=within(0, 127),
    ),
)

MAIN = """
#include <stdio.h>
#include <stdlib.h>
#include "mcuq/fixed_point.h"

static int32_t answer(int which, int32_t a, int32_t b, int32_t c)
{
    (void)b;
    (void)c;
    switch (which) {
@CASES@
    default:
        exit(3);
    }
}

int main(int argc, char **argv)
{
    int32_t arguments[3];
    const int which = argc > 1 ? atoi(argv[1]) : -1;
    while (fread(arguments, sizeof arguments, 1, stdin) == 1) {
        const int32_t y = answer(which, arguments[0], arguments[1], arguments[2]);
        fwrite(&y, sizeof y, 1, stdout);
    }
    return 0;
}
"""

FLOATS = """
#include <stdio.h>
#include "mcuq/fixed_point.h"

int main(void)
{
    float x;
    while (fread(&x, sizeof x, 1, stdin) == 1) {
        const int32_t y = mcuq_round_float(x, 1024);
        fwrite(&y, sizeof y, 1, stdout);
    }
    return 0;
}
"""


def include_flag() -> str:
    """Where mcuq/fixed_point.h lies."""
    return f"-I{resources.firmware() / 'include'}"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All pairs in one program."""
    cases = "\n".join(f"    case {k}:\n        return {pair.c};" for k, pair in enumerate(PAIRS))
    folder = tmp_path_factory.mktemp("arithmetic")
    return compile_program(MAIN.replace("@CASES@", cases), folder / "pairs", flags=(include_flag(),))


@pytest.mark.parametrize("index", range(len(PAIRS)), ids=[pair.name for pair in PAIRS])
def test_c_equals_python(program: Path, index: int) -> None:
    """Random numbers of every magnitude and the edges of every range give the same 32 bits."""
    pair, rng = PAIRS[index], np.random.default_rng(index)
    a, b, c = pair.a(rng), pair.b(rng), pair.c_argument(rng)
    answer = run_program(program, np.stack([a, b, c], axis=1).astype("<i4").tobytes(), str(index))
    np.testing.assert_array_equal(np.frombuffer(answer, "<i4"), pair.python(a, b, c))


def test_every_integer_arithmetic_is_compared() -> None:
    """The C function that an arithmetic names is among the pairs."""
    compared = {pair.c.partition("(")[0] for pair in PAIRS}
    assert {a.c_requantize for a in ARITHMETICS if a.is_integer and a.c_requantize} <= compared


def test_rounding_floats(tmp_path: Path) -> None:
    """Halves go away from zero, what is out of range to its end, and not-a-number to the least."""
    rng = np.random.default_rng(0)
    halves = np.arange(-4000, 4000) / 2
    near = np.nextafter(halves.astype(np.float32), np.float32(0))
    random = rng.uniform(-1100, 1100, COUNT)
    special = [np.inf, -np.inf, 1e30, -1e30, 0.0, -0.0, 1e-40, 1023.9999, -1023.9999]
    x = np.concatenate([halves, near, random, special]).astype(np.float32)
    wide = np.clip(x.astype(np.float64), -1024, 1024)
    expected = [*(np.sign(wide) * np.floor(np.abs(wide) + 0.5)), -1024]
    data = np.append(x, np.float32(np.nan)).astype("<f4").tobytes()
    answer = run_program(compile_program(FLOATS, tmp_path / "floats", flags=(include_flag(),)), data)
    np.testing.assert_array_equal(np.frombuffer(answer, "<i4"), expected)


def test_saturating_shift_left_in_python() -> None:
    """The Python function clamps as the C function does."""
    edges = np.array(EDGES)
    for bits in (0, 1, 2, 5, 31):
        np.testing.assert_array_equal(saturating_shift_left(edges, bits), np.clip(edges << bits, INT32_MIN, INT32_MAX))


def test_reciprocal_of_every_magnitude() -> None:
    """1/x from the fixed-point reciprocal is within one part in 2^27 of the real one."""
    for x in (1, 2, 3, 4095, 4096, 1 << 19, (1 << 27) + 12345, (1 << 31) - 1):
        scale, bits = reciprocal(x, 12)
        assert scale / 2.0 ** (31 + bits) == pytest.approx(2.0**19 / x, rel=2**-27)
