"""What the bytes of a line say about why nobody answers: silence, a wrong baud rate, another program, restarts."""

from __future__ import annotations

from collections import Counter

_TEXT_SHARE = 0.9
_REPEATED = 3
_SHOWN_CHARACTERS = 60


def line_story(heard_bytes: int, garbage_bytes: int, tail: bytes) -> str:
    """What came instead of an answer and what that means; `tail` is the last that belongs to no frame."""
    if not heard_bytes:
        return (
            "not one byte came back: no firmware of mcuq runs there, the board is held in reset, "
            "or RX and TX are not connected"
        )
    came = f"received {heard_bytes} bytes, {garbage_bytes} of them in no valid frame"
    if not garbage_bytes or not tail:
        return came
    if not _is_text(tail):
        return f"{came}: the baud rate is probably wrong, or the line is bad"
    lines = [line.strip() for line in tail.decode("ascii", "replace").splitlines() if line.strip()]
    line, times = Counter(lines).most_common(1)[0] if lines else ("", 0)
    if times >= _REPEATED:
        return f"{came}: another program runs there, restarts and prints {_shown(line)} again and again ({times} times)"
    return f"{came}: another program runs there and prints {_shown(lines[-1] if lines else '')}; flash this build"


def _is_text(data: bytes) -> bool:
    printable = sum(32 <= byte < 127 or byte in b"\r\n\t" for byte in data)
    return printable >= _TEXT_SHARE * len(data)


def _shown(line: str) -> str:
    return repr(line if len(line) <= _SHOWN_CHARACTERS else f"{line[:_SHOWN_CHARACTERS]}...")
