"""From cycles to energy: what one cycle of a microcontroller costs on one supply, as data with its source."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pydantic import TypeAdapter

from mcuq.artifacts import EnergyEstimate
from mcuq.errors import InvalidBoard
from mcuq.profile.tables import read_table

PATH = Path(__file__).resolve().parent / "energy.toml"
_CLOSED = {"extra": "forbid"}


@dataclass(frozen=True, slots=True)
class Supply:
    """A microcontroller on a supply: picojoules a cycle, half the range of the measurements in percent (None: one)."""

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED

    name: str
    mcu: str
    core: str
    pj_per_cycle: float
    source: str
    spread_percent: float | None = None


@dataclass(frozen=True, slots=True)
class _Supplies:
    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED

    supply: tuple[Supply, ...]


_ADAPTER: TypeAdapter[_Supplies] = TypeAdapter(_Supplies)


def supplies() -> tuple[Supply, ...]:
    """Every microcontroller and supply that is known."""
    return read_table(_ADAPTER, PATH, "energy table").supply


def supply_named(name: str, core: str) -> Supply:
    """The supply of that name; raises InvalidBoard when there is none, or when it is of another core."""
    known = supplies()
    found = next((supply for supply in known if supply.name == name), None)
    if found is None:
        fitting = ", ".join(supply.name for supply in known if supply.core == core) or "none for this core"
        raise InvalidBoard(f"there is no supply '{name}'; those of {core}: {fitting}")
    if found.core != core:
        raise InvalidBoard(f"supply '{name}' is of a {found.core}, and the board has a {core}: its cycles are others")
    return found


def energy_of(cycles: float, supply: Supply) -> EnergyEstimate:
    """E = pJ per cycle * cycles: within the spread for convolutions, depthwise and dense layers alike."""
    return EnergyEstimate(
        supply.name, supply.mcu, cycles * supply.pj_per_cycle / 1e6, supply.spread_percent, supply.source
    )
