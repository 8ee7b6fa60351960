"""What a device did over a long time, and what an instrument says an inference takes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SoakPoint:
    """One stretch of a soak, `seconds` after its start; None is what the device cannot tell.

    `latency_ms` is the median by the device's counter, `rate_hz` inferences a second with loading and reading.
    """

    seconds: float
    inferences: int
    rate_hz: float
    latency_ms: float | None
    temperature_c: float | None
    supply_v: float | None
    clock_hz: int | None


@dataclass(frozen=True, slots=True)
class Soak:
    """A soak: every answer was compared with the reference, `wrong` of them differ."""

    seconds: float
    inferences: int
    wrong: int
    points: tuple[SoakPoint, ...]

    @property
    def max_temperature_c(self) -> float | None:
        """The highest that was read."""
        return max((point.temperature_c for point in self.points if point.temperature_c is not None), default=None)

    @property
    def latency_drift_percent(self) -> float | None:
        """The last stretch against the first; positive is slower."""
        known = [point.latency_ms for point in self.points if point.latency_ms]
        return 100.0 * (known[-1] / known[0] - 1.0) if len(known) > 1 else None

    @property
    def rate_drift_percent(self) -> float | None:
        """The last stretch against the first by the computer's clock; negative is slower."""
        return 100.0 * (self.points[-1].rate_hz / self.points[0].rate_hz - 1.0) if len(self.points) > 1 else None

    @property
    def clocks_hz(self) -> tuple[int, ...]:
        """Every core clock that was read, in order: more than one is a core that was throttled."""
        return tuple(dict.fromkeys(point.clock_hz for point in self.points if point.clock_hz))


@dataclass(frozen=True, slots=True)
class MeasuredEnergy:
    """Energy of single inferences by an instrument; the marker pin says where each begins and ends.

    `idle_milliwatts` is the power between them.
    """

    monitor: str
    inferences: int
    microjoules: float
    deviation_microjoules: float
    milliseconds: float
    milliwatts: float
    idle_milliwatts: float | None
