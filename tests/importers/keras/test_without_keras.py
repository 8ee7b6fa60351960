"""Without Keras, mcuq says what to install, and imports nothing of it until it is needed."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from mcuq.errors import ToolMissing
from mcuq.importers.keras import framework, is_keras_model


@pytest.mark.parametrize(
    ("load", "module", "package"),
    [
        (framework.keras_3, "keras", r'"mcuq\[keras\]"'),
        (framework.hdf5, "h5py", r'"mcuq\[keras\]"'),
        (framework.tensorflow, "tensorflow", r'"mcuq\[keras\]"'),
        (framework.keras_2, "tf_keras", "tf_keras"),
    ],
)
def test_a_missing_package_is_named(
    monkeypatch: pytest.MonkeyPatch, load: Callable[[], object], module: str, package: str
) -> None:
    """The error names the package and the command that installs it."""
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ToolMissing, match=rf"needs {module}.*pip install {package}"):
        load()


def test_what_is_not_a_model() -> None:
    """Models are told by their class, without importing Keras."""
    assert not is_keras_model("model.keras")
    assert not is_keras_model(type("Model", (), {})())
