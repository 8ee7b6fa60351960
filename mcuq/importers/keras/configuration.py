"""What a Keras file says about its model, judged and cleaned before Keras gets to build it.

A configuration names classes and modules to import, so a file from elsewhere is read only where it names layers that
mcuq knows. What matters to training alone is taken out: it cannot change an answer, and is what most often keeps one
version of Keras from reading the files of another.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mcuq.errors import InvalidModel
from mcuq.importers.keras.framework import KERAS_MODULES
from mcuq.importers.keras.layers import reasons_against
from mcuq.ops import Refusal

MODELS = ("Functional", "Model", "Sequential")
MAX_DEPTH = 40
MAX_LAYERS = 10_000
_OF_TRAINING = ("_initializer", "_regularizer", "_constraint")


def layers_of(config: Any, place: str) -> list[dict[str, Any]]:
    """The layers that a model's configuration lists; InvalidModel when it lists none."""
    layers = config.get("layers") if isinstance(config, dict) else None
    if not isinstance(layers, list) or len(layers) > MAX_LAYERS or not all(_is_layer(layer) for layer in layers):
        raise InvalidModel(f"the configuration of {place} is damaged: it does not list its layers")
    return layers


def _is_layer(layer: Any) -> bool:
    return (
        isinstance(layer, dict)
        and isinstance(layer.get("class_name"), str)
        and isinstance(layer.get("config"), (dict, str))
    )


def name_of(layer: dict[str, Any]) -> str:
    """What the user calls the layer."""
    config = layer["config"]
    inner = config.get("name") if isinstance(config, dict) else None
    return str(layer.get("name") or inner or layer["class_name"])


def _is_own(layer: dict[str, Any]) -> bool:
    """Whether the configuration names a class that does not come with Keras."""
    module, registered = layer.get("module"), layer.get("registered_name")
    foreign = module is not None and str(module).split(".")[0] not in KERAS_MODULES
    return foreign or (module is None and registered not in (None, layer["class_name"]))


def refusals_of(config: Any, prefix: str = "", depth: int = 0) -> Iterator[Refusal]:
    """Every layer that mcuq does not read, with the reason, models inside the model included."""
    if depth > MAX_DEPTH:
        raise InvalidModel("the configuration is damaged: its models are nested too deeply")
    for layer in layers_of(config, f"model '{prefix}'" if prefix else "the model"):
        kind, path = layer["class_name"], prefix + name_of(layer)
        if _is_own(layer):
            yield Refusal(kind, (path,), "it is a layer of your own; mcuq reads layers of Keras")
        elif kind in MODELS:
            yield from refusals_of(layer["config"], f"{path}/", depth + 1)
        elif kind != "InputLayer":
            config_of_layer = layer["config"] if isinstance(layer["config"], dict) else {}
            module = str(layer.get("module") or "")
            yield from (Refusal(kind, (path,), why) for why in reasons_against(kind, module, config_of_layer))


def _names_foreign_module(value: dict[str, Any]) -> bool:
    module = value.get("module")
    return module is not None and str(module).split(".")[0] not in (*KERAS_MODULES, "builtins", "None")


def cleaned(value: Any, depth: int = 0) -> Any:
    """The configuration without what matters to training alone; InvalidModel when it would import other code."""
    if depth > 8 * MAX_DEPTH:
        raise InvalidModel("the configuration is damaged: it is nested too deeply")
    if isinstance(value, list):
        return [cleaned(item, depth + 1) for item in value]
    if not isinstance(value, dict):
        return value
    if _names_foreign_module(value):
        raise InvalidModel(f"the configuration asks for code of the module {str(value['module'])[:60]!r}")
    kept = {key: cleaned(item, depth + 1) for key, item in value.items() if not key.endswith(_OF_TRAINING)}
    kept.pop("compile_config", None)
    config = kept.get("config")
    if kept.get("class_name") in ("DepthwiseConv2D", "DepthwiseConv1D") and isinstance(config, dict):
        config.pop("groups", None)  # written by some versions of Keras 2, unknown to Keras 3
    return kept
