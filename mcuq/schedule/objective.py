"""What a choice costs: cycles and flash, and how much of one is worth how much of the other."""

from __future__ import annotations

from mcuq.artifacts import SIZE, SPEED
from mcuq.schedule.candidates import Candidate

# Of `balanced` (and of `ram`, between choices of equal RAM): a KB of flash is worth a hundredth of the cycles of the
# fastest choice.
BALANCED_SHARE_PER_BYTE = 0.01 / 1024
# What decides between equals under `speed` and `size`.
TIE = 1e-6


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


def weights_of(objective: str, fastest_cycles: int) -> tuple[float, float]:
    """What a cycle and a byte of flash cost; `fastest_cycles` is what the fastest choice needs."""
    if objective == SPEED:
        return 1.0, TIE
    if objective == SIZE:
        return TIE, 1.0
    return 1.0, BALANCED_SHARE_PER_BYTE * max(fastest_cycles, 1)
