"""TOML files into frozen dataclasses that reject unknown keys."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from mcuq.errors import InvalidBoard

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Value = TypeVar("Value")


def read_table(adapter: TypeAdapter[Value], path: Path, what: str) -> Value:
    """The value in the TOML file `path`; raises InvalidBoard naming file and key."""
    try:
        return adapter.validate_json(json.dumps(tomllib.loads(path.read_text(encoding="utf-8"))), strict=True)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidBoard(f"{what} {path} cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "(top level)"
        raise InvalidBoard(f"{what} {path}: key '{key}': {first['msg'].lower()}") from error
