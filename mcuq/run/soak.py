"""Inference after inference for a long time: are the answers right, and do temperature and latency stay?"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from mcuq.artifacts import Samples, Soak, SoakPoint
from mcuq.artifacts.answers import Answers
from mcuq.run.device import Device
from mcuq.run.messages import Stats
from mcuq.run.validate import inputs_of

MOST_POINTS = 60
LEAST_STRETCH_S = 1.0
_ZERO_CELSIUS_MK = 273_150

Array = npt.NDArray[np.generic]


def soak(
    device: Device,
    samples: Samples,
    expected: Answers,
    seconds: float,
    *,
    is_timed: bool,
    deadline_s: float,
    progress: Callable[[int, int], None] | None = None,
) -> Soak:
    """Infer the samples over and over for so long; `expected` are the right outputs.

    Sensors are asked once in each of at most 60 stretches. `is_timed`: whether the device's counter tells time.
    Raises what `device` raises.
    """
    hz = device.ticks_hz if is_timed else 0
    begin = time.monotonic()
    stretch_s = max(LEAST_STRETCH_S, seconds / MOST_POINTS)
    points: list[SoakPoint] = []
    inferences = wrong = 0
    while not points or time.monotonic() - begin < seconds:
        start = time.monotonic()
        ticks: list[int] = []
        until = min(start + stretch_s, begin + seconds)
        while not ticks or time.monotonic() < until:
            index = inferences % samples.count
            done = device.infer(inputs_of(samples, index), deadline_s=deadline_s)
            wrong += done.outputs != tuple(array[index].tobytes() for array in expected.outputs)
            inferences += 1
            ticks.append(done.ticks)
        points.append(_point(time.monotonic() - begin, time.monotonic() - start, ticks, hz, device.stats()))
        if progress is not None:
            progress(min(round(10 * (time.monotonic() - begin)), round(10 * seconds)), round(10 * seconds))
    return Soak(time.monotonic() - begin, inferences, wrong, tuple(points))


def _point(seconds: float, took_s: float, ticks: Sequence[int], hz: int, stats: Stats) -> SoakPoint:
    return SoakPoint(
        seconds=seconds,
        inferences=len(ticks),
        rate_hz=len(ticks) / took_s,
        latency_ms=1000.0 * statistics.median(ticks) / hz if hz else None,
        temperature_c=(stats.temperature_mk - _ZERO_CELSIUS_MK) / 1000.0 if stats.temperature_mk else None,
        supply_v=stats.supply_mv / 1000.0 if stats.supply_mv else None,
        clock_hz=stats.clock_hz or None,
    )
