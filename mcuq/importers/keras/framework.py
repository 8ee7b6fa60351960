"""Keras, TensorFlow and tf_keras, imported when they are needed, or a clear word that they are missing."""

from __future__ import annotations

import importlib
import os
from typing import Any

from mcuq.errors import ToolMissing

KERAS_MODULES = ("keras", "tf_keras", "tensorflow")


def _imported(module: str, why: str, package: str) -> Any:
    # TensorFlow greets with a page of notices about the machine; errors still come through.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        return importlib.import_module(module)
    except ImportError as error:
        text = f"{why} needs {module}, which cannot be imported ({error}); pip install {package}"
        raise ToolMissing(text) from None


def keras_3() -> Any:
    """The keras package; ToolMissing when it is not installed."""
    return _imported("keras", "reading a Keras model", '"mcuq[keras]"')


def hdf5() -> Any:
    """The h5py package, which Keras brings along; ToolMissing when it is not installed."""
    return _imported("h5py", "reading a Keras model", '"mcuq[keras]"')


def tensorflow() -> Any:
    """The tensorflow package; ToolMissing when it is not installed."""
    return _imported("tensorflow", "reading a SavedModel", '"mcuq[keras]"')


def keras_2() -> Any:
    """The tf_keras package, Keras 2 as it lives on; ToolMissing when it is not installed."""
    return _imported("tf_keras", "reading this file of Keras 2", "tf_keras")


def is_of_keras(thing: Any) -> bool:
    """Whether a class, function or object comes with Keras (3, or 2 as tf_keras), not from a user's program."""
    return str(thing.__module__).split(".")[0] in KERAS_MODULES


def is_keras_model(value: object) -> bool:
    """Whether the value is a Keras model in memory; imports nothing."""
    return any(kind.__name__ == "Model" and is_of_keras(kind) for kind in type(value).__mro__)
