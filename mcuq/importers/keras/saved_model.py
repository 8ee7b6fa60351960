"""A SavedModel folder to a float Graph, by way of TensorFlow's own conversion to float TFLite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mcuq.errors import InvalidModel, McuqError, UnsupportedModel
from mcuq.importers.keras import framework
from mcuq.importers.tflite import load_tflite
from mcuq.ir import Graph


def is_saved_model(path: Path) -> bool:
    """Whether the folder is a SavedModel."""
    return path.is_dir() and (path / "saved_model.pb").is_file()


def _signature(loaded: Any, path: Path) -> Any:
    """The function that serves; UnsupportedModel when there is none, or a choice."""
    signatures = dict(loaded.signatures)
    if "serving_default" in signatures:
        return signatures["serving_default"]
    if len(signatures) != 1:
        raise UnsupportedModel(f"'{path}' has the signatures {sorted(signatures)}; export one that is serving_default")
    return next(iter(signatures.values()))


def _for_one_sample(tf: Any, signature: Any) -> Any:
    """The signature with a batch of 1: an open batch would leave shape arithmetic in the file."""
    keywords = signature.structured_input_signature[1]
    specs = {}
    for name, spec in keywords.items():
        sizes = spec.shape.as_list()
        specs[name] = tf.TensorSpec([1 if index == 0 else size for index, size in enumerate(sizes)], spec.dtype, name)
    return tf.function(lambda **inputs: signature(**inputs)).get_concrete_function(**specs)


def _converted(tf: Any, path: Path) -> bytes:
    loaded = tf.saved_model.load(str(path))
    function = _for_one_sample(tf, _signature(loaded, path))
    return bytes(tf.lite.TFLiteConverter.from_concrete_functions([function], loaded).convert())


def load_saved_model(path: Path, name: str) -> Graph:
    """The serving signature of a SavedModel folder as a float graph called `name`.

    Layers are named after the tensors of the converted model, since a SavedModel keeps operations and not layers.
    Raises InvalidModel for a damaged folder, UnsupportedModel for what TFLite or mcuq does not do, ToolMissing without
    TensorFlow. A SavedModel is a program: read only those that you trust.
    """
    tf = framework.tensorflow()
    try:
        data = _converted(tf, path)
    except McuqError:
        raise
    except Exception as error:  # TensorFlow raises nearly anything for a folder that it cannot read
        text = " ".join(str(error).split())[:300]
        raise InvalidModel(f"TensorFlow cannot convert '{path}': {type(error).__name__}: {text}") from None
    return load_tflite(data, name)
