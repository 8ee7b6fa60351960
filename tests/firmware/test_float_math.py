"""The float functions that stand in for libm: their greatest errors over dense sweeps, and halves exactly."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

Array = npt.NDArray[Any]

SOURCE = """
#include "mcuq/float_math.h"
#include "mcuq/hybrid.h"
#define EACH(name) \\
    void each_##name(const float *x, float *y, int n) { for (int i = 0; i < n; i++) y[i] = mcuq_##name(x[i]); }
EACH(exp_of_negative)
EACH(logistic)
EACH(tanh)
EACH(relu)
EACH(relu6)
EACH(relu_n1_to_1)
void halves(const uint16_t *x, float *y, int n) { for (int i = 0; i < n; i++) y[i] = mcuq_half_to_float(x[i]); }
float symmetric(const float *x, int8_t *q, int n) { return mcuq_quantize_symmetric(x, q, n); }
float asymmetric(const float *x, int8_t *q, int n, int32_t *zero) { return mcuq_quantize_asymmetric(x, q, n, zero); }
"""


@pytest.fixture(scope="module")
def library(host_compiler: str, root: Path, tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The header as a library, one function an array."""
    folder = tmp_path_factory.mktemp("float_math")
    (folder / "each.c").write_text(SOURCE, encoding="utf-8")
    flags = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror", "-shared", "-fPIC"]
    include = f"-I{root / 'firmware' / 'include'}"
    subprocess.run([host_compiler, *flags, include, "-o", "each.so", "each.c"], check=True, cwd=folder)
    made = ctypes.CDLL(str(folder / "each.so"))
    made.symmetric.restype = made.asymmetric.restype = ctypes.c_float
    return made


def _pointer(array: Array) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def _each(library: ctypes.CDLL, name: str, x: Array) -> Array:
    y = np.empty_like(x)
    getattr(library, f"each_{name}")(_pointer(x), _pointer(y), len(x))
    return y


def _logistic(x: Array) -> Array:
    return np.where(x < 0, np.exp(x), 1.0) / (1.0 + np.exp(-np.abs(x)))


# The greatest relative errors are those that mcuq/float_math.h states.
@pytest.mark.parametrize(
    ("name", "reference", "low", "high", "allowed"),
    [
        ("exp_of_negative", np.exp, -87.0, 0.0, 1e-7),
        ("exp_of_negative", np.exp, -1.0, 0.0, 1e-7),
        ("logistic", _logistic, -85.0, 100.0, 2e-7),
        ("logistic", _logistic, -4.0, 4.0, 2e-7),
        ("tanh", np.tanh, -20.0, 20.0, 2e-7),
        ("tanh", np.tanh, -1.0, 1.0, 2e-7),
        ("tanh", np.tanh, -1e-6, 1e-6, 2e-7),
    ],
)
def test_relative_errors(
    library: ctypes.CDLL, name: str, reference: Any, low: float, high: float, allowed: float
) -> None:
    """Two million arguments across the range: no relative error is greater than the header says."""
    x = np.linspace(low, high, 2_000_001).astype(np.float32)
    x = x[x != 0]
    exact = reference(x.astype(np.float64))
    errors = np.abs(_each(library, name, x) - exact) / np.abs(exact)
    assert errors.max() < allowed


def test_ends(library: ctypes.CDLL) -> None:
    """Beyond float32's range the functions reach their limits, and zero gives the exact value."""
    x = np.array([0.0, -1e30, -np.inf, -88.0, np.nan], np.float32)
    np.testing.assert_array_equal(_each(library, "exp_of_negative", x), np.array([1, 0, 0, 0, 0], np.float32))
    x = np.array([0.0, 1e30, -1e30, np.inf, -np.inf], np.float32)
    np.testing.assert_array_equal(_each(library, "tanh", x), np.array([0, 1, -1, 1, -1], np.float32))
    np.testing.assert_array_equal(_each(library, "logistic", x), np.array([0.5, 1, 0, 1, 0], np.float32))


@pytest.mark.parametrize(("name", "low", "high"), [("relu", 0, np.inf), ("relu6", 0, 6), ("relu_n1_to_1", -1, 1)])
def test_clamps(library: ctypes.CDLL, name: str, low: float, high: float) -> None:
    """The fused activations clamp as numpy does, and what is not a number stays so."""
    x = np.array([-np.inf, -7, -1, -0.5, 0, 0.5, 1, 6, 7, np.inf, np.nan], np.float32)
    np.testing.assert_array_equal(_each(library, name, x), np.clip(x, np.float32(low), np.float32(high)))


def test_every_half(library: ctypes.CDLL) -> None:
    """All 63,488 finite halves become the float32 of the same value and sign."""
    halves = np.arange(1 << 16, dtype=np.uint16)
    halves = halves[np.isfinite(halves.view(np.float16))]
    floats = np.empty(len(halves), np.float32)
    library.halves(_pointer(halves), _pointer(floats), len(halves))
    expected = halves.view(np.float16).astype(np.float32)
    np.testing.assert_array_equal(floats.view(np.uint32), expected.view(np.uint32))


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf, 1e-40, 3e38])
def test_quantizing_survives_anything(library: ctypes.CDLL, special: float) -> None:
    """Infinities, what is not a number, and numbers at the ends of float32 give some int8, and no trap."""
    x, q = np.array([1.0, special, -2.0], np.float32), np.zeros(3, np.int8)
    offset = ctypes.c_int32()
    library.symmetric(_pointer(x), _pointer(q), 3)
    library.asymmetric(_pointer(x), _pointer(q), 3, ctypes.byref(offset))
    assert -127 <= offset.value <= 128
