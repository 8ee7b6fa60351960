"""mcuq.toml: what a user's project folder says once, so that the commands need not be told again."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, TypeAdapter, ValidationError

from mcuq.errors import InvalidProject

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE_NAME = "mcuq.toml"

# Read by pydantic at the edge: a key that no field names is an error, and so is a value of another type.
_CLOSED: dict[str, Any] = {"extra": "forbid", "strict": True}

_Fraction = Annotated[float, Field(ge=0, le=1)]
_NotNegative = Annotated[float, Field(ge=0)]
_Bytes = Annotated[int, Field(ge=0)]


@dataclass(frozen=True, slots=True)
class Gates:
    """What a validation run must reach; None is no gate.

    `min_accuracy` is a fraction of 1, `max_drop` percentage points below the reference, the rest is in their units;
    latency and cycles are judged by their maximum over the counted samples, RAM and flash by their sums.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = _CLOSED

    min_accuracy: _Fraction | None = None
    max_drop: _NotNegative | None = None
    max_latency_ms: _NotNegative | None = None
    deadline_ms: _NotNegative | None = None
    max_cycles: _Bytes | None = None
    max_ram: _Bytes | None = None
    max_flash: _Bytes | None = None
    max_temp: float | None = None
    bit_exact: bool = False


@dataclass(frozen=True, slots=True)
class Options:
    """How to build and to run; None leaves the choice to mcuq. `output` is the folder of the build."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CLOSED

    compiler: Literal["gcc", "clang", "zig"] | None = None
    keep_inputs: bool = False
    remove_dead_channels: bool = True
    optimize: Literal["speed", "size", "balanced", "ram"] = "balanced"
    tune: bool = False
    ram_constants: str = "none"
    energy_pin: bool = False
    monitors: bool = False
    output: str | None = None
    link: Literal["sim", "qemu", "renode", "host", "serial", "gdb"] | None = None
    count_samples: Annotated[int, Field(ge=1)] = 3


@dataclass(frozen=True, slots=True)
class Project:
    """The contents of mcuq.toml; paths are relative to its folder, None is what it does not say."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CLOSED

    model: str | None = None
    name: str | None = None
    data: str | None = None
    recipe: str | None = None
    board: str | None = None
    options: Options = Options()
    gates: Gates = Gates()


_ADAPTER: TypeAdapter[Project] = TypeAdapter(Project)


def read_project(folder: Path) -> Project | None:
    """The project of `folder`, None when it has no mcuq.toml; raises InvalidProject naming file and key."""
    path = folder / FILE_NAME
    if not path.exists():
        return None
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidProject(f"{path} cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidProject(f"{path} is not TOML: {error}; `mcuq init --force` writes a new one") from error
    return _checked(table, path)


def project_text(project: Project) -> str:
    """The project as TOML; what it leaves open stands there as a comment."""
    lines = ["# Defaults of the mcuq commands in this folder. Paths are relative to it."]
    lines += [_line(key, getattr(project, key)) for key in ("model", "name", "data", "recipe", "board")]
    for section in ("options", "gates"):
        lines += ["", f"[{section}]"]
        lines += [_line(key, value) for key, value in asdict(getattr(project, section)).items()]
    return "\n".join(lines) + "\n"


def write_project(project: Project, folder: Path, force: bool = False) -> Path:
    """Write mcuq.toml into `folder`; raises InvalidProject when there is one already, unless `force`."""
    path = folder / FILE_NAME
    if path.exists() and not force:
        raise InvalidProject(f"{path} exists already; change it by hand, or overwrite it with --force")
    waiting = path.with_name(f".{FILE_NAME}.part")
    waiting.write_text(project_text(project), encoding="utf-8")
    waiting.replace(path)
    return path


def _checked(table: dict[str, Any], path: Path) -> Project:
    # JSON mode: strict about types. JSON has no dates: they become a type that no key has.
    try:
        return _ADAPTER.validate_json(json.dumps(table, default=lambda date: [str(date)]))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "(top level)"
        reason = "unknown key" if first["type"] == "unexpected_keyword_argument" else first["msg"].lower()
        raise InvalidProject(f"{path}: key '{key}': {reason}{_known_keys(first)}") from error


def _known_keys(error: Any) -> str:
    """For an unknown key: the keys that may stand in its place."""
    if error["type"] != "unexpected_keyword_argument":
        return ""
    sections: dict[str, type] = {"options": Options, "gates": Gates}
    table = sections.get(str(error["loc"][0]), Project) if len(error["loc"]) > 1 else Project
    return f"; known are {', '.join(field.name for field in fields(table))}"


# What a key that is not set could look like, for the comments of a new file.
_EXAMPLES: dict[str, Any] = {
    "model": "model.tflite",
    "name": "model",
    "data": "test.npz",
    "recipe": "recipe.toml",
    "board": "cortex-m4",
    "compiler": "gcc",
    "output": "build",
    "link": "sim",
    "min_accuracy": 0.9,
    "max_drop": 0.5,
    "max_latency_ms": 100.0,
    "deadline_ms": 100.0,
    "max_cycles": 5000000,
    "max_ram": 65536,
    "max_flash": 262144,
    "max_temp": 85.0,
}


def _line(key: str, value: Any) -> str:
    return f"# {key} = {_toml(_EXAMPLES[key])}" if value is None else f"{key} = {_toml(value)}"


def _toml(value: Any) -> str:
    # A JSON string is a TOML string, but for DEL, which TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
