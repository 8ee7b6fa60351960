"""How figures and names are written for people: thousands separators, units, names that cannot harm a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mcuq.artifacts import Removed, Spread

NOT_KNOWN = "n/a"
MAX_NAME = 48
SCRATCH_PREFIX = "\0scratch "  # see artifacts.Step.scratch


def count_text(number: float | None) -> str:
    """A whole number with thousands separators, `n/a` for None."""
    return NOT_KNOWN if number is None else f"{round(number):,}"


def bytes_text(number: int | None) -> str:
    """Bytes with thousands separators and unit."""
    return NOT_KNOWN if number is None else f"{number:,} bytes"


def percent_text(fraction: float | None, digits: int = 2) -> str:
    """A fraction of 1 as a percentage."""
    return NOT_KNOWN if fraction is None else f"{100 * fraction:.{digits}f} %"


def milliseconds_text(milliseconds: float) -> str:
    """Four significant digits or all whole milliseconds."""
    return f"{milliseconds:,.0f}" if milliseconds >= 10_000 else f"{milliseconds:.4g}"


def spread_text(spread: Spread | None, unit: str = "", milliseconds: bool = False) -> str:
    """The median, and minimum and maximum where they differ from it."""
    if spread is None:
        return NOT_KNOWN
    write = milliseconds_text if milliseconds else count_text
    low, middle, high = (write(number) for number in (spread.min, spread.median, spread.max))
    suffix = f" {unit}" if unit else ""
    return f"{middle}{suffix}" if low == high else f"{middle}{suffix} (median; {low} to {high})"


def shape_text(shape: Sequence[int]) -> str:
    """`1x8x8x16`; a scalar is `scalar`."""
    return "x".join(str(size) for size in shape) or "scalar"


def printable(name: str, limit: int = MAX_NAME) -> str:
    """A model's name for a line of text: no control characters, at most `limit` characters, the end being kept.

    Converters join the names of what they fused with semicolons; the first of them is shown.
    """
    clean = "".join(character if character.isprintable() else "?" for character in name[: 16 * limit])
    first = clean.partition(";")[0] or clean
    return first if len(first) <= limit else f"…{first[1 - limit :]}"


def common_scope(names: Sequence[str]) -> str:
    """`functional_1/` where at least half of the names, and two, begin with it; otherwise nothing."""
    scopes = Counter(name.partition("/")[0] for name in names if "/" in name.partition(";")[0])
    scope, count = scopes.most_common(1)[0] if scopes else ("", 0)
    return f"{scope}/" if count >= 2 and 2 * count >= len(names) else ""


def layers_text(layers: Sequence[str], limit: int = MAX_NAME) -> str:
    """The layers of a step: the first, and how many more."""
    if not layers:
        return "-"
    more = f" (+{len(layers) - 1})" if len(layers) > 1 else ""
    return printable(layers[0], limit) + more


def buffer_text(name: str, limit: int = MAX_NAME) -> str:
    """A buffer's name; scratch is called so."""
    if name.startswith(SCRATCH_PREFIX):
        return f"scratch of step {name.removeprefix(SCRATCH_PREFIX)}"
    return printable(name, limit)


def removed_text(removed: Removed, macs: int) -> str:
    """What dead channels took of a model that has `macs` left."""
    return (
        f"{removed.macs:,} of {removed.macs + macs:,} MACs and {removed.parameters:,} parameters belong to channels "
        "that no input can move; they are left out, and every output keeps its bits"
    )
