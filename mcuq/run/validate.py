"""A validation run: feed samples, read answers, count, and find the first step that differs."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq.arithmetic.tolerance import differing
from mcuq.artifacts import Answers, Difference, MemoryPlan, Samples, Schedule, Step, StepCount, Trace
from mcuq.boards import Board
from mcuq.errors import DeviceError
from mcuq.interpreter import tolerances
from mcuq.run.client import Client
from mcuq.run.device import Counting, Device
from mcuq.run.exchange import SessionLost
from mcuq.run.results import Results

Array = npt.NDArray[Any]
Progress = Callable[[int, int], None]

_MOST_RESTARTS = 3


@dataclass(frozen=True, slots=True)
class Target:
    """What is known of the firmware that is being measured; `deadline_s` bounds one inference."""

    board: Board
    schedule: Schedule
    plan: MemoryPlan
    model_hash: str
    deadline_s: float
    version: str = ""


def check_identity(client: Client, target: Target) -> None:
    """Refuse to measure another model's firmware; raises DeviceError naming both."""
    hello = client.hello()
    if hello.board != target.board.name:
        raise DeviceError(
            f"the device says that it is board '{hello.board}', and this is a build for '{target.board.name}'; "
            f"connect the other board, or build with --board {hello.board}"
        )
    if hello.firmware_version not in ("", target.version):
        raise DeviceError(
            f"the device runs an old firmware, built by mcuq {hello.firmware_version}, and this is {target.version}; "
            "flash this build"
        )
    if hello.init_code:
        raise DeviceError(
            f"the model did not start on the device: its init answered {hello.init_code}; "
            "the generated header lists what the code means"
        )
    if not target.model_hash.startswith(hello.model_hash):
        raise DeviceError(
            f"the device runs model '{hello.model}' ({hello.model_hash}), not {target.model_hash[:16]}; "
            "build and load the firmware again"
        )
    if hello.arena_bytes != target.plan.arena_bytes or hello.step_count != len(target.schedule.steps):
        raise DeviceError("the device runs this model built with other options; build and load the firmware again")


def inputs_of(samples: Samples, index: int) -> tuple[bytes, ...]:
    """The bytes of each input of one sample."""
    return tuple(np.ascontiguousarray(array[index]).tobytes() for array in samples.inputs)


def answers(
    client: Device,
    target: Target,
    samples: Samples,
    progress: Progress | None = None,
    results: Results | None = None,
    restarted: Callable[[], None] = lambda: None,
) -> Answers:
    """The device's outputs for all samples, in order.

    What `results` holds is not asked for again, and what comes is written there. A device that restarts without a
    fault goes on with the sample that it was at; `restarted` is told each time. Raises DeviceError when it restarts
    three times at one sample, DeviceFault when it ran into a fault.
    """
    tensors = [target.schedule.graph.tensor(name) for name in target.schedule.graph.outputs]
    outputs = [np.empty((samples.count, *tensor.shape), tensor.dtype.numpy) for tensor in tensors]
    for index in range(samples.count):
        answer = None if results is None else results.done.get(index)
        if answer is None:
            answer = _inferred(client, target, inputs_of(samples, index), index, restarted)
            if results is not None:
                results.add(index, answer)
        for array, data in zip(outputs, answer, strict=True):
            array[index] = np.frombuffer(data, array.dtype).reshape(array.shape[1:])
        if progress is not None:
            progress(index + 1, samples.count)
    return Answers(tuple(outputs), samples.count)


def _inferred(
    client: Device, target: Target, inputs: tuple[bytes, ...], sample: int, restarted: Callable[[], None]
) -> tuple[bytes, ...]:
    """The outputs for one sample, over restarts of the device."""
    for _ in range(_MOST_RESTARTS):
        try:
            if isinstance(client, Client):  # a debugger has compared the whole program
                check_identity(client, target)
            return client.infer(inputs, deadline_s=target.deadline_s).outputs
        except SessionLost as error:
            if not error.has_restarted:
                raise
            restarted()
    raise DeviceError(
        f"the device restarted {_MOST_RESTARTS} times at sample {sample} and no fault is recorded: a watchdog, or a "
        "failing supply; the finished samples are kept (--resume)"
    )


def _emulated_trace(board: Board, link: Counting, ticks: int, ticks_hz: int) -> Trace:
    """What the firmware's own counter says: instructions under QEMU, time on a device that runs in real time."""
    if link.name == "qemu":
        return Trace(board.instructions_from_ticks(ticks), None, None)
    if link.name == "renode":  # its virtual time is no time of the device
        return Trace(None, None, None)
    cycles = ticks if link.name == "gdb" and ticks_hz else None
    return Trace(None, cycles, 1000.0 * ticks / ticks_hz if ticks_hz else None)


def warm(device: Device, target: Target, samples: Samples, runs: int) -> None:
    """Infer the first `runs` samples, over and over where there are fewer, and look at nothing."""
    for run in range(runs):
        _load_sample(device, samples, run % samples.count)
        device.invoke(1, deadline_s=target.deadline_s)


def count(
    client: Device, link: Counting, target: Target, samples: Samples, runs: int, progress: Progress | None = None
) -> tuple[Trace, ...]:
    """Trace of one inference each of the first `runs` samples, over and over where there are fewer."""
    ticks: list[int] = []
    for run in range(runs):
        _load_sample(client, samples, run % samples.count)
        if not ticks:  # once for all: each start costs the simulator memory for translations that it never gives back
            link.start_counting()
        ticks.append(client.invoke(1, deadline_s=target.deadline_s).total)
        if progress is not None:
            progress(run + 1, runs)
    counted = link.stop_counting()
    return counted or tuple(_emulated_trace(target.board, link, total, client.ticks_hz) for total in ticks)


def count_steps(client: Device, link: Counting, target: Target, samples: Samples) -> tuple[StepCount, ...]:
    """Ticks of each step of one inference from the device's counter, for links that cannot count themselves."""
    _load_sample(client, samples, 0)
    counts = []
    for step in target.schedule.steps:
        ticks = client.run_step(step.index, deadline_s=target.deadline_s)
        instructions = target.board.instructions_from_ticks(ticks) if link.name == "qemu" else None
        counts.append(StepCount(instructions, None, ticks))
    return tuple(counts)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a value lies in the arena, and what the reference says that it is."""

    name: str
    offset_bytes: int
    expected: Array
    tolerance: float


def _places(target: Target, names: Iterable[str], reference: Mapping[str, Array]) -> Iterator[_Place]:
    allowed = tolerances(target.schedule.graph)
    for name in names:
        tensor, location = target.schedule.graph.tensor(name), target.schedule.location(name)
        start = target.plan.placement(location.buffer).offset_bytes + location.offset_bytes
        expected = np.ascontiguousarray(reference[name], tensor.dtype.numpy).reshape(tensor.shape)
        yield _Place(name, start, expected, allowed.get(name, 0.0))


def _read(client: Device, place: _Place) -> Array:
    data = client.read_arena(place.offset_bytes, place.expected.nbytes)
    return np.frombuffer(data, place.expected.dtype).reshape(place.expected.shape)


def _is_equal(client: Device, place: _Place) -> bool:
    """Whether the device has the value: by its CRC where every bit counts, else by reading it."""
    if not place.tolerance:
        return client.arena_crc(place.offset_bytes, place.expected.nbytes) == zlib.crc32(place.expected.tobytes())
    return not differing(_read(client, place), place.expected, place.tolerance).any()


def _live_after(target: Target, step: int) -> tuple[str, ...]:
    """What the steps behind `step` need, and outputs, as far as it is there once `step` has run; views too."""
    planned = target.schedule
    made = [*planned.graph.inputs, *(name for earlier in planned.steps[: step + 1] for name in earlier.outputs)]
    needed = [name for later in planned.steps[step + 1 :] for name in later.inputs] + list(planned.graph.outputs)
    by_step = {name for each in planned.steps for name in each.outputs}
    buffers = {planned.location(name).buffer for name in made}
    views = (name for name in needed if name not in by_step and planned.location(name).buffer in buffers)
    return tuple(dict.fromkeys([*(name for name in made if name in set(needed)), *views]))


def _difference(sample: int, step: Step, name: str, got: Array, expected: Array, tolerance: float) -> Difference | None:
    """The first element that differs, in any bit where the tolerance is 0."""
    differs = differing(got, expected, tolerance)
    if not differs.any():
        return None
    element = tuple(int(i) for i in np.argwhere(differs)[0])
    return Difference(
        sample=sample,
        step=step.index,
        layers=step.layers,
        value=name,
        element=element,
        expected=float(expected[element]),
        got=float(got[element]),
        differing=int(differs.sum()),
    )


def _step_difference(
    client: Device, target: Target, sample: int, step: Step, reference: Mapping[str, Array]
) -> Difference | None:
    """What differs in the outputs of a step that has just run."""
    for place in _places(target, step.outputs, reference):
        if not _is_equal(client, place):
            found = _difference(sample, step, place.name, _read(client, place), place.expected, place.tolerance)
            if found is not None:
                return found
    return None


def _load_sample(client: Device, samples: Samples, sample: int) -> None:
    for index, data in enumerate(inputs_of(samples, sample)):
        client.load(index, data)


def compare_steps(
    client: Device, target: Target, samples: Samples, sample: int, reference: Mapping[str, Array]
) -> Difference | None:
    """Run one sample step by step and stop at the first step whose values are not the reference's.

    `reference` maps every run-time value to its array, without a sample axis. A value is read only where it differs.
    """
    _load_sample(client, samples, sample)
    for step in target.schedule.steps:
        client.run_step(step.index, deadline_s=target.deadline_s)
        found = _step_difference(client, target, sample, step, reference)
        if found is not None:
            return found
    return None


def bisect_steps(
    client: Device, target: Target, samples: Samples, sample: int, reference: Mapping[str, Array]
) -> Difference | None:
    """The step that makes the outputs of a sample differ, found with the logarithm of the steps in runs.

    Before it everything that later steps need is as in the reference, after it something is not. None where the last
    step leaves the right values. Each run compares what is live after the step in the middle, by its CRC.
    """
    steps = target.schedule.steps

    def is_right_after(step: int) -> bool:
        _load_sample(client, samples, sample)
        client.run_to(step, deadline_s=target.deadline_s)
        return all(_is_equal(client, place) for place in _places(target, _live_after(target, step), reference))

    right, wrong = -1, len(steps) - 1
    if is_right_after(wrong):
        return None
    while wrong - right > 1:
        middle = (right + wrong) // 2
        if is_right_after(middle):
            right = middle
        else:
            wrong = middle
    is_right_after(wrong)
    return _step_difference(client, target, sample, steps[wrong], reference)
