"""The example networks that lie beside their training script are what it says, on the data that it names."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mcuq import pipeline
from mcuq.interpreter import run
from tests.benchmarks.datasets import DATASETS, anomaly_scores, area_under_curve, mel_filters

FOLDER = Path(__file__).resolve().parent / "models"
MAX_FILE_BYTES = 150 * 1024
SCORES = json.loads((FOLDER / "scores.json").read_text(encoding="utf-8"))
AGREED = 0.004  # one sample of the smallest test part


def _measured(zoo: Path, name: str, suffix: str) -> tuple[str, float]:
    """The measure's name and its value on the held-out part, in the interpreter."""
    data = DATASETS[name](zoo)
    answers = run(pipeline.load(FOLDER / f"{name}{suffix}"), [data.x_test[:, None]])[0][:, 0]
    if "auc" in SCORES[name]:
        return "auc", area_under_curve(anomaly_scores(data.x_test, answers), data.y_test)
    return "accuracy", float((answers.argmax(1) == data.y_test).mean())


@pytest.mark.parametrize("name", DATASETS)
def test_files_are_small(name: str) -> None:
    """What is kept in the checkout stays small."""
    for suffix in (".keras", "_float.tflite"):
        assert (FOLDER / f"{name}{suffix}").stat().st_size < MAX_FILE_BYTES


@pytest.mark.parametrize("name", DATASETS)
def test_tflite_scores(zoo: Path, name: str) -> None:
    """The float .tflite file is as good on the held-out part as scores.json says."""
    measure, value = _measured(zoo, name, "_float.tflite")
    assert abs(value - SCORES[name][measure]) <= AGREED


@pytest.mark.parametrize("name", DATASETS)
def test_keras_scores(zoo: Path, name: str) -> None:
    """So is the .keras file that it was converted from."""
    pytest.importorskip("keras", reason="Keras is not installed (pip install 'mcuq[keras]')")
    measure, value = _measured(zoo, name, ".keras")
    assert abs(value - SCORES[name][measure]) <= AGREED


@pytest.mark.parametrize("name", DATASETS)
def test_data_are_sound(zoo: Path, name: str) -> None:
    """Samples are finite float32, labels count from 0, and no sample is in both parts."""
    data = DATASETS[name](zoo)
    for x, y in ((data.x_train, data.y_train), (data.x_test, data.y_test)):
        assert (x.dtype, y.dtype, len(x)) == (np.float32, np.uint8, len(y))
        assert np.isfinite(x).all()
        assert set(y.tolist()) <= set(range(len(data.classes)))
    trained = {sample.tobytes() for sample in data.x_train}
    assert not [1 for sample in data.x_test if sample.tobytes() in trained]


def test_mel_filters_cover_the_band() -> None:
    """Every band has weight, and neighbours overlap to a sum of at most one."""
    filters = mel_filters(32, 129, 8000)
    assert filters.shape == (129, 32)
    assert (filters.sum(axis=0) > 0).all()
    assert filters.sum(axis=1).max() <= 1 + 1e-6


def test_area_under_curve() -> None:
    """A perfect order is 1, the opposite 0, equal scores one half."""
    labels = np.array([0, 0, 1, 1])
    assert area_under_curve(np.array([0.1, 0.2, 0.3, 0.4]), labels) == 1
    assert area_under_curve(np.array([0.4, 0.3, 0.2, 0.1]), labels) == 0
    assert area_under_curve(np.zeros(4), labels) == 0.5
