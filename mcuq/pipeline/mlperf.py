"""MLPerf Tiny: firmware of a benchmark, and its performance and accuracy procedures against a device."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq import interpreter
from mcuq.artifacts import BENCHMARKS, Benchmark, BenchmarkFirmware, BenchmarkResult, Build, Edge, Samples, Window
from mcuq.boards import Board
from mcuq.build.image import code_reader
from mcuq.errors import DeviceError, InvalidBoard, InvalidData, InvalidProject, UnsupportedModel
from mcuq.importers.data import load_samples
from mcuq.ir import Graph
from mcuq.profile import price, timing_of
from mcuq.report.scores import real_values
from mcuq.report.statistics import area_under_curve
from mcuq.run.link import Link
from mcuq.run.links import open_link
from mcuq.run.mlperf import MlperfClient

Array = npt.NDArray[Any]
Progress = Callable[[int, int], None]

WINDOWS = 5
LEAST_ITERATIONS = 10
LEAST_SECONDS = 10.0
BUFFER_BYTES = 96 * 96 * 3
_ROOM_FOR_BUFFER_BYTES = 64 * 1024
_MARGIN = 1.1

_TASK_CODES = {"raw": 0, "pixels": 1, "anomaly": 2, "stream": 3}
_BYTE_TYPES = ("int8", "uint8")


def benchmark_named(name: str | None, graph: Graph) -> Benchmark:
    """The benchmark of that name, or the one whose reference model has an input of this size; raises InvalidProject."""
    known = ", ".join(benchmark.name for benchmark in BENCHMARKS)
    if name is not None:
        found = next((benchmark for benchmark in BENCHMARKS if benchmark.name == name), None)
        if found is None:
            raise InvalidProject(f"there is no benchmark '{name}'; known are {known}")
        return found
    elements = graph.tensor(graph.inputs[0]).elements
    found = next((benchmark for benchmark in BENCHMARKS if benchmark.input_elements == elements), None)
    if found is None:
        raise InvalidProject(
            f"no benchmark has an input of {elements} elements like '{graph.name}'; name one with --benchmark: {known}"
        )
    return found


def benchmark_defines(graph: Graph, board: Board, firmware: BenchmarkFirmware) -> tuple[str, ...]:
    """What the firmware of a benchmark is compiled with; raises UnsupportedModel, InvalidBoard."""
    benchmark = benchmark_named(firmware.benchmark, graph)
    _refuse(graph, board, benchmark, firmware)
    roomy = board.ram is None or board.ram.bytes >= _ROOM_FOR_BUFFER_BYTES
    needed = _wire_bytes(graph, benchmark)
    return (
        'MCUQ_MLPERF_VENDOR="mcuq"',
        f'MCUQ_MLPERF_MODEL="{benchmark.name}"',
        f"MCUQ_MLPERF_TASK={_TASK_CODES[benchmark.task]}",
        f"MCUQ_MLPERF_ENERGY={int(firmware.energy_mode)}",
        f"MCUQ_MLPERF_BUFFER_BYTES={max(BUFFER_BYTES, needed) if roomy else needed}u",
        *(() if roomy else ("MCUQ_MLPERF_ACTIVATIONS=64u",)),
    )


def _wire_bytes(graph: Graph, benchmark: Benchmark) -> int:
    return graph.tensor(graph.inputs[0]).elements * (4 if benchmark.task == "anomaly" else 1)


def _refuse(graph: Graph, board: Board, benchmark: Benchmark, firmware: BenchmarkFirmware) -> None:
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise UnsupportedModel(f"model '{graph.name}': MLPerf Tiny firmware takes models with one input and one output")
    types = [graph.tensor(name).dtype.name for name in (graph.inputs[0], graph.outputs[0])]
    allowed = (*_BYTE_TYPES, "float32") if benchmark.task == "anomaly" else _BYTE_TYPES
    if types[0] not in allowed or types[1] not in (*_BYTE_TYPES, "float32"):
        raise UnsupportedModel(
            f"model '{graph.name}': MLPerf Tiny firmware of {benchmark.name} takes inputs of {', '.join(allowed)} and "
            f"outputs of int8, uint8, float32, not {types[0]} and {types[1]}; quantize it (`mcuq quantize`)"
        )
    if benchmark.task == "anomaly" and (sizes := _elements(graph))[0] != sizes[1]:
        raise UnsupportedModel(f"model '{graph.name}': {benchmark.name} takes models that reconstruct their input")
    if firmware.energy_mode and board.port.marker is None and not board.is_host:
        raise InvalidBoard(
            f"board '{board.name}' has no pin for the timestamps of energy mode; add [port.marker] to its file"
        )


def _elements(graph: Graph) -> tuple[int, int]:
    return graph.tensor(graph.inputs[0]).elements, graph.tensor(graph.outputs[0]).elements


def benchmark_samples(path: Path, build: Build, limit: int | None = None) -> Samples:
    """The samples of a file for the benchmark of `build`; pixels of 0 to 255 are what ic01 and vww01 are defined on.

    Raises InvalidData and what `load_samples` raises.
    """
    graph = build.graph
    tensor = graph.tensor(graph.inputs[0])
    is_of_pixels = build.mlperf is not None and benchmark_named(build.mlperf.benchmark, graph).task == "pixels"
    if is_of_pixels and tensor.dtype.name == "int8" and path.suffix == ".npz" and path.is_file():
        with np.load(path, allow_pickle=False) as arrays:
            key = next((key for key in ("x", "inputs", "images") if key in arrays), None)
            pixels = None if key is None or f"{key}_scale" in arrays else arrays[key]
            labels = next((arrays[name] for name in ("y", "labels") if name in arrays), None)
        if pixels is not None and pixels.dtype == np.uint8 and pixels.size == len(pixels) * tensor.elements:
            stored = (pixels ^ 0x80).view(np.int8).reshape(len(pixels), *tensor.shape)
            return Samples((stored,), labels, str(path)).take(slice(limit))
    return load_samples(path, graph, limit).take(slice(limit))


@dataclass(frozen=True, slots=True)
class _Set:
    """The samples of a benchmark: bytes as the runner would send them, and what the reference answers."""

    wire: tuple[bytes, ...]
    expected: tuple[tuple[str, ...], ...]
    labels: Array | None
    clips: Array


def _wire(build: Build, benchmark: Benchmark, samples: Samples, data: Path | None) -> _Set:
    graph = build.graph
    stored = samples.inputs[0].reshape(samples.count, -1)
    tensor = graph.tensor(graph.inputs[0])
    (outputs,) = interpreter.run(graph, samples.inputs)
    real_outputs = real_values(outputs, graph.tensor(graph.outputs[0])).reshape(samples.count, -1)
    clips = np.arange(samples.count)
    if benchmark.task == "anomaly":
        reals = _reals(data, samples, stored.shape)
        reals = real_values(stored, tensor) if reals is None else reals
        wire = tuple(row.astype("<f4").tobytes() for row in reals)
        errors = [_mean_squared(row, output) for row, output in zip(reals, real_outputs, strict=True)]
        expected: tuple[tuple[str, ...], ...] = tuple((f"{error:.3f}",) for error in errors)
        clips = _clips(data, clips)
    else:
        shifted = stored.view(np.uint8) ^ (0x80 if benchmark.task == "pixels" and tensor.dtype.name == "int8" else 0)
        wire = tuple(row.tobytes() for row in shifted)
        expected = tuple(tuple(f"{value:.3f}" for value in row) for row in real_outputs)
    return _Set(wire, expected, samples.labels, clips)


def _mean_squared(reals: Array, outputs: Array) -> np.float32:
    """In float32 and in the order of the firmware, so that the last digit told is the same."""
    apart = reals.astype(np.float32) - outputs
    total = np.float32(0)
    for square in apart * apart:
        total = total + square
    return total / np.float32(len(apart))


def _reals(data: Path | None, samples: Samples, shape: tuple[int, ...]) -> Array | None:
    """The real numbers of an .npz, before they were stored as the model's integers; None where it has none."""
    if data is None or data.suffix != ".npz":
        return None
    with np.load(data, allow_pickle=False) as arrays:
        for key in ("x", "inputs"):
            if key in arrays and arrays[key].dtype.kind == "f" and arrays[key][: samples.count].size == np.prod(shape):
                return np.asarray(arrays[key][: samples.count], np.float32).reshape(shape)
    return None


def _clips(data: Path | None, default: Array) -> Array:
    """Which recording each window belongs to (`clip` in the .npz): anomaly detection scores recordings."""
    if data is None or data.suffix != ".npz":
        return default
    with np.load(data, allow_pickle=False) as arrays:
        return np.asarray(arrays["clip"][: len(default)]) if "clip" in arrays else default


def mlperf(
    build: Build,
    samples: Samples,
    *,
    link: str | None = None,
    port: str | None = None,
    baud: int | None = None,
    data: Path | None = None,
    windows: int = WINDOWS,
    least_seconds: float = LEAST_SECONDS,
    progress: Progress | None = None,
) -> BenchmarkResult:
    """The benchmark's two procedures: `windows` performance windows (download, infer), and accuracy over all samples.

    On a link that runs in real time the iterations are raised until the windows together take `least_seconds`.
    Raises DeviceError and its children, InvalidProject, InvalidData.
    """
    if build.mlperf is None:
        raise InvalidProject(f"{build.folder} holds mcuq's own firmware; build it with --firmware mlperf-tiny")
    if samples.count == 0:
        raise InvalidData(f"{samples.source} holds no samples")
    benchmark = benchmark_named(build.mlperf.benchmark, build.graph)
    kind = link or ("serial" if port is not None else build.board.links[0])
    if kind == "gdb":
        raise InvalidProject("the benchmark's protocol needs a stream of bytes; the gdb link has none (use `mcuq run`)")
    chosen = _wire(build, benchmark, samples, data)
    notes: list[str] = []
    with closing(
        open_link(kind, build.image, build.board, build.name, len(build.schedule.steps), port=port, baud=baud)
    ) as opened:
        client = MlperfClient(opened, deadline_s=60.0 + build.schedule.macs / 1e6)
        vendor = client.connect()
        named = client.model()
        if named != benchmark.name:
            raise DeviceError(f"the device runs {named}, not {benchmark.name}; load this build's firmware")
        measured: tuple[Window, ...] = ()
        if build.mlperf.energy_mode:
            notes.append("energy mode: timestamps are edges of a pin, so there is no performance on the line")
        else:
            measured = _performance(build, opened, client, benchmark, chosen, windows, least_seconds, notes)
        answers = _answers(client, chosen, progress)
    agreeing = sum(mine == theirs for mine, theirs in zip(answers, chosen.expected, strict=True))
    times = [window.throughput for window in measured if window.throughput is not None]
    counts = [window.instructions for window in measured if window.instructions is not None]
    throughput = statistics.median(times) if times else None
    return BenchmarkResult(
        benchmark=benchmark,
        model=build.name,
        board=build.board.name,
        link=kind,
        compiler=build.image.compiler,
        vendor=vendor,
        time_base=_time_base(kind, build.board),
        windows=measured,
        throughput=throughput,
        latency_ms=None if throughput is None else 1000.0 / throughput,
        instructions=round(statistics.median(counts)) if counts else None,
        samples=len(answers),
        quality=_quality(benchmark, answers, chosen),
        agreeing=agreeing,
        notes=tuple(notes),
    )


def _time_base(kind: str, board: Board) -> str:
    if kind == "sim":
        clock = f"{board.clock_hz / 1e6:g} MHz, zero wait states"
        return f"estimated: cycles by mcuq's timing table of {board.core} at {clock}"
    if kind == "qemu":
        return "none: QEMU's virtual time tells instructions, which are no latency"
    if kind == "renode":
        return "none: Renode's virtual time is no time of the device"
    if kind == "host":
        return "this computer's clock: figures of this computer, not of a microcontroller"
    return "the device's own counter"


def _performance(
    build: Build,
    link: Link,
    client: MlperfClient,
    benchmark: Benchmark,
    chosen: _Set,
    windows: int,
    least_seconds: float,
    notes: list[str],
) -> tuple[Window, ...]:
    iterations = max(benchmark.iterations, LEAST_ITERATIONS)
    real_time = link.name not in ("sim", "qemu", "renode")
    if real_time:
        iterations = max(iterations, _enough(client, benchmark, chosen, windows, least_seconds))
        if iterations > benchmark.iterations:
            notes.append(
                f"{iterations} iterations a window in place of {benchmark.iterations}, to reach the least time"
            )
    measured = []
    for window in range(windows):
        client.load(chosen.wire[window % len(chosen.wire)])
        deadline_s = 60.0 + 2.0 * least_seconds + (iterations + benchmark.warm_up) * build.schedule.macs / 1e7
        elapsed_us = client.infer(iterations, benchmark.warm_up, deadline_s=deadline_s).elapsed_us
        measured.append(_window(build.board, link.name, iterations, elapsed_us))
    if link.name == "sim":
        measured = list(_estimated(build, link, client, chosen, windows, iterations))
    total_s = sum(window.runtime_s or 0.0 for window in measured)
    if link.name not in ("qemu", "renode") and total_s < least_seconds:
        notes.append(f"the windows take {total_s:.3g} s together, less than the {least_seconds:g} s of a valid run")
    if windows != WINDOWS:
        notes.append(f"{windows} windows, where a valid run has exactly {WINDOWS}")
    return tuple(measured)


def _enough(client: MlperfClient, benchmark: Benchmark, chosen: _Set, windows: int, least_seconds: float) -> int:
    """Iterations a window that make all windows together last `least_seconds`, by a window that is not counted."""
    client.load(chosen.wire[0])
    elapsed_us = client.infer(benchmark.iterations, benchmark.warm_up).elapsed_us or 1
    return int(np.ceil(_MARGIN * least_seconds / windows / (elapsed_us / 1e6 / benchmark.iterations)))


def _window(board: Board, kind: str, iterations: int, elapsed_us: int | None) -> Window:
    if elapsed_us is None:
        raise DeviceError("no timestamps came; the device runs in energy mode")
    if kind == "qemu" and board.run.qemu is not None:
        instructions = round(elapsed_us * 1000 / (1 << board.run.qemu.icount_shift) / iterations)
        return Window(iterations, None, None, instructions)
    if kind == "renode":
        return Window(iterations, None, None, None)
    runtime_s = elapsed_us / 1e6
    return Window(iterations, runtime_s, iterations / runtime_s if runtime_s else None, None)


def _estimated(
    build: Build, link: Link, client: MlperfClient, chosen: _Set, windows: int, iterations: int
) -> Iterator[Window]:
    """One counted inference a window, priced by the core's timing table; its runtime is that times the iterations."""
    timing = timing_of(build.board.core)
    for window in range(windows):
        client.load(chosen.wire[window % len(chosen.wire)])
        if window == 0:
            link.start_counting()
        client.infer(1, 0)
    read_code = code_reader(build.image.path)

    def cycles(edges: Mapping[Edge, int]) -> float:
        assert timing is not None
        return price(edges, timing, read_code).cycles

    for trace in link.stop_counting():
        if timing is None:
            yield Window(iterations, None, None, trace.instructions)
            continue
        runtime_s = iterations * sum(cycles(edges) for edges in trace.edges) / build.board.clock_hz
        yield Window(iterations, runtime_s, iterations / runtime_s, trace.instructions)


def _answers(client: MlperfClient, chosen: _Set, progress: Progress | None) -> list[tuple[str, ...]]:
    """The results of `infer 1 0` on every sample."""
    answers = []
    for index, data in enumerate(chosen.wire):
        client.load(data)
        answers.append(client.infer(1, 0).results)
        if progress is not None:
            progress(index + 1, len(chosen.wire))
    return answers


def _quality(benchmark: Benchmark, answers: list[tuple[str, ...]], chosen: _Set) -> float | None:
    """Top-1, or the area under the curve of the mean error of each recording."""
    if chosen.labels is None:
        return None
    values = np.asarray([[float(text) for text in answer] for answer in answers])
    if benchmark.metric == "top-1":
        return float((values.argmax(axis=1) == chosen.labels).mean())
    names, firsts = np.unique(chosen.clips, return_index=True)
    scores = np.asarray([values[chosen.clips == name, 0].mean() for name in names])
    return area_under_curve(scores, chosen.labels[firsts] == 1)
