"""A model compiled for this computer as a shared library: one C call an inference, the firmware's kernels."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq.artifacts import MemoryPlan, Schedule
from mcuq.errors import DeviceError
from mcuq.ir import Tensor

Array = npt.NDArray[Any]
Progress = Callable[[int, int], None]

_PROGRESS_SAMPLES = 16


class _Memory(ctypes.Structure):
    """`<name>_memory_t`."""

    _fields_ = (("arena", ctypes.c_void_p), ("arena_bytes", ctypes.c_uint32))


class _Instance(ctypes.Structure):
    """`<name>_t`."""

    _fields_ = (("arena", ctypes.c_void_p),)


@dataclass(frozen=True, slots=True)
class _Port:
    """One input or output of the model and where it lies in the arena."""

    tensor: Tensor
    offset_bytes: int

    def view(self, arena: Array) -> Array:
        """The value in the arena, [*shape]."""
        raw = arena[self.offset_bytes : self.offset_bytes + self.tensor.bytes]
        return raw.view(self.tensor.dtype.numpy).reshape(self.tensor.shape)


def _port(schedule: Schedule, plan: MemoryPlan, name: str) -> _Port:
    location = schedule.location(name)
    offset = plan.placement(location.buffer).offset_bytes + location.offset_bytes
    return _Port(schedule.graph.tensor(name), offset)


class Library:
    """The library at `path`, made of `schedule` and `plan` under the C name `name`.

    Inferences run on `threads` threads, each in an arena of its own; C lets them run side by side.
    """

    def __init__(self, path: Path, name: str, schedule: Schedule, plan: MemoryPlan, threads: int | None = None) -> None:
        try:
            library = ctypes.CDLL(str(path.resolve()))
            self._init, self._invoke = library[f"{name}_init"], library[f"{name}_invoke"]
        except (OSError, AttributeError) as error:
            raise DeviceError(f"the library {path} cannot be loaded: {error}; build it again") from error
        self._invoke.restype = None
        self._plan = plan
        self._inputs = tuple(_port(schedule, plan, value) for value in schedule.graph.inputs)
        self._outputs = tuple(_port(schedule, plan, value) for value in schedule.graph.outputs)
        self._threads = threads or os.cpu_count() or 1

    def run(self, inputs: Sequence[Array], progress: Progress | None = None) -> tuple[Array, ...]:
        """The outputs, each [samples, *shape], for one array [samples, *shape] an input in the model's own types."""
        samples = len(inputs[0])
        results = tuple(np.empty((samples, *p.tensor.shape), p.tensor.dtype.numpy) for p in self._outputs)
        bounds = np.linspace(0, samples, self._threads + 1).astype(int)
        done = [0] * self._threads

        def work(index: int) -> None:
            for sample in self._samples(range(bounds[index], bounds[index + 1]), inputs, results):
                done[index] = sample + 1 - bounds[index]
                if progress is not None and done[index] % _PROGRESS_SAMPLES == 0:
                    progress(sum(done), samples)

        with ThreadPoolExecutor(self._threads) as pool:
            list(pool.map(work, range(self._threads)))
        return results

    def _samples(self, samples: range, inputs: Sequence[Array], results: Sequence[Array]) -> Iterator[int]:
        """Run these samples one after the other in an arena of their own."""
        arena = self._arena()
        net = _Instance()
        if self._init(ctypes.byref(net), ctypes.byref(_Memory(arena.ctypes.data, len(arena)))) != 0:
            raise DeviceError("the model refused its arena; build it again")
        into = [port.view(arena) for port in self._inputs]
        out = [port.view(arena) for port in self._outputs]
        reference = ctypes.byref(net)
        for sample in samples:
            for view, array in zip(into, inputs, strict=True):
                view[...] = array[sample]
            self._invoke(reference)
            for view, result in zip(out, results, strict=True):
                result[sample] = view
            yield sample

    def _arena(self) -> Array:
        """The aligned part of a longer array."""
        alignment = max(self._plan.alignment_bytes, 16)
        memory = np.zeros(self._plan.arena_bytes + alignment, np.uint8)
        start = -memory.ctypes.data % alignment
        return memory[start : start + self._plan.arena_bytes]
