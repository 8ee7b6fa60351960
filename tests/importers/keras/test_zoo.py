"""Real Keras files, written by several versions of Keras 2, give the answers of their .tflite twins or of tf_keras."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mcuq.importers import load_model
from mcuq.interpreter import run
from tests.importers.keras.compare import assert_same_answers, keras_module

keras_module()


@pytest.mark.parametrize("name", ["ic_resnet8", "ad_toycar", "sww_streaming", "vww_mobilenet025"])
def test_zoo_model(zoo: Path, name: str) -> None:
    """Every Keras model of the zoo gives what tf_keras, which wrote its like, predicts."""
    legacy = pytest.importorskip("tf_keras", reason="tf_keras is not installed (pip install tf_keras)")
    path = zoo / "models" / f"{name}.h5"
    assert_same_answers(load_model(path), legacy.models.load_model(path, compile=False))


@pytest.mark.parametrize("name", ["ic_resnet8", "vww_mobilenet025"])
def test_zoo_goldens(zoo: Path, name: str) -> None:
    """The two models whose .tflite files were converted from the same weights give the recorded answers."""
    with np.load(zoo / "goldens" / "random" / f"{name}_float.npz") as golden:
        steps = sorted(key for key in golden if key.startswith("in0_"))
        inputs = np.stack([golden[key] for key in steps])
        expected = np.stack([golden[key.replace("in0", "out0")] for key in steps])
    ours = run(load_model(zoo / "models" / f"{name}.h5"), [inputs])[0]
    np.testing.assert_allclose(ours, expected, atol=2e-4)
