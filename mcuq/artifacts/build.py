"""A Build: everything that one `mcuq build` made; an Inspection: what is known of a model before anything is built."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mcuq.artifacts.benchmark import BenchmarkFirmware
from mcuq.artifacts.goal import Goal
from mcuq.artifacts.image import Image
from mcuq.artifacts.memory_plan import MemoryPlan
from mcuq.artifacts.schedule import Schedule
from mcuq.artifacts.sources import Sources
from mcuq.boards import Board
from mcuq.ir import Graph


@dataclass(frozen=True, slots=True)
class Removed:
    """What dead channels, which no input can move, took of the model as it was given."""

    macs: int
    parameters: int


@dataclass(frozen=True, slots=True)
class Build:
    """`folder` holds the C sources, the ELF, the saved graph and build.json; `graph` is the model as it was given.

    The graph of the schedule computes the same bits, without dead channels where the build `removes_dead_channels`.
    `mlperf` is None where the firmware speaks mcuq's own protocol.
    """

    folder: Path
    name: str
    board: Board
    graph: Graph
    schedule: Schedule
    plan: MemoryPlan
    sources: Sources
    image: Image
    version: str
    removes_dead_channels: bool = True
    removed: Removed = Removed(0, 0)
    goal: Goal = Goal()
    mlperf: BenchmarkFirmware | None = None


@dataclass(frozen=True, slots=True)
class Layer:
    """One node of the model; `macs` and `parameters` are 0 where there are none."""

    name: str
    op: str
    shape: tuple[int, ...]
    dtype: str
    quantization: str
    parameters: int
    macs: int


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a layer is not supported."""

    op: str
    layers: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Inspection:
    """`schedule` and `plan` are None where the model is not supported; `fits` is None without a board.

    `graph` and `layers` are what is computed, after `removed` left the model.
    `flash_free_bytes` and `ram_free_bytes` are what the board has beyond constants and arena (negative: too small).
    """

    graph: Graph
    layers: tuple[Layer, ...]
    refused: tuple[Refused, ...]
    schedule: Schedule | None
    plan: MemoryPlan | None
    board: Board | None
    fits: bool | None
    flash_free_bytes: int | None
    ram_free_bytes: int | None
    removed: Removed = Removed(0, 0)
    mlperf: BenchmarkFirmware | None = None
