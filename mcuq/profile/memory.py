"""Memory models of boards: what their flash and caches add to the cycles of the core."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import ClassVar

from pydantic import TypeAdapter

from mcuq.errors import InvalidBoard
from mcuq.profile.tables import read_table
from mcuq.profile.timing import Timing

FOLDER = Path(__file__).parent / "boards"


class Event(IntEnum):
    """What can make an access to memory slow; 0 is nothing."""

    SEQUENTIAL_MISS = 1
    ISOLATED_MISS = 2
    FETCH_MISS = 3
    UNALIGNED = 4


@dataclass(frozen=True, slots=True)
class Cache:
    """So many lines in sets of `ways`, replaced least recently used first, filled in sectors."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    lines: int
    ways: int
    line_bytes: int
    sector_bytes: int


@dataclass(frozen=True, slots=True)
class MemoryModel:
    """One board's memory, and the timing of its core as it was calibrated there.

    `timing` prices instructions. Events cost what the fields named after them say: a data miss in flash counts as
    sequential where it continues the miss before it; `fetch_miss` is a miss of the target of a taken branch. Without a
    `data_cache` each read of data in flash is a miss. `is_unified`: instructions go through the data cache.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    name: str
    description: str
    boards: tuple[str, ...]
    cores: tuple[str, ...]
    clock_hz: int
    timing: Timing
    sequential_miss: float
    isolated_miss: float
    fetch_miss: float = 0.0
    unaligned: float = 0.0
    data_cache: Cache | None = None
    fetch_cache: Cache | None = None
    is_unified: bool = False

    def cycles(self, event: int) -> float:
        """What one event of that kind costs."""
        costs = (0.0, self.sequential_miss, self.isolated_miss, self.fetch_miss, self.unaligned)
        return costs[event]

    def event_cycles(self, events: Mapping[tuple[int, int], int]) -> float:
        """What all events cost; keys are (address of the block, event)."""
        return sum(times * self.cycles(event) for (_, event), times in events.items())


_ADAPTER: TypeAdapter[MemoryModel] = TypeAdapter(MemoryModel)


def load_memory_model(path: Path) -> MemoryModel:
    """The model in the TOML file `path`; raises InvalidBoard naming file and key."""
    return read_table(_ADAPTER, path, "memory model")


def all_memory_models() -> tuple[MemoryModel, ...]:
    """Every memory model that mcuq has, by name."""
    return tuple(load_memory_model(path) for path in sorted(FOLDER.glob("*.toml")))


def memory_model(name: str, core: str) -> MemoryModel:
    """The memory model of that name, or in that .toml file, for a board with that core; raises InvalidBoard."""
    model = load_memory_model(Path(name)) if name.endswith(".toml") else _named(name)
    if core not in model.cores:
        raise InvalidBoard(
            f"memory model '{model.name}' is of a board with {' or '.join(model.cores)}, not {core}; "
            f"choose a board with that core, or another model"
        )
    return model


def memory_model_of_board(board: str) -> MemoryModel | None:
    """The memory model that belongs to the board of that name; None where there is none."""
    return next((model for model in all_memory_models() if board in model.boards), None)


def _named(name: str) -> MemoryModel:
    known = all_memory_models()
    found = next((model for model in known if model.name == name), None)
    if found is None:
        names = ", ".join(model.name for model in known)
        raise InvalidBoard(f"there is no memory model '{name}'; there are {names}, or name a .toml file")
    return found
