"""The step that makes a device differ is found by comparing few states, and almost nothing is read."""

from __future__ import annotations

import math
import zlib
from typing import Any

import numpy as np
import pytest

from mcuq import demo, interpreter, pipeline
from mcuq.artifacts import Samples
from mcuq.memory import plan_memory
from mcuq.run.validate import Target, bisect_steps, compare_steps
from mcuq.schedule import schedule


class Device:
    """An arena in which every step writes what the reference says, and from step `wrong` on one bit less."""

    def __init__(self, target: Target, reference: dict[str, Any], wrong: int) -> None:
        self.target, self.reference, self.wrong = target, reference, wrong
        self.arena = bytearray(target.plan.arena_bytes)
        self.runs = self.checks = self.read_bytes = 0

    def load(self, index: int, data: bytes) -> None:
        """Inputs lie in the arena."""
        self._put(self.target.schedule.graph.inputs[index], data)

    def run_to(self, step: int, **_options: Any) -> int:
        """All steps up to that one."""
        self.runs += 1
        for index in range(step + 1):
            self.run_step(index)
        return 0

    def run_step(self, step: int, **_options: Any) -> int:
        """Write the outputs of a step."""
        for name in self.target.schedule.steps[step].outputs:
            data = bytearray(np.ascontiguousarray(self.reference[name]).tobytes())
            data[0] ^= step >= self.wrong
            self._put(name, bytes(data))
        return 0

    def arena_crc(self, offset: int, count: int) -> int:
        """As the firmware computes it."""
        self.checks += 1
        return zlib.crc32(self.arena[offset : offset + count])

    def read_arena(self, offset: int, count: int) -> bytes:
        """Counted."""
        self.read_bytes += count
        return bytes(self.arena[offset : offset + count])

    def _put(self, name: str, data: bytes) -> None:
        location = self.target.schedule.location(name)
        start = self.target.plan.placement(location.buffer).offset_bytes + location.offset_bytes
        self.arena[start : start + len(data)] = data


@pytest.fixture(scope="module")
def subject() -> tuple[Target, Samples, dict[str, Any]]:
    """The demo: target, samples, and the reference of sample 1."""
    graph = pipeline.load(demo.model_path())
    planned = schedule(graph)
    samples = pipeline.load_samples(demo.data_path(), graph, 2)
    values = interpreter.run_all(planned.graph, [array[1:2] for array in samples.inputs])
    target = Target(pipeline.find_board("host"), planned, plan_memory(planned), "", 1.0)
    return target, samples, {name: array[0] for name, array in values.items()}


@pytest.mark.parametrize("wrong", range(14))
def test_the_first_wrong_step_is_found(subject: tuple[Target, Samples, dict[str, Any]], wrong: int) -> None:
    """Whichever step goes wrong is named, after log2(steps) + 2 runs, and one tensor at most is read."""
    target, samples, reference = subject
    steps = target.schedule.steps
    if wrong > len(steps):
        pytest.skip("the demo has fewer steps")
    device = Device(target, reference, wrong)
    found = bisect_steps(device, target, samples, 1, reference)  # type: ignore[arg-type]
    if wrong == len(steps):
        assert found is None
        assert device.read_bytes == 0
        return
    assert found is not None
    assert (found.step, found.layers, found.sample, found.differing) == (wrong, steps[wrong].layers, 1, 1)
    assert device.runs <= math.ceil(math.log2(len(steps))) + 2
    assert device.read_bytes <= max(target.schedule.graph.tensor(name).bytes for name in steps[wrong].outputs)


def test_a_linear_comparison_reads_only_what_differs(subject: tuple[Target, Samples, dict[str, Any]]) -> None:
    """`--per-step` looks at every step by its CRC, and finds the same step."""
    target, samples, reference = subject
    right = Device(target, reference, 99)
    assert compare_steps(right, target, samples, 1, reference) is None  # type: ignore[arg-type]
    assert right.read_bytes == 0
    found = compare_steps(Device(target, reference, 5), target, samples, 1, reference)  # type: ignore[arg-type]
    assert found is not None
    assert found.step == 5
