"""A run of an MLPerf Tiny benchmark, as a table in the benchmark's terms and as JSON."""

from __future__ import annotations

from typing import Any

from rich.table import Table
from rich.text import Text

from mcuq.artifacts import BenchmarkResult, Window
from mcuq.report.figures import NOT_KNOWN, count_text, percent_text
from mcuq.report.tables import new_pairs, new_table


def windows_table(result: BenchmarkResult) -> Table:
    """One row a performance window."""
    table = new_table("window", "# inferences>", "runtime>", "throughput>", "instructions>")
    for index, window in enumerate(result.windows, 1):
        table.add_row(
            str(index),
            count_text(window.inferences),
            NOT_KNOWN if window.runtime_s is None else f"{window.runtime_s:.3f} s",
            NOT_KNOWN if window.throughput is None else f"{window.throughput:.3f} inf./s",
            count_text(window.instructions),
        )
    return table


def benchmark_table(result: BenchmarkResult) -> Table:
    """Performance, quality and what they are worth."""
    r = result
    table = new_pairs()
    table.add_row("benchmark", f"MLPerf Tiny {r.benchmark.name} ({r.benchmark.title}), model {r.model}")
    table.add_row("device", Text(f"[{r.vendor}] {r.board} on link {r.link}, {r.compiler}"))
    table.add_row("time base", r.time_base)
    if r.throughput is not None and r.latency_ms is not None:
        table.add_row("performance", f"{r.throughput:.3f} inf./s (median), {r.latency_ms:.4g} ms an inference")
    if r.instructions is not None:
        table.add_row("instructions", f"{count_text(r.instructions)} an inference (median)")
    table.add_row(r.benchmark.metric, _quality_text(r))
    table.add_row("results", f"{r.agreeing:,} of {r.samples:,} equal the reference's to the last digit told")
    for note in r.notes:
        table.add_row("note", note)
    return table


def _quality_text(r: BenchmarkResult) -> str:
    if r.quality is None:
        return f"{NOT_KNOWN} (the data have no labels, or all the same)"
    value = percent_text(r.quality) if r.benchmark.metric == "top-1" else f"{r.quality:.4f}"
    if r.benchmark.target is None:
        return f"{value} over {r.samples:,} samples"
    target = percent_text(r.benchmark.target, 0) if r.benchmark.metric == "top-1" else f"{r.benchmark.target:g}"
    verdict = "reaches" if r.meets_target else "is below"
    return f"{value} over {r.samples:,} samples, {verdict} the target of {target}"


def benchmark_to_json(result: BenchmarkResult) -> dict[str, Any]:
    """The same; null is a figure that the link cannot give."""
    r = result
    return {
        "benchmark": r.benchmark.name,
        "model": r.model,
        "board": r.board,
        "link": r.link,
        "compiler": r.compiler,
        "vendor": r.vendor,
        "time_base": r.time_base,
        "windows": [_window(window) for window in r.windows],
        "throughput_per_s": r.throughput,
        "latency_ms": r.latency_ms,
        "instructions": r.instructions,
        "samples": r.samples,
        "metric": r.benchmark.metric,
        "quality": r.quality,
        "target": r.benchmark.target,
        "meets_target": r.meets_target,
        "agreeing": r.agreeing,
        "notes": list(r.notes),
    }


def _window(window: Window) -> dict[str, Any]:
    return {
        "inferences": window.inferences,
        "runtime_s": window.runtime_s,
        "throughput_per_s": window.throughput,
        "instructions": window.instructions,
    }
