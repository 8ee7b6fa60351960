"""Attributes of nodes from JSON: numbers, strings, tuples and dataclasses exactly as their types say."""

from __future__ import annotations

import math
import types
import typing
from dataclasses import fields, is_dataclass
from typing import Any

from mcuq.errors import InvalidModel

MAX_INTEGER = 1 << 53
MAX_STEP = 1 << 15  # of strides, dilations and windows
MAX_COUNT = 1 << 26
_FROM_ONE = ("stride", "dilation", "size", "depth_multiplier")
_FROM_ZERO = ("top", "bottom", "left", "right", "before", "after", "axis", "axes", "shape")
_SIGNED = ("StridedSlice",)


def _decode_scalar(kind: type, data: Any, place: str) -> Any:
    if kind is float and type(data) is int and abs(data) <= MAX_INTEGER:
        return float(data)
    if type(data) is not kind:
        raise InvalidModel(f"{place} should be {kind.__name__}")
    if isinstance(data, float) and not math.isfinite(data):
        raise InvalidModel(f"{place} is not finite")
    if isinstance(data, int) and abs(data) > MAX_INTEGER:
        raise InvalidModel(f"{place} is too large")
    if isinstance(data, str) and not data.isprintable() and any("\ud800" <= c <= "\udfff" for c in data):
        raise InvalidModel(f"{place} is not Unicode text")
    return data


def _decode_tuple(kinds: tuple[Any, ...], data: Any, place: str) -> tuple[Any, ...]:
    if not isinstance(data, list):
        raise InvalidModel(f"{place} should be a list")
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return tuple(decode(kinds[0], item, place) for item in data)
    if len(data) != len(kinds):
        raise InvalidModel(f"{place} should have {len(kinds)} elements")
    return tuple(decode(kind, item, place) for kind, item in zip(kinds, data, strict=True))


def _numbers(value: Any) -> tuple[int, ...]:
    if isinstance(value, int):
        return (value,)
    return tuple(item for item in value if isinstance(item, int)) if isinstance(value, tuple) else ()


def _check_range(name: str, value: Any, place: str) -> None:
    """Counts start at one, sizes at zero, and neither is absurd."""
    if name in _FROM_ONE:
        least, greatest = 1, MAX_STEP
    elif name in _FROM_ZERO:
        least, greatest = 0, MAX_COUNT
    else:
        return
    if not all(least <= number <= greatest for number in _numbers(value)):
        raise InvalidModel(f"{place} is out of range")


def _decode_dataclass(kind: Any, data: Any, place: str) -> Any:
    names = [field.name for field in fields(kind)]
    if not isinstance(data, dict) or set(data) != set(names):
        raise InvalidModel(f"{place} should have exactly the fields {', '.join(names) or '(none)'}")
    hints = typing.get_type_hints(kind)
    found = {name: decode(hints[name], data[name], f"{place}, {name}") for name in names}
    if kind.__name__ not in _SIGNED:
        for name, value in found.items():
            _check_range(name, value, f"{place}, {name}")
    return kind(**found)


def decode(kind: Any, data: Any, place: str) -> Any:
    """`data`, as json.loads gives it, as a value of type `kind`; InvalidModel with the place where it is not."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return None if data is None else decode(next(a for a in arguments if a is not type(None)), data, place)
    if origin is tuple:
        return _decode_tuple(arguments, data, place)
    if is_dataclass(kind):
        return _decode_dataclass(kind, data, place)
    return _decode_scalar(kind, data, place)
