"""The validation run: a build on its board, compared with the reference, counted and weighed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq import interpreter
from mcuq.arithmetic.tolerance import differing
from mcuq.artifacts import (
    Answers,
    Build,
    Difference,
    Edge,
    MeasuredEnergy,
    Measurement,
    RobustnessPoint,
    Samples,
    Schedule,
    StepMeasurement,
    Trace,
)
from mcuq.boards import Board
from mcuq.build.image import code_reader, read_image
from mcuq.errors import InvalidData, InvalidProject
from mcuq.ir import Graph
from mcuq.perturb import Perturbation
from mcuq.pipeline.evaluation import classes_of_versions, curve, disturbed, real_inputs, stored_inputs
from mcuq.profile import price, timing_of
from mcuq.profile.energy import energy_of, supply_named
from mcuq.report.answer_scores import answer_scores
from mcuq.report.figures import removed_text
from mcuq.report.scores import real_values
from mcuq.report.verdict import accuracy, equal_samples, greatest_error, predicted_classes, spread
from mcuq.run.connect import connected
from mcuq.run.device import Counting, Device
from mcuq.run.faults import FaultMap
from mcuq.run.gdb import GdbDevice, GdbOptions
from mcuq.run.instruments import EnergyMonitor, energy_of_pulses
from mcuq.run.links import open_link
from mcuq.run.results import Results, RunKey, results_path
from mcuq.run.soak import soak
from mcuq.run.validate import Target, answers, bisect_steps, compare_steps, count, count_steps, warm

Progress = Callable[[int, int], None]
Array = npt.NDArray[Any]

_NOT_IN_REAL_TIME = ("sim", "qemu", "renode")  # where the counter of the device tells no time of the device


def default_link(board: Board) -> str:
    """The link that `run` takes when none is asked for."""
    return board.links[0]


def _deadline_s(planned: Schedule) -> float:
    """Generous: an emulator that counts does some ten million instructions a second, a MAC takes less than ten."""
    return 60.0 + planned.macs / 1e6


def _limited(samples: Samples, limit: int | None) -> Samples:
    if samples.count == 0:
        raise InvalidData(f"{samples.source} holds no samples")
    if limit is None or limit >= samples.count:
        return samples
    labels = None if samples.labels is None else samples.labels[:limit]
    return Samples(tuple(array[:limit] for array in samples.inputs), labels, samples.source)


def _output_tolerances(graph: Graph) -> list[float]:
    allowed = interpreter.tolerances(graph)
    return [allowed[name] for name in graph.outputs]


def _first_difference(
    client: Device, target: Target, samples: Samples, got: Answers, expected: Sequence[Array]
) -> Difference | None:
    """The first step that parts from the reference, in the first sample whose outputs do."""
    wrong = np.flatnonzero(~equal_samples(got.outputs, expected, _output_tolerances(target.schedule.graph)))
    if not len(wrong):
        return None
    sample = int(wrong[0])
    found = bisect_steps(client, target, samples, sample, _reference(target, samples, sample))
    return found or _output_difference(target, got, expected, sample)


def _compare(client: Device, target: Target, samples: Samples, sample: int) -> Difference | None:
    return compare_steps(client, target, samples, sample, _reference(target, samples, sample))


def _reference(target: Target, samples: Samples, sample: int) -> dict[str, Array]:
    """Every run-time value of one sample, without a sample axis."""
    values = interpreter.run_all(target.schedule.graph, [array[sample : sample + 1] for array in samples.inputs])
    return {name: array[0] for name, array in values.items()}


def _output_difference(target: Target, got: Answers, expected: Sequence[Array], sample: int) -> Difference:
    """Every step alone is right, yet the whole is not: the plan or the transport is at fault, so name the output."""
    graph = target.schedule.graph
    outputs = zip(graph.outputs, got.outputs, expected, _output_tolerances(graph), strict=True)
    for name, mine, theirs, tolerance in outputs:
        differs = np.argwhere(differing(mine[sample], theirs[sample], tolerance))
        if len(differs):
            element = tuple(int(i) for i in differs[0])
            last = len(target.schedule.steps)
            pair = float(theirs[sample][element]), float(mine[sample][element])
            return Difference(sample, last, (), name, element, *pair, len(differs))
    raise InvalidData("outputs differ, but no element does")


def _step_measurements(planned: Schedule, trace: Trace | None) -> tuple[StepMeasurement, ...]:
    counted = trace.steps if trace is not None and len(trace.steps) == len(planned.steps) else None
    return tuple(
        StepMeasurement(
            layers=step.layers,
            kernel=step.kernel,
            macs=step.macs,
            instructions=counted[step.index].instructions if counted else None,
            cycles=counted[step.index].cycles if counted else None,
            scratch_bytes=step.scratch_bytes,
        )
        for step in planned.steps
    )


def run(
    build: Build,
    samples: Samples,
    *,
    link: str | None = None,
    limit: int | None = None,
    per_step: bool = False,
    count_samples: int = 3,
    qemu_args: str | None = None,
    port: str | None = None,
    baud: int | None = None,
    gdb: GdbOptions | None = None,
    supply: str | None = None,
    warm_up: int = 0,
    soak_s: float = 0.0,
    energy_monitor: EnergyMonitor | None = None,
    keep_results: bool = False,
    resume: bool = False,
    perturbations: Sequence[Perturbation] = (),
    progress: Progress | None = None,
) -> Measurement:
    """The validation run: every sample on the device, compared with the reference, counted and weighed.

    `per_step` compares every step of the first `count_samples` samples, not only the outputs.
    With a `port` the board itself is measured, with `gdb` (or link `gdb`) what a GDB server reaches.
    `keep_results` writes every answer beside the build as it comes, and
    `resume` goes on with what an earlier run of the same model, data, board and options left there.
    `warm_up` inferences come before those that are counted, beside the accuracy pass. `soak_s` goes on inferring for so
    many seconds, with sensors read; `energy_monitor` measures `count_samples` inferences of a build with an energy pin.
    `supply` names a microcontroller and its supply, for an estimate of the energy from the cycles.
    `perturbations` repeats it on disturbed inputs, beside the reference on the same ones.
    Raises DeviceError and its children, ToolMissing, InvalidData.
    """
    if build.mlperf is not None:
        raise InvalidProject(
            f"{build.folder} holds the firmware of a benchmark; run it with `mcuq mlperf {build.folder}`"
        )
    chosen_supply = None if supply is None else supply_named(supply, build.board.core)
    samples = _limited(samples, limit)
    usual = "gdb" if gdb is not None else default_link(build.board) if port is None else "serial"
    kind = link or usual
    target = device_target(build)
    expected = interpreter.run(build.graph, samples.inputs)
    restarts: list[int] = []
    steps = len(build.schedule.steps)
    with ExitStack() as open_things:
        results = None
        if keep_results or resume:
            path, key = results_path(build.folder, kind, port), _run_key(build, samples, kind)
            results = open_things.enter_context(Results(path, key, resume=resume))
        client: Device
        opened: Counting
        if kind == "gdb":
            client = opened = open_things.enter_context(closing(_debugged(build, target, gdb or GdbOptions())))
        else:
            opened = link_opened = open_things.enter_context(
                closing(open_link(kind, build.image, build.board, build.name, steps, qemu_args, port, baud))
            )
            client = connected(link_opened, target, fault_map(build).describe)
        whole = samples.count + count_samples
        got = answers(client, target, samples, _part(progress, 0, whole), results, lambda: restarts.append(1))
        warm(client, target, samples, warm_up)
        traces = count(client, opened, target, samples, count_samples, _part(progress, samples.count, whole))
        stats = client.stats()
        points: tuple[RobustnessPoint, ...] = ()
        disagreeing = 0
        if perturbations:
            points, disagreeing = _robustness(client, target, samples, perturbations, progress)
        soaked = None
        if soak_s > 0:
            is_timed = kind not in _NOT_IN_REAL_TIME
            soaked = soak(
                client, samples, got, soak_s, is_timed=is_timed, deadline_s=target.deadline_s, progress=progress
            )
        drawn = None
        if energy_monitor is not None:
            open_things.callback(energy_monitor.close)
            drawn = _measured_energy(build, client, target, samples, energy_monitor, count_samples)
        difference = _first_difference(client, target, samples, got, expected)
        if per_step:
            for sample in range(min(count_samples, samples.count)):
                difference = difference or _compare(client, target, samples, sample)
            traces = _with_steps(traces, client, opened, target, samples)
    priced = _priced(build, traces)
    measured = _measurement(build, kind, samples, got, expected, difference, priced, stats.stack_peak_bytes)
    notes = (*measured.notes, *_restart_notes(len(restarts)), *_robustness_notes(disagreeing))
    if chosen_supply is not None and measured.cycles is not None:
        measured = replace(measured, energy=energy_of(measured.cycles.median, chosen_supply))
    elif chosen_supply is not None:
        notes = (*notes, f"no energy: link '{kind}' tells no cycles, from which it would be estimated")
    return replace(measured, notes=notes, robustness=points, soak=soaked, measured_energy=drawn)


def _measured_energy(
    build: Build, device: Device, target: Target, samples: Samples, monitor: EnergyMonitor, runs: int
) -> MeasuredEnergy:
    """Energy of `runs` inferences by the instrument; raises InvalidProject for firmware that moves no pin."""
    if not build.goal.energy_pin:
        raise InvalidProject(
            f"the firmware in {build.folder} does not say when it infers; build it with --energy-pin, and wire the "
            "marker pin of its board file to the instrument"
        )
    monitor.open()
    monitor.start()
    warm(device, target, samples, runs)
    return energy_of_pulses(monitor.stop(), runs, monitor.name)


def _robustness(
    client: Device, target: Target, samples: Samples, perturbations: Sequence[Perturbation], progress: Progress | None
) -> tuple[tuple[RobustnessPoint, ...], int]:
    """Accuracy on disturbed inputs on the device and as the reference has it, and how many answers differ from it."""
    graph = target.schedule.graph
    versions = disturbed(real_inputs(graph, samples), perturbations)
    own, other, different = [], [], 0
    for index, version in enumerate(versions):
        stored = stored_inputs(graph, version, samples)
        part = _part(progress, index * samples.count, len(versions) * samples.count)
        got, expected = answers(client, target, stored, part).outputs, interpreter.run(graph, stored.inputs)
        different += int((~equal_samples(got, expected, _output_tolerances(graph))).sum())
        own.append(got[0])
        other.append(expected[0])
    classes, reference = (classes_of_versions(graph, versions, outputs) for outputs in (own, other))
    return curve(perturbations, classes, reference, samples.labels), different


def _robustness_notes(different: int) -> tuple[str, ...]:
    if not different:
        return ()
    return (f"on disturbed inputs {different} answers of the device are not those of the reference",)


def _debugged(build: Build, target: Target, options: GdbOptions) -> GdbDevice:
    """The model behind a GDB server, initialised; raises what `GdbDevice.open` raises."""
    image = build.image
    if options.elf is not None:
        image = read_image(options.elf, build.board, image.compiler, image.constant_bytes, image.arena_bytes)
    device = GdbDevice(image, build.board, build.name, target, options)
    device.open()
    return device


def device_target(build: Build) -> Target:
    """What the device of that build must be."""
    deadline_s = _deadline_s(build.schedule)
    return Target(build.board, build.schedule, build.plan, build.sources.model_hash, deadline_s, build.version)


def fault_map(build: Build) -> FaultMap:
    """What names function and layer of a fault of that build."""
    layers = [step.layers for step in build.schedule.steps]
    c_text = "\n".join(file.text for file in build.sources.of_role("model"))
    return FaultMap(build.image, build.name, layers, c_text, is_riscv=build.board.architecture == "riscv")


def _run_key(build: Build, samples: Samples, link: str) -> RunKey:
    digest = hashlib.sha256()
    for array in samples.inputs:
        digest.update(f"{array.shape} {array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    flags = (
        f"keep_inputs={build.schedule.keep_inputs}, remove_dead_channels={build.removes_dead_channels}, {build.goal}"
    )
    options = f"{build.image.compiler}, {flags}, mcuq {build.version}"
    return RunKey(build.sources.model_hash, digest.hexdigest(), samples.count, build.board.name, link, options)


def _restart_notes(restarts: int) -> tuple[str, ...]:
    if not restarts:
        return ()
    return (f"the device restarted {restarts} times meanwhile; finished samples were not repeated",)


def _part(progress: Progress | None, before: int, whole: int) -> Progress | None:
    """The progress of a part that follows on `before` of `whole`."""
    return None if progress is None else lambda done, _: progress(before + done, whole)


def _priced(build: Build, traces: tuple[Trace, ...]) -> tuple[Trace, ...]:
    """The traces of a simulator with cycles by the core's timing table, and milliseconds at the board's clock."""
    timing = timing_of(build.board.core)
    if timing is None or not any(trace.edges for trace in traces):
        return traces
    read_code = code_reader(build.image.path)

    def cycles(edges: Mapping[Edge, int]) -> float:
        return price(edges, timing, read_code).cycles

    priced = []
    for trace in traces:
        total = sum(cycles(edges) for edges in trace.edges)
        pairs = zip(trace.steps, trace.step_edges, strict=True)
        steps = tuple(replace(step, cycles=round(cycles(edges))) for step, edges in pairs)
        milliseconds = 1000.0 * total / build.board.clock_hz
        priced.append(replace(trace, cycles=round(total), latency_ms=milliseconds, steps=steps))
    return tuple(priced)


def _with_steps(
    traces: tuple[Trace, ...], client: Device, link: Counting, target: Target, samples: Samples
) -> tuple[Trace, ...]:
    """The traces with steps of the first one counted by the device, where the link could not count them."""
    if not traces or traces[0].steps:
        return traces
    first = traces[0]
    steps = count_steps(client, link, target, samples)
    return (Trace(first.instructions, first.cycles, first.latency_ms, steps), *traces[1:])


def _measurement(
    build: Build,
    link: str,
    samples: Samples,
    got: Answers,
    expected: Sequence[Array],
    difference: Difference | None,
    traces: tuple[Trace, ...],
    stack_peak_bytes: int,
) -> Measurement:
    tensor = build.graph.tensor(build.graph.outputs[0])
    labels = samples.labels
    same_class = predicted_classes(got.outputs[0], tensor) == predicted_classes(expected[0], tensor)
    is_host = build.board.is_host
    tolerance = max(_output_tolerances(build.graph))
    return Measurement(
        model=build.name,
        board=build.board.name,
        link=link,
        compiler=build.image.compiler,
        samples=samples.count,
        accuracy=None if labels is None else accuracy(got.outputs[0], tensor, labels),
        reference_accuracy=None if labels is None else accuracy(expected[0], tensor, labels),
        bit_exact=difference is None and not tolerance,
        agreement=float(same_class.mean()),
        first_difference=difference,
        instructions=spread([trace.instructions for trace in traces]),
        cycles=spread([trace.cycles for trace in traces]),
        latency_ms=spread([trace.latency_ms for trace in traces]),
        latencies_ms=tuple(trace.latency_ms for trace in traces if trace.latency_ms is not None),
        arena_bytes=build.plan.arena_bytes,
        static_ram_bytes=None if is_host else build.image.static_ram_bytes,
        stack_bytes=stack_peak_bytes or None,
        flash_total_bytes=None if is_host else build.image.flash_bytes,
        flash_constant_bytes=build.schedule.constant_bytes,
        steps=_step_measurements(build.schedule, traces[0] if traces else None),
        max_error=greatest_error(got.outputs, expected) if tolerance else None,
        scores=answer_scores(
            build.graph,
            real_values(samples.inputs[0], build.graph.tensor(build.graph.inputs[0])),
            real_values(got.outputs[0], tensor),
            real_values(expected[0], tensor),
            labels,
        ),
        notes=(removed_text(build.removed, build.schedule.macs),) if build.removed.macs else (),
    )
