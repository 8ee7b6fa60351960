"""What is wanted of a model's code: few cycles, little flash, or a stated trade between the two."""

from __future__ import annotations

from mcuq.schedule.candidates import Candidate, CodeKey

SPEED, SIZE, BALANCED = "speed", "size", "balanced"
OBJECTIVES = (SPEED, SIZE, BALANCED)

# Of `balanced`: a KB of flash is worth it where it saves a hundredth of the fastest choice's cycles.
BALANCED_SHARE_PER_BYTE = 0.01 / 1024
# What decides between equals under the other two.
TIE = 1e-6


def cycles_of(chosen: tuple[Candidate, ...]) -> int:
    """Estimated core cycles of one inference."""
    return sum(candidate.work.cycles for candidate in chosen)


def flash_of(chosen: tuple[Candidate, ...]) -> int:
    """Bytes of constants, and of functions, of which those that several steps share count once."""
    code: dict[CodeKey, int] = {}
    for candidate in chosen:
        for key, size in candidate.code:
            code[key] = max(size, code.get(key, 0))
    return sum(code.values()) + sum(candidate.work.constant_bytes for candidate in chosen)


def weights_of(objective: str, fastest_cycles: int) -> tuple[float, float]:
    """What a cycle and a byte of flash cost; `fastest_cycles` is what the fastest choice needs."""
    if objective == SPEED:
        return 1.0, TIE
    if objective == SIZE:
        return TIE, 1.0
    return 1.0, BALANCED_SHARE_PER_BYTE * max(fastest_cycles, 1)
