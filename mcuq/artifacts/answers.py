"""What came back from a device: outputs, counts, differences, and the measurement made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from mcuq.artifacts.edge import Edge
from mcuq.artifacts.evaluation import RobustnessPoint
from mcuq.artifacts.soak import MeasuredEnergy, Soak

# (address of a block, what an access of it met) -> how often; the numbers are those of the board's memory model.
Events = Mapping[tuple[int, int], int]


@dataclass(frozen=True, slots=True)
class Answers:
    """Outputs of the device, one array an output of the model, each with a leading sample axis."""

    outputs: tuple[npt.NDArray[Any], ...] = field(compare=False)
    samples: int = 0


@dataclass(frozen=True, slots=True)
class StepCount:
    """What one step took in one inference; None where the link cannot tell."""

    instructions: int | None
    cycles: int | None
    ticks: int | None


@dataclass(frozen=True, slots=True)
class Trace:
    """What one counted inference took; `steps` in execution order, empty where the link cannot tell.

    `edges` are all blocks that ran, in any number of parts, `step_edges` those of each step: what profile prices.
    Where memory was watched, `events` and `step_events` say which events the blocks met, and `step_stack_bytes` how far
    down each step wrote from where the stack stood when the inference began.
    """

    instructions: int | None
    cycles: int | None
    latency_ms: float | None
    steps: tuple[StepCount, ...] = ()
    edges: tuple[Mapping[Edge, int], ...] = field(default=(), compare=False, repr=False)
    step_edges: tuple[Mapping[Edge, int], ...] = field(default=(), compare=False, repr=False)
    events: tuple[Events, ...] = field(default=(), compare=False, repr=False)
    step_events: tuple[Events, ...] = field(default=(), compare=False, repr=False)
    step_stack_bytes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """The first place where the device and the reference part: step, value, element, and both numbers."""

    sample: int
    step: int
    layers: tuple[str, ...]
    value: str
    element: tuple[int, ...]
    expected: float
    got: float
    differing: int


@dataclass(frozen=True, slots=True)
class Spread:
    """Minimum, median, 95th percentile and maximum of a figure over the counted samples; `jitter`: their deviation."""

    min: float
    median: float
    max: float
    p95: float | None = field(default=None, compare=False)
    jitter: float | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class EnergyEstimate:
    """Energy of one inference by cycles; `spread_percent` is half the range of the source's own measurements."""

    supply: str
    mcu: str
    microjoules: float
    spread_percent: float | None
    source: str


@dataclass(frozen=True, slots=True)
class StepMeasurement:
    """One step in the report."""

    layers: tuple[str, ...]
    kernel: str
    macs: int
    instructions: int | None
    cycles: int | None
    scratch_bytes: int


@dataclass(frozen=True, slots=True)
class ClassScores:
    """One class: its samples, the share of them that got it, and the share of answers with it that were right."""

    label: int
    samples: int
    recall: float | None
    precision: float | None


@dataclass(frozen=True, slots=True)
class AnswerScores:
    """What answers say beyond accuracy; empty or None where labels or the model's kind say nothing.

    `mean_squared_error` is between the real values of the device's first output and the reference's. `top_k`: `(k,
    share)`; `confusion[label][answer]`: samples; `auc`: area under the ROC curve of two classes or of anomalies.
    """

    mean_squared_error: float
    top_k: tuple[tuple[int, float], ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    classes: tuple[ClassScores, ...] = ()
    auc: float | None = None


@dataclass(frozen=True, slots=True)
class Measurement:
    """The verdict of a validation run; None is a figure that this link cannot give.

    Where outputs are float, or depend on floats, nothing is claimed bit for bit: `bit_exact` is False, `max_error` the
    greatest error relative to an output's range, and `first_difference` the first that is more than the tolerance.
    """

    model: str
    board: str
    link: str
    compiler: str
    samples: int
    accuracy: float | None
    reference_accuracy: float | None
    bit_exact: bool
    agreement: float
    first_difference: Difference | None
    instructions: Spread | None
    cycles: Spread | None
    latency_ms: Spread | None
    arena_bytes: int
    static_ram_bytes: int | None
    stack_bytes: int | None
    flash_total_bytes: int | None
    flash_constant_bytes: int
    steps: tuple[StepMeasurement, ...]
    notes: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    max_error: float | None = None
    robustness: tuple[RobustnessPoint, ...] = ()
    latencies_ms: tuple[float, ...] = ()
    energy: EnergyEstimate | None = None
    scores: AnswerScores | None = None
    soak: Soak | None = None
    measured_energy: MeasuredEnergy | None = None

    @property
    def agrees(self) -> bool:
        """Whether the device is the reference, as exactly as the model's arithmetic can be."""
        return self.bit_exact or (self.max_error is not None and self.first_difference is None)

    @property
    def ram_bytes(self) -> int | None:
        """Arena + static + stack peak."""
        if self.static_ram_bytes is None or self.stack_bytes is None:
            return None
        return self.arena_bytes + self.static_ram_bytes + self.stack_bytes
