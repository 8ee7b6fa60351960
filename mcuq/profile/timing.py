"""Core timing tables: TOML in, a frozen Timing out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from pydantic import TypeAdapter

from mcuq.profile.tables import read_table

FOLDER = Path(__file__).parent / "cores"


@dataclass(frozen=True, slots=True)
class HeldOut:
    """How far off estimates were for networks that the constants had not been fitted to, as fractions of 1."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    convolutional: float
    fully_connected: float


@dataclass(frozen=True, slots=True)
class Timing:
    """What each kind of instruction costs on one core, in cycles on top of `instruction`, at zero wait states.

    `mnemonics` maps the beginning of a mnemonic to its extra cycles, the longest one that fits counts. `error` is None
    where nothing is claimed.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    name: str
    source: str
    error: HeldOut | None = None
    instruction: float = 1.0
    load: float = 1.0
    load_after_memory: float = 0.0
    load_use: float = 0.0
    store: float = 0.0
    store_register_offset: float = 0.0
    pair: float = 2.0
    pair_after_memory: float = 1.0
    load_multiple_per_register: float = 1.0
    store_multiple_per_register: float = 1.0
    taken_branch: float = 2.0
    taken_call: float = 2.0
    misaligned_target: float = 0.0
    misaligned_after_load: float = 0.0
    load_into_pc: float = 0.0
    mnemonics: Mapping[str, float] = field(default_factory=dict)


_ADAPTER: TypeAdapter[Timing] = TypeAdapter(Timing)


def load_timing(path: Path) -> Timing:
    """The table in the TOML file `path`; raises InvalidBoard naming file and key."""
    return read_table(_ADAPTER, path, "timing table")


def all_timings() -> tuple[Timing, ...]:
    """Every core that mcuq has a table for, by name."""
    return tuple(load_timing(path) for path in sorted(FOLDER.glob("*.toml")))


def timing_of(core: str) -> Timing | None:
    """The table of that core, or None where there is none."""
    path = FOLDER / f"{core}.toml"
    return load_timing(path) if path.is_file() else None
