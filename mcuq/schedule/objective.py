"""What a choice costs: cycles and flash, and how much of one is worth how much of the other."""

from __future__ import annotations

from mcuq.artifacts import BALANCED, RAM, SIZE, SPEED
from mcuq.schedule.candidates import Candidate

# What a KB of flash must save, as a share of the cycles of the fastest choice. `ram` decides by it between choices of
# equal RAM.
SHARE_PER_KB = {SPEED: 1e-3, BALANCED: 0.01, SIZE: 0.08, RAM: 0.01}


def cycles_of(chosen: tuple[Candidate, ...]) -> int:
    """Estimated core cycles of one inference."""
    return sum(candidate.work.cycles for candidate in chosen)


def flash_of(chosen: tuple[Candidate, ...]) -> int:
    """Bytes of constants, and of functions, of which those that several steps share count once."""
    code: dict[int, int] = {}
    for candidate in chosen:
        for key, size in candidate.code:
            code[key] = max(size, code.get(key, 0))
    return sum(code.values()) + sum(candidate.constant_bytes for candidate in chosen)


def code_of(chosen: tuple[Candidate, ...]) -> int:
    """Estimated bytes of flash of all functions."""
    return flash_of(chosen) - sum(candidate.constant_bytes for candidate in chosen)


def weights_of(optimize: str, fastest_cycles: int, *, flash_is_limited: bool = False) -> tuple[float, float]:
    """What a cycle and a byte of flash cost; `fastest_cycles` is what the fastest choice needs.

    Who wants speed and says how much flash there is wants it used: bytes only decide between equals then.
    """
    share = 1e-6 if flash_is_limited and optimize == SPEED else SHARE_PER_KB[optimize]
    return 1.0, share / 1024 * max(fastest_cycles, 1)
