"""A Profile: where the cycles of one inference go, by step, by function and by block of code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mcuq.artifacts.answers import Spread
from mcuq.artifacts.build import Build


@dataclass(frozen=True, slots=True)
class Cost:
    """What a piece of program took in one inference.

    `cycles` are the core's at zero wait states, `board_cycles` those with a board's memory, None without a model of it.
    Loads and stores count instructions, `moved_bytes` is what they moved between core and memory.
    """

    instructions: int
    cycles: float
    board_cycles: float | None
    loads: int
    stores: int
    moved_bytes: int

    @property
    def best_cycles(self) -> float:
        """The board's cycles where they are known, else the core's."""
        return self.cycles if self.board_cycles is None else self.board_cycles


@dataclass(frozen=True, slots=True)
class StepProfile:
    """One step; `stack_bytes` reaches from where the stack stood at the entry of the inference to its lowest write."""

    index: int
    layers: tuple[str, ...]
    kernel: str
    macs: int
    constant_bytes: int
    scratch_bytes: int
    stack_bytes: int
    cost: Cost


@dataclass(frozen=True, slots=True)
class FunctionProfile:
    """One function of the firmware without the functions that it calls; `macs` of the steps that it does most of."""

    name: str
    macs: int
    cost: Cost


@dataclass(frozen=True, slots=True)
class HotLine:
    """One instruction: how often it ran, and the core cycles of all its runs."""

    address: int
    text: str
    times: int
    cycles: float


@dataclass(frozen=True, slots=True)
class HotBlock:
    """Instructions in a row that ran equally often."""

    function: str
    offset_bytes: int
    bytes: int
    times: int
    cycles: float
    lines: tuple[HotLine, ...]


@dataclass(frozen=True, slots=True)
class Estimate:
    """Cycles of one inference by one set of rules.

    `error` is how far off the rules were, as a fraction of 1, for networks that they had not been fitted to; None where
    nothing is claimed. `events` says what memory did, by name.
    """

    name: str
    description: str
    source: str
    clock_hz: int
    cycles: Spread
    error: float | None
    events: Mapping[str, int] = field(default_factory=dict)

    @property
    def latency_ms(self) -> float | None:
        """The median at that clock; None where there is no clock."""
        return 1000.0 * self.cycles.median / self.clock_hz if self.clock_hz else None


@dataclass(frozen=True, slots=True)
class Profile:
    """One counted inference of a build; `core` and `memory` are estimates, `memory` None without a memory model.

    `peak_macs_per_cycle` is what the core can do at most, `data` says what was fed.
    """

    build: Build
    data: str
    samples: int
    core: Estimate
    memory: Estimate | None
    cost: Cost
    stack_peak_bytes: int
    peak_macs_per_cycle: int
    steps: tuple[StepProfile, ...]
    functions: tuple[FunctionProfile, ...]
    hot: tuple[HotBlock, ...]

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return self.build.schedule.macs

    @property
    def ram_bytes(self) -> int:
        """Arena + static + stack peak."""
        return self.build.plan.arena_bytes + self.build.image.static_ram_bytes + self.stack_peak_bytes
