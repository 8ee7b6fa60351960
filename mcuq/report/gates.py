"""Gates: which of the limits that a user set for a run are broken."""

from __future__ import annotations

from mcuq.artifacts import Measurement
from mcuq.project import Gates
from mcuq.report.figures import NOT_KNOWN, milliseconds_text


def failed_gates(measurement: Measurement, gates: Gates) -> tuple[str, ...]:
    """One sentence for each gate that the measurement fails; a figure that the link cannot give fails its gate."""
    m = measurement
    latency_ms = None if m.latency_ms is None else m.latency_ms.max
    by_labels = "the data have no labels"
    by_link = f"link '{m.link}' cannot give it"
    checked = (
        _at_least("--min-accuracy", "accuracy", m.accuracy, gates.min_accuracy, by_labels),
        _at_most("--max-drop", "the drop in accuracy", _drop_points(m), gates.max_drop, " points", by_labels),
        _at_most("--max-latency-ms", "the greatest latency", latency_ms, gates.max_latency_ms, " ms", by_link),
        _in_time(m, gates.deadline_ms, by_link),
        _at_most("--max-cycles", "cycles", _most_cycles(m), gates.max_cycles, "", by_link),
        _at_most("--max-ram", "RAM", m.ram_bytes, gates.max_ram, " bytes", by_link),
        _at_most("--max-flash", "flash", m.flash_total_bytes, gates.max_flash, " bytes", by_link),
        _not_too_hot(m, gates.max_temp),
        _always_right(m),
        _not_bit_exact(m) if gates.bit_exact and not m.bit_exact else None,
    )
    return tuple(sentence for sentence in checked if sentence is not None)


def _always_right(m: Measurement) -> str | None:
    """A soak whose answers differ fails, whatever gates there are."""
    if m.soak is None or not m.soak.wrong:
        return None
    return f"--soak: {m.soak.wrong:,} of {m.soak.inferences:,} inferences are not those of the first pass"


def _not_too_hot(m: Measurement, limit_c: float | None) -> str | None:
    if limit_c is None:
        return None
    if m.soak is None or m.soak.max_temperature_c is None:
        why = "read with --soak SECONDS" if m.soak is None else f"board '{m.board}' tells none on link '{m.link}'"
        return f"--max-temp: the temperature is {NOT_KNOWN}: {why}"
    hottest = m.soak.max_temperature_c
    return None if hottest <= limit_c else f"--max-temp: the die reached {hottest:.1f} degrees, more than {limit_c:g}"


def _most_cycles(m: Measurement) -> int | None:
    return None if m.cycles is None else round(m.cycles.max)


def _not_bit_exact(m: Measurement) -> str:
    if m.agrees:
        return "--bit-exact: the outputs are float, or depend on floats, and those are not compared bit for bit"
    return "--bit-exact: the device differs from the reference"


def _in_time(m: Measurement, deadline_ms: float | None, missing: str) -> str | None:
    """Every counted run must end in time: one that is late is a failure, however fast the others are."""
    if deadline_ms is None:
        return None
    if not m.latencies_ms:
        return f"--deadline-ms: the latency is {NOT_KNOWN}: {missing}"
    late = sum(latency > deadline_ms for latency in m.latencies_ms)
    if not late:
        return None
    longest = milliseconds_text(max(m.latencies_ms))
    return (
        f"--deadline-ms: {late} of {len(m.latencies_ms)} runs took longer than {deadline_ms:g} ms, up to {longest} ms"
    )


def _drop_points(m: Measurement) -> float | None:
    """Percentage points below the reference; negative where the device is better. Rounded, so that 0.1 is 0.1."""
    if m.accuracy is None or m.reference_accuracy is None:
        return None
    return round(100 * (m.reference_accuracy - m.accuracy), 9)


def _at_least(option: str, what: str, figure: float | None, wanted: float | None, missing: str) -> str | None:
    if wanted is None or (figure is not None and figure >= wanted):
        return None
    if figure is None:
        return f"{option}: {what} is {NOT_KNOWN}: {missing}"
    return f"{option}: {what} is {figure:.4f}, less than {wanted}"


def _at_most(
    option: str, what: str, figure: float | None, allowed: float | None, unit: str, missing: str
) -> str | None:
    if allowed is None or (figure is not None and figure <= allowed):
        return None
    if figure is None:
        return f"{option}: {what} is {NOT_KNOWN}: {missing}"
    shown = f"{figure:,}" if isinstance(figure, int) else milliseconds_text(figure)
    return f"{option}: {what} is {shown}{unit}, more than {allowed:,}{unit}"


__all__ = ["Gates", "failed_gates"]
