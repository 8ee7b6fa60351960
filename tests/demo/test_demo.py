"""The demo's files are what its README says they are."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from mcuq import demo


def load() -> tuple[np.ndarray, np.ndarray]:
    """The held-out samples and their labels."""
    with np.load(demo.data_path()) as data:
        return data["x"], data["y"]


def right_answers(model: Path) -> int:
    """How many held-out samples TFLM's reference kernels get right."""
    tflm = pytest.importorskip("tflite_micro", reason="The tflite-micro wheel exists for Linux x86_64 only.")
    interpreter = tflm.runtime.Interpreter.from_bytes(model.read_bytes())
    parameters = interpreter.get_input_details(0)["quantization_parameters"]
    right = 0
    for sample, label in zip(*load(), strict=True):
        scaled = np.round(sample / parameters["scales"][0]) + parameters["zero_points"][0]
        interpreter.set_input(np.clip(scaled, -128, 127).astype(np.int8)[np.newaxis], 0)
        interpreter.invoke()
        right += int(interpreter.get_output(0).argmax() == label)
    return right


@pytest.mark.parametrize("path", [demo.model_path(), demo.float_model_path()], ids=lambda path: path.name)
def test_models_are_small_tflite_files(path: Path) -> None:
    """Both models are TFLite flatbuffers of less than 20 KB."""
    content = path.read_bytes()
    assert content[4:8] == b"TFL3"
    assert len(content) < 20 * 1024


def test_held_out_samples_are_in_the_stated_range() -> None:
    """x is float32 (360, 8, 8, 1) and spans 0 .. 1; every class is there at least 30 times."""
    x, y = load()
    assert (x.dtype, x.shape) == (np.float32, (360, 8, 8, 1))
    assert (x.min(), x.max()) == (0.0, 1.0)
    assert np.bincount(y, minlength=10).min() >= 30
    assert y.max() == 9


def test_held_out_samples_come_from_the_bundled_digits() -> None:
    """Each held-out sample is one of scikit-learn's digits, with its label, and none appears twice."""
    datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn is needed to compare with its digits.")
    bundled = datasets.load_digits()
    images = (bundled.images / 16.0).astype(np.float32)
    labels = {image.tobytes(): label for image, label in zip(images, bundled.target, strict=True)}
    x, y = load()
    keys = [sample.tobytes() for sample in x]
    assert [labels.get(key) for key in keys] == y.tolist()
    assert len(set(keys)) == len(keys)


def test_int8_accuracy_on_the_reference_kernels() -> None:
    """At least 97 % of the held-out samples are right with TFLM's own kernels, and as many as the README says."""
    right = right_answers(demo.model_path())
    assert right >= 0.97 * 360
    assert readme_row("digits_int8.tflite") == (demo.model_path().stat().st_size, right)


def readme_row(name: str) -> tuple[int, int]:
    """The bytes and the number of right answers that the README states for a model."""
    text = (demo.model_path().parent / "README.md").read_text(encoding="utf-8")
    row = re.search(rf"`{re.escape(name)}`.*\| (\d+) \|.*\((\d+)\)", text)
    assert row is not None
    return int(row[1]), int(row[2])
