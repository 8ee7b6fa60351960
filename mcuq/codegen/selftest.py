"""The vectors of the embedded self-test: inputs, and a checksum of what each step must write."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq.artifacts import Schedule

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class SelfTest:
    """`inputs[sample]`: all inputs one after another as bytes; `checksums[sample][step]`: the CRC-32 of its outputs."""

    inputs: tuple[bytes, ...]
    checksums: tuple[tuple[int, ...], ...]


def _bytes(array: Array) -> bytes:
    return np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes()


def self_test(schedule: Schedule, samples: Sequence[Mapping[str, Array]]) -> SelfTest:
    """The vectors of a schedule; each sample maps every run-time value to its array, without a sample axis."""
    inputs = tuple(b"".join(_bytes(sample[name]) for name in schedule.graph.inputs) for sample in samples)
    checksums = tuple(
        tuple(zlib.crc32(b"".join(_bytes(sample[name]) for name in step.outputs)) for step in schedule.steps)
        for sample in samples
    )
    return SelfTest(inputs, checksums)
