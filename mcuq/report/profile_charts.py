"""The pictures of a profile as coordinates: bars of the steps, the arena over time, the roofline."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mcuq.artifacts import MemoryPlan, Profile, StepProfile
from mcuq.report.figures import SCRATCH_PREFIX, buffer_text, common_scope, layers_text
from mcuq.report.memory_map import bytes_in_use

PLOT_WIDTH, PLOT_HEIGHT = 720.0, 300.0
_WORD_BYTES = 4  # the most that goes between core and memory in a cycle


@dataclass(frozen=True, slots=True)
class Bar:
    """One step: lengths as percentages of the longest bar; `memory` is what the board's memory adds."""

    label: str
    kernel: str
    core: float
    memory: float
    cycles: int
    share: float
    per_mac: float | None


@dataclass(frozen=True, slots=True)
class Box:
    """One buffer of the arena; `kind` is input, output, scratch or value."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis."""

    position: float
    text: str


@dataclass(frozen=True, slots=True)
class Dot:
    """One step in the roofline."""

    x: float
    y: float
    label: str
    title: str


@dataclass(frozen=True, slots=True)
class ArenaChart:
    """Buffers over steps; `in_use` is a line of x,y pairs, the limits are heights in the picture."""

    boxes: tuple[Box, ...]
    in_use: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lower_bound: float


@dataclass(frozen=True, slots=True)
class Roofline:
    """MACs per cycle over MACs per byte moved, both logarithmic; `roof` is a line of x,y pairs."""

    dots: tuple[Dot, ...]
    roof: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


def bars(profile: Profile) -> tuple[Bar, ...]:
    """One bar a step, in order."""
    longest = max((step.cost.best_cycles for step in profile.steps), default=0.0) or 1.0
    scope = common_scope([layer for step in profile.steps for layer in step.layers])
    return tuple(_bar(step, profile, longest, scope) for step in profile.steps)


def _bar(step: StepProfile, profile: Profile, longest: float, scope: str) -> Bar:
    cycles = step.cost.best_cycles
    # The board's table may be cheaper than the core's: then memory adds nothing that could be drawn.
    core = min(step.cost.cycles, cycles)
    return Bar(
        label=f"{step.index} {layers_text([layer.removeprefix(scope) for layer in step.layers], 32)}",
        kernel=step.kernel,
        core=100.0 * core / longest,
        memory=100.0 * (cycles - core) / longest,
        cycles=round(cycles),
        share=100.0 * cycles / (profile.cost.best_cycles or 1.0),
        per_mac=cycles / step.macs if step.macs else None,
    )


def arena_chart(plan: MemoryPlan, inputs: Sequence[str], outputs: Sequence[str]) -> ArenaChart:
    """Every buffer where it lies and while it is in use; the first column is the filling of the inputs."""
    columns = 2 + max((placement.last for placement in plan.placements), default=0)
    width, total = PLOT_WIDTH / columns, max(plan.arena_bytes, 1)
    scale = PLOT_HEIGHT / total
    scope = common_scope([placement.buffer for placement in plan.placements])
    boxes = []
    for p in plan.placements:
        name = buffer_text(p.buffer.removeprefix(scope))
        kind = "input" if p.buffer in inputs else "output" if p.buffer in outputs else "value"
        kind = "scratch" if p.buffer.startswith(SCRATCH_PREFIX) else kind
        title = f"{name}: {p.bytes:,} bytes at {p.offset_bytes:,}, steps {p.first} to {p.last}"
        x, y = (p.first + 1) * width, PLOT_HEIGHT - (p.offset_bytes + p.bytes) * scale
        boxes.append(Box(x, y, (p.last - p.first + 1) * width, p.bytes * scale, kind, title))
    return ArenaChart(
        boxes=tuple(boxes),
        in_use=_in_use(plan, columns, width, scale),
        x_ticks=_step_ticks(columns, width),
        y_ticks=tuple(Tick(PLOT_HEIGHT - b * scale, f"{b:,}") for b in _round_numbers(total)),
        lower_bound=PLOT_HEIGHT - plan.lower_bound_bytes * scale,
    )


def _in_use(plan: MemoryPlan, columns: int, width: float, scale: float) -> str:
    points = []
    for column in range(columns):
        y = PLOT_HEIGHT - bytes_in_use(plan, column - 1) * scale
        points += [f"{column * width:.1f},{y:.1f}", f"{(column + 1) * width:.1f},{y:.1f}"]
    return " ".join(points)


def _step_ticks(columns: int, width: float) -> tuple[Tick, ...]:
    """The inputs, at most 20 steps, the outputs."""
    steps = columns - 2
    every = max(1, math.ceil(steps / 20))
    middle = [Tick((step + 1.5) * width, str(step)) for step in range(0, steps, every)]
    return (Tick(0.5 * width, "in"), *middle, Tick((columns - 0.5) * width, "out"))


def _round_numbers(total: int) -> list[int]:
    """Up to six round numbers from 0 to `total`."""
    rough = total / 5
    power = 10 ** math.floor(math.log10(max(rough, 1)))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    return list(range(0, total + 1, int(step)))


def roofline(profile: Profile) -> Roofline:
    """Every step with MACs below the roof of the core: its peak, and what one word a cycle can feed."""
    peak = profile.peak_macs_per_cycle
    placed = [(step, *_intensity(step)) for step in profile.steps if step.macs]
    x_low, x_high = _decades([x for _, x, _ in placed] + [peak / _WORD_BYTES])
    y_low, y_high = _decades([y for _, _, y in placed] + [float(peak)])

    def at(x: float, y: float) -> tuple[float, float]:
        across = (math.log10(x) - x_low) / (x_high - x_low)
        up = (math.log10(y) - y_low) / (y_high - y_low)
        return PLOT_WIDTH * across, PLOT_HEIGHT * (1.0 - up)

    foot = 10.0**x_low
    if foot * _WORD_BYTES < 10.0**y_low:
        foot = 10.0**y_low / _WORD_BYTES
    corners = ((foot, min(foot * _WORD_BYTES, peak)), (peak / _WORD_BYTES, peak), (10.0**x_high, peak))
    return Roofline(
        dots=tuple(_dot(step, x, y, at(x, y)) for step, x, y in placed),
        roof=" ".join(f"{x:.1f},{y:.1f}" for x, y in (at(*corner) for corner in corners)),
        x_ticks=tuple(Tick(at(x, 1.0)[0], f"{x:g}") for x in _marks(x_low, x_high)),
        y_ticks=tuple(Tick(at(1.0, y)[1], f"{y:g}") for y in _marks(y_low, y_high)),
    )


def _intensity(step: StepProfile) -> tuple[float, float]:
    """MACs per byte moved, MACs per cycle."""
    return step.macs / max(step.cost.moved_bytes, 1), step.macs / max(step.cost.best_cycles, 1.0)


def _dot(step: StepProfile, x: float, y: float, place: tuple[float, float]) -> Dot:
    title = f"step {step.index}, {layers_text(step.layers)}, {step.kernel}: {y:.2f} MACs per cycle, {x:.2f} per byte"
    return Dot(*place, str(step.index), title)


def _decades(values: Sequence[float]) -> tuple[int, int]:
    """Powers of ten around all values."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


def _marks(low: int, high: int) -> list[float]:
    marks = [factor * 10.0**power for power in range(low, high) for factor in (1, 2, 5)]
    return [*marks, 10.0**high]
