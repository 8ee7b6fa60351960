"""Recipes: which layer is quantized how, read from TOML once and checked."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import TypeAdapter, ValidationError

from mcuq.errors import QuantizationFailed

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = Path(__file__).resolve().parent / "recipes"
INTEGER_ARITHMETICS = ("tflm", "single", "shift", "int16x8")

ArithmeticName = Literal["tflm", "single", "shift", "int16x8", "hybrid", "float"]
Granularity = Literal["tensor", "group", "channel"]
ObserverName = Literal["min_max", "moving_average", "percentile", "mse", "entropy"]
Rounding = Literal["nearest", "gptq"]
Interface = Literal["integer", "float32"]


# Read by pydantic: a key that no field names is an error.
_CLOSED = {"extra": "forbid"}


@dataclass(frozen=True, slots=True)
class Scheme:
    """How one layer is quantized.

    `weight_bits` is 2 to 8 in integer and hybrid arithmetic; in float arithmetic 32 (kept), 16 (float16) or 8 and fewer
    (weight-only). `group_channels` neighbouring output channels share a scale where granularity is "group"; the last
    group may be smaller. `activation_bits` follows from the arithmetic and may be written out to be checked.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED

    arithmetic: ArithmeticName = "tflm"
    weight_bits: int = 8
    granularity: Granularity = "channel"
    weight_symmetric: bool = True
    activation_bits: int | None = None
    activation_symmetric: bool = False
    observer: ObserverName = "mse"
    group_channels: int = 4

    @property
    def is_integer(self) -> bool:
        """Whether activations are integers."""
        return self.arithmetic in INTEGER_ARITHMETICS

    @property
    def bits(self) -> int:
        """The width of the activations: 8 or 16, 32 where they are float."""
        return {"int16x8": 16, "hybrid": 32, "float": 32}.get(self.arithmetic, 8)


@dataclass(frozen=True, slots=True)
class Rule:
    """What differs for the layers that match all of `layer` (a glob of names), `op` and `position`.

    `position` counts the layers that have weights: "first", "last", or an index, from the end when negative.
    `changes` are fields of Scheme.
    """

    layer: str | None = None
    op: str | None = None
    position: str | int | None = None
    changes: tuple[tuple[str, Any], ...] = ()

    def matches(self, names: tuple[str, ...], op: str, position: int | None, weighted: int) -> bool:
        """Whether the rule speaks of the layer; `position` of `weighted` layers, None for one without weights."""
        wanted = {"first": 0, "last": weighted - 1}.get(str(self.position), self.position)
        if isinstance(wanted, int) and wanted < 0:
            wanted += weighted
        return (
            (self.layer is None or any(fnmatchcase(name, self.layer) for name in names))
            and (self.op is None or self.op == op)
            and (wanted is None or wanted == position)
        )


@dataclass(frozen=True, slots=True)
class Calibration:
    """`percentile` and `momentum` belong to the observers of those names; `bins` to all that keep a histogram."""

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED

    percentile: float = 99.99
    momentum: float = 0.9
    bins: int = 4096


@dataclass(frozen=True, slots=True)
class Refine:
    """What is done to weights beyond rounding; each switch on its own.

    `equalize` is how far channels are equalised, 0 (off) to 1; `samples` are held in memory for refinement, `damping`
    is the share of the mean variance added to every input's variance, `shrink` the same times taps over rows, so that
    few rows move weights less. `exact_multipliers` concerns int16x8, whose requantisation has 15 bits.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED

    bias_correction: bool = True
    rounding: Rounding = "gptq"
    range_search: bool = True
    input_error_correction: bool = True
    exact_multipliers: bool = False
    equalize: float = 0.5
    samples: int = 256
    damping: float = 0.01
    shrink: float = 5.0


@dataclass(frozen=True, slots=True)
class Mixed:
    """The layers that measurably hurt most get `weight_bits`, for at most `extra_percent` more weight bytes in all."""

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED

    weight_bits: int = 8
    extra_percent: float = 10.0


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides how a float graph becomes an integer one.

    `remove_dead_channels` asks for a model without the integer channels that no input can move.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED

    name: str = "int8"
    description: str = ""
    layers: Scheme = Scheme()
    input: Interface = "integer"
    output: Interface = "integer"
    calibration: Calibration = Calibration()
    refine: Refine = Refine()
    mixed: Mixed | None = None
    remove_dead_channels: bool = False
    rules: tuple[Rule, ...] = ()

    def scheme_of(self, names: tuple[str, ...], op: str, position: int | None, weighted: int) -> Scheme:
        """The scheme of one layer: the recipe's, changed by every rule that matches, in order."""
        scheme = self.layers
        for rule in self.rules:
            if rule.matches(names, op, position, weighted):
                scheme = replace(scheme, **dict(rule.changes))
        return scheme


_SCHEME_KEYS = frozenset(field.name for field in fields(Scheme))
_RULE_KEYS = frozenset({"layer", "op", "position"})
_RECIPE: TypeAdapter[Recipe] = TypeAdapter(Recipe)
_SCHEME: TypeAdapter[Scheme] = TypeAdapter(Scheme)


def built_in_recipes() -> tuple[str, ...]:
    """The names of the recipes that come with mcuq."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def load_recipe(name_or_path: str | Path) -> Recipe:
    """The built-in recipe of that name, or the one in the .toml file of that path.

    Raises QuantizationFailed naming file and key when there is none or it is wrong.
    """
    text = str(name_or_path)
    path = Path(text) if text.endswith(".toml") else FOLDER / f"{text}.toml"
    if not text.endswith(".toml") and (text not in built_in_recipes()):
        known = ", ".join(built_in_recipes())
        raise QuantizationFailed(f"there is no recipe '{text}'; there are {known}; a file can be given by its path")
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise QuantizationFailed(f"recipe {path} cannot be read: {error.strerror or error}; check the path") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise QuantizationFailed(f"recipe {path} is not TOML: {error}") from error
    return recipe_from_table({"name": path.stem, **table}, str(path))


def recipe_from_table(table: Mapping[str, Any], source: str = "recipe") -> Recipe:
    """The recipe that a parsed TOML table describes; raises QuantizationFailed naming `source` and key."""
    rules = table.get("rules", ())
    rest = {key: value for key, value in table.items() if key != "rules"}
    recipe: Recipe = _validated(_RECIPE, rest, source, "")
    if not isinstance(rules, list | tuple):
        raise QuantizationFailed(f"{source}: key 'rules': it must be a list of tables ([[rules]])")
    parsed = tuple(_rule(rule, recipe.layers, source, f"rules.{index}") for index, rule in enumerate(rules))
    recipe = replace(recipe, rules=parsed)
    _check_scheme(recipe.layers, source, "layers")
    for index, rule in enumerate(parsed):
        _check_scheme(replace(recipe.layers, **dict(rule.changes)), source, f"rules.{index}")
    _check_numbers(recipe, source)
    return recipe


def _validated(adapter: TypeAdapter[Any], table: Mapping[str, Any], source: str, place: str) -> Any:
    # JSON mode is strict about types and still takes lists for tuples; a missing place is the top level.
    try:
        return adapter.validate_json(json.dumps(table, default=str), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in (*filter(None, (place,)), *first["loc"])) or "(top level)"
        unknown = first["type"] in ("unexpected_keyword_argument", "extra_forbidden")
        reason = "unknown key" if unknown else first["msg"].lower()
        raise QuantizationFailed(f"{source}: key '{key}': {reason}; see the room's README for every key") from None


def _rule(table: Any, layers: Scheme, source: str, place: str) -> Rule:
    if not isinstance(table, dict):
        raise QuantizationFailed(f"{source}: key '{place}': it must be a table")
    for key in table:
        if key not in _SCHEME_KEYS | _RULE_KEYS:
            raise QuantizationFailed(f"{source}: key '{place}.{key}': unknown key; see the room's README for every key")
    changes = {key: table[key] for key in table if key in _SCHEME_KEYS}
    _validated(_SCHEME, {**asdict(layers), **changes}, source, place)
    position = table.get("position")
    if isinstance(position, bool) or not (position in (None, "first", "last") or isinstance(position, int)):
        raise QuantizationFailed(f'{source}: key \'{place}.position\': it is "first", "last" or a number')
    for key in ("layer", "op"):
        if not isinstance(table.get(key, ""), str):
            raise QuantizationFailed(f"{source}: key '{place}.{key}': it is a text")
    return Rule(table.get("layer"), table.get("op"), position, tuple(changes.items()))


def _check_scheme(scheme: Scheme, source: str, place: str) -> None:
    """What the types cannot say: widths that belong to the arithmetic."""
    widths = (32, 16, *range(2, 9)) if scheme.arithmetic == "float" else tuple(range(2, 9))
    if scheme.weight_bits not in widths:
        raise QuantizationFailed(
            f"{source}: key '{place}.weight_bits': {scheme.arithmetic} arithmetic takes {', '.join(map(str, widths))}, "
            f"not {scheme.weight_bits}"
        )
    if scheme.group_channels < 1:
        raise QuantizationFailed(f"{source}: key '{place}.group_channels': at least 1, not {scheme.group_channels}")
    if scheme.activation_bits not in (None, scheme.bits):
        raise QuantizationFailed(
            f"{source}: key '{place}.activation_bits': {scheme.arithmetic} arithmetic has {scheme.bits}, "
            f"not {scheme.activation_bits}; leave the key out or choose another arithmetic"
        )


def _check_numbers(recipe: Recipe, source: str) -> None:
    limits = {
        "calibration.percentile": (recipe.calibration.percentile, 50, 100),
        "calibration.momentum": (recipe.calibration.momentum, 0, 1),
        "calibration.bins": (recipe.calibration.bins, 256, 1 << 16),
        "refine.equalize": (recipe.refine.equalize, 0, 1),
        "refine.samples": (recipe.refine.samples, 1, 1 << 16),
        "refine.damping": (recipe.refine.damping, 0, 10),
        "refine.shrink": (recipe.refine.shrink, 0, 1000),
    }
    for key, (value, least, greatest) in limits.items():
        if not least <= value <= greatest:
            raise QuantizationFailed(f"{source}: key '{key}': {value} does not lie between {least} and {greatest}")
    if recipe.mixed is not None and not (2 <= recipe.mixed.weight_bits <= 8 and recipe.mixed.extra_percent >= 0):
        raise QuantizationFailed(
            f"{source}: key 'mixed': weight_bits lie between 2 and 8, extra_percent is not negative"
        )
