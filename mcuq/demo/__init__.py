"""Where the demo lies: a small digits network, as float and as int8, and held-out samples to judge it by."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).resolve().parent


def model_path() -> Path:
    """The int8 model, digits_int8.tflite: int8 (1, 8, 8, 1) in, ten int8 class scores out."""
    return _FOLDER / "digits_int8.tflite"


def float_model_path() -> Path:
    """The float model that the int8 one was made from, digits_float.tflite."""
    return _FOLDER / "digits_float.tflite"


def data_path() -> Path:
    """The held-out samples, digits_test.npz: x float32 (360, 8, 8, 1) in 0 .. 1, y uint8 labels 0 .. 9."""
    return _FOLDER / "digits_test.npz"
