"""What an instrument gives, and the energy of each inference in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from mcuq.artifacts import MeasuredEnergy
from mcuq.errors import DeviceError


@dataclass(frozen=True, slots=True)
class Recording:
    """Power over time: one value and one level of the marker pin every `interval_s`."""

    interval_s: float
    watts: npt.NDArray[np.float64]
    is_marked: npt.NDArray[np.bool_]


class EnergyMonitor(Protocol):
    """An instrument between supply and board, one of whose logic inputs is wired to the board's marker pin."""

    name: str

    def open(self) -> None:
        """Connect; raises ToolMissing (its library is not installed), LinkLost (no instrument)."""

    def start(self) -> None:
        """Record from now on."""

    def stop(self) -> Recording:
        """What was recorded; raises LinkLost."""

    def close(self) -> None:
        """Let it go; the board keeps its supply."""


def energy_of_pulses(recording: Recording, inferences: int, monitor: str) -> MeasuredEnergy:
    """The energy under each pulse of the marker; raises DeviceError where there is not one for each inference.

    The integral is the sum of the samples, which ends at the sample's width: an inference should last some of them.
    """
    edges = np.diff(recording.is_marked.astype(np.int8), prepend=np.int8(0), append=np.int8(0))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    if len(starts) != inferences:
        raise DeviceError(
            f"the marker pin was high {len(starts)} times during {inferences} inferences; wire the board's marker to "
            f"the first logic input of {monitor}, and build with --energy-pin"
        )
    energies = np.array([recording.watts[a:b].sum() * recording.interval_s for a, b in zip(starts, ends, strict=True)])
    widths = (ends - starts) * recording.interval_s
    idle = recording.watts[~recording.is_marked]
    return MeasuredEnergy(
        monitor=monitor,
        inferences=inferences,
        microjoules=float(np.median(energies)) * 1e6,
        deviation_microjoules=float(energies.std()) * 1e6,
        milliseconds=float(np.median(widths)) * 1e3,
        milliwatts=float(energies.sum() / widths.sum()) * 1e3,
        idle_milliwatts=float(idle.mean()) * 1e3 if len(idle) else None,
    )
