"""The Goal: what the user wants of the code of a model, and the limits that it must keep."""

from __future__ import annotations

from dataclasses import dataclass

SPEED, SIZE, BALANCED, RAM = "speed", "size", "balanced", "ram"
OBJECTIVES = (SPEED, SIZE, BALANCED, RAM)


@dataclass(frozen=True, slots=True)
class Goal:
    """`optimize` is one of OBJECTIVES; None is no limit; `tune` measures the ways in place of estimating them.

    `ram_constants` says which constants start-up copies into RAM (schedule.constants_into_ram). `energy_pin`: the
    firmware raises its marker pin while it infers. `monitors`: what it does in the field is counted.
    Flash is all of the firmware, constants and code; RAM is arena, static and the peak of the stack. Where no choice
    keeps the limits, a build is refused, unless they are not `enforced`: then what comes nearest is built.
    """

    optimize: str = BALANCED
    max_flash_bytes: int | None = None
    max_ram_bytes: int | None = None
    tune: bool = False
    ram_constants: str = "none"
    energy_pin: bool = False
    monitors: bool = False
    enforced: bool = True


@dataclass(frozen=True, slots=True)
class Trade:
    """What one objective would choose: estimated cycles, estimated flash of constants and kernels, and the exact arena.

    `lower_bound_bytes` is what no placement of the same steps in an arena could go below.
    """

    optimize: str
    cycles: int
    flash_bytes: int
    constant_bytes: int
    arena_bytes: int
    lower_bound_bytes: int
