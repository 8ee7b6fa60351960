"""The MLPerf Tiny benchmarks as data, the firmware that is built for one, and what a run of one gave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Task = Literal["raw", "pixels", "anomaly", "stream"]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One benchmark: what its bytes are, how its performance windows run, and the quality it must reach.

    Iterations and warm-ups: tests_performance.yaml of mlcommons/tiny; targets: MLPerfTiny_Rules.adoc. `input_elements`
    is the size of the reference model's input, by which a model is told.
    """

    name: str
    title: str
    task: Task
    input_elements: int
    iterations: int
    warm_up: int
    metric: Literal["top-1", "AUC"]
    target: float | None


BENCHMARKS: tuple[Benchmark, ...] = (
    Benchmark("ic01", "image classification", "pixels", 32 * 32 * 3, 20, 5, "top-1", 0.85),
    Benchmark("kws01", "keyword spotting", "raw", 49 * 10, 70, 10, "top-1", 0.90),
    Benchmark("vww01", "visual wake words", "pixels", 96 * 96 * 3, 20, 5, "top-1", 0.80),
    Benchmark("ad01", "anomaly detection", "anomaly", 640, 1500, 10, "AUC", 0.85),
    # Judged by detections in streamed audio, which needs a microphone: here windows are classified, without a target.
    Benchmark("strww01", "streaming wake word", "stream", 30 * 40, 70, 10, "top-1", None),
)


@dataclass(frozen=True, slots=True)
class BenchmarkFirmware:
    """The firmware of one benchmark: its name, and whether timestamps are edges of a pin or lines of text."""

    benchmark: str
    energy_mode: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """One performance window; None is what the time base cannot give."""

    inferences: int
    runtime_s: float | None
    throughput: float | None
    instructions: int | None


@dataclass(frozen=True, slots=True)
class BenchmarkResult:
    """What the performance and the accuracy procedure gave.

    `time_base` says in one sentence what the runtimes are. `agreeing` counts results that equal the reference's to the
    last digit that the protocol tells.
    """

    benchmark: Benchmark
    model: str
    board: str
    link: str
    compiler: str
    vendor: str
    time_base: str
    windows: tuple[Window, ...]
    throughput: float | None
    latency_ms: float | None
    instructions: int | None
    samples: int
    quality: float | None
    agreeing: int
    notes: tuple[str, ...]

    @property
    def meets_target(self) -> bool | None:
        """Whether the quality target is reached; None where there is none or no labels."""
        if self.quality is None or self.benchmark.target is None:
            return None
        return self.quality >= self.benchmark.target
