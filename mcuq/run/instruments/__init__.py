"""Instruments that measure the power of a board: the list of their drivers."""

from __future__ import annotations

from collections.abc import Callable

from mcuq.errors import InvalidProject
from mcuq.run.instruments.monitor import EnergyMonitor, Recording, energy_of_pulses
from mcuq.run.instruments.ppk2 import Ppk2

Make = Callable[[str | None, int], EnergyMonitor]

MONITORS: tuple[tuple[str, Make], ...] = ((Ppk2.name, Ppk2),)


def monitor_named(said: str, supply_mv: int) -> EnergyMonitor:
    """The instrument `NAME` or `NAME:PORT`, at that supply; raises InvalidProject for one that mcuq does not know."""
    name, _, port = said.partition(":")
    for known, make in MONITORS:
        if known == name:
            return make(port or None, supply_mv)
    raise InvalidProject(f"there is no driver for '{name}'; known are {', '.join(known for known, _ in MONITORS)}")


__all__ = ["MONITORS", "EnergyMonitor", "Recording", "energy_of_pulses", "monitor_named"]
