"""Activations: as layers, and as the end of other layers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mcuq.importers.keras.framework import is_of_keras
from mcuq.importers.keras.site import Config, LayerReader, Refused, Site
from mcuq.ir import Tensor
from mcuq.ops import NoAttrs
from mcuq.ops.activation import NONE, RELU, RELU6
from mcuq.ops.softmax import Softmax

CLAMPS = {"relu": RELU, "relu6": RELU6}
CURVES = {"sigmoid": "LOGISTIC", "tanh": "TANH"}
KNOWN = ("linear", *CLAMPS, *CURVES, "softmax")


def _clamp_name(config: Config) -> str:
    """What a ReLU layer of this configuration is called; Refused when mcuq has no such clamp."""
    if any(config.get(name) for name in ("negative_slope", "alpha", "threshold")):
        raise Refused("a ReLU with a slope or a threshold; use a plain ReLU or ReLU(max_value=6)")
    maximum = config.get("max_value")
    if maximum is None:
        return "relu"
    if str(maximum) in ("6", "6.0"):  # Keras 2 gives an array of no dimensions
        return "relu6"
    raise Refused(f"a ReLU with max_value {str(maximum)[:40]}; mcuq has none and 6")


def _function_name(said: Any) -> str:
    """The name of an activation function as Keras writes it: a string, or the description of an object."""
    if isinstance(said, str):
        return said
    if isinstance(said, dict) and isinstance(said.get("config"), str) and str(said.get("module")).startswith("tensor"):
        return str(said["config"])
    kind = said.get("class_name") if isinstance(said, dict) else None
    return kind if isinstance(kind, str) and kind not in ("function", "__lambda__") else "a function of your own"


def activation_name(config: Config) -> str:
    """The activation that a layer's configuration names; Refused when mcuq does not do it."""
    said: Any = config.get("activation")
    if said is None:
        return "linear"
    if isinstance(said, dict) and said.get("class_name") == "ReLU":
        return _clamp_name(said.get("config", {}))
    name = _function_name(said)
    if name not in KNOWN:
        raise Refused(f"its activation is {name[:60]}; mcuq has {', '.join(KNOWN)}")
    return name


def _own_function(site: Site) -> bool:
    """Whether the activation is a function of the user's that is called like one of Keras."""
    function = getattr(site.layer, "activation", None)
    return function is not None and not is_of_keras(function)


def fused_activation(site: Site) -> str:
    """The part of the layer's activation that an op does on the way: a clamp, or none."""
    if _own_function(site):
        raise Refused(f"its activation is a function of your own; mcuq has {', '.join(KNOWN)}")
    return CLAMPS.get(activation_name(site.config), NONE)


def emit_curve(site: Site, x: Tensor) -> Tensor:
    """What is left of the layer's activation after the clamp that the op itself does."""
    return _apply(site, x, activation_name(site.config), clamped=True)


def _apply(site: Site, x: Tensor, name: str, *, clamped: bool = False) -> Tensor:
    if name == "softmax":
        return site.emit("SOFTMAX", (x,), Softmax())
    if name in CURVES:
        return site.emit(CURVES[name], (x,), NoAttrs())
    if name in CLAMPS and not clamped:
        return site.emit(CLAMPS[name], (x,), NoAttrs())
    return x


def refuse_activation(config: Config) -> Iterator[str]:
    """What speaks against the configuration's activation."""
    try:
        activation_name(config)
    except Refused as refused:
        yield str(refused)


def _refuse_relu(config: Config) -> Iterator[str]:
    try:
        _clamp_name(config)
    except Refused as refused:
        yield str(refused)


def _read_activation(site: Site) -> Tensor:
    fused_activation(site)
    return _apply(site, site.held(), activation_name(site.config))


def _read_relu(site: Site) -> Tensor:
    return _apply(site, site.held(), _clamp_name(site.config))


def _read_softmax(site: Site) -> Tensor:
    axis, rank = site.config.get("axis", -1), len(site.shape)
    if (axis[0] if isinstance(axis, (list, tuple)) and len(axis) == 1 else axis) not in (-1, rank - 1):
        raise Refused(f"it works along axis {axis}; mcuq does the last one")
    if len(site.operands) != 1:
        raise Refused("it reads a mask")
    return _apply(site, site.held(), "softmax")


ACTIVATION = LayerReader("Activation", _read_activation, refuse_activation)
RELU_LAYER = LayerReader("ReLU", _read_relu, _refuse_relu)
SOFTMAX = LayerReader("Softmax", _read_softmax)
