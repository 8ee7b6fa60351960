"""Two JSON documents of the same kind side by side: which figures changed, by how much, and for better or worse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from mcuq.report.tables import new_table

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a document: its path by dots, what it is called, and whether less of it is better."""

    path: str
    name: str
    unit: str = ""
    less_is_better: bool = True


FIGURES = (
    Figure("accuracy", "accuracy", less_is_better=False),
    Figure("agreement", "agreement with the reference", less_is_better=False),
    Figure("sqnr_db", "SQNR", "dB", less_is_better=False),
    Figure("drop_points", "drop", "points"),
    Figure("cycles.median", "core cycles"),
    Figure("core.cycles.median", "core cycles"),
    Figure("memory.cycles.median", "board cycles"),
    Figure("instructions.median", "instructions"),
    Figure("latency_ms.median", "latency", "ms"),
    Figure("worst_step.estimated_cycles", "longest step", "cycles"),
    Figure("ram_bytes", "RAM", "bytes"),
    Figure("arena_bytes", "arena", "bytes"),
    Figure("static_ram_bytes", "static RAM", "bytes"),
    Figure("stack_bytes", "stack", "bytes"),
    Figure("invoke_stack_bytes", "stack of an invoke, at most", "bytes"),
    Figure("flash_bytes.total", "flash", "bytes"),
    Figure("flash_bytes.constants", "constants", "bytes"),
    Figure("flash_bytes.code", "code", "bytes"),
    Figure("macs", "MACs"),
)


@dataclass(frozen=True, slots=True)
class Change:
    """A figure that both documents have; `worse_percent` is positive where the new one is worse."""

    figure: Figure
    old: float
    new: float

    @property
    def worse_percent(self) -> float:
        """By how much of the old value the new one is worse; an old value of 0 counts as 1."""
        rise = (self.new - self.old) / (abs(self.old) or 1.0) * 100
        return rise if self.figure.less_is_better else -rise


def changes(old: Document, new: Document) -> tuple[Change, ...]:
    """All figures that both documents have, in a fixed order, changed or not."""
    pairs = ((figure, _at(old, figure.path), _at(new, figure.path)) for figure in FIGURES)
    return tuple(Change(figure, a, b) for figure, a, b in pairs if a is not None and b is not None)


def _at(document: Document, path: str) -> float | None:
    value: Any = document
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def identity_changes(old: Document, new: Document) -> tuple[str, ...]:
    """What makes the two documents speak of different things: board, compiler, link, data, options."""
    keys = ("model", "board", "link", "compiler", "data", "samples", "options")
    return tuple(
        f"{key}: {old.get(key)} to {new.get(key)}"
        for key in keys
        if key in old and key in new and old.get(key) != new.get(key)
    )


def number_text(value: float) -> str:
    """Whole numbers with thousands separators, others with four places."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.4f}"


def change_text(change: Change) -> str:
    """The change in percent and a word for its direction, for instance `+1.2 % worse`; `=` where there is none."""
    if change.old == change.new:
        return "="
    percent = (change.new - change.old) / (abs(change.old) or 1.0) * 100
    return f"{percent:+.2f} % {'worse' if change.worse_percent > 0 else 'better'}"


def changes_table(found: tuple[Change, ...]) -> Table:
    """The same for a terminal."""
    table = new_table("figure", "before>", "after>", "change")
    for change in found:
        table.add_row(
            f"{change.figure.name}{f' ({change.figure.unit})' if change.figure.unit else ''}",
            number_text(change.old),
            number_text(change.new),
            change_text(change),
        )
    return table


def markdown(title: str, found: tuple[Change, ...], different: tuple[str, ...]) -> str:
    """A table for a comment on a pull request."""
    lines = [f"### {title}", ""]
    lines += [f"> not the same: {sentence}" for sentence in different]
    lines += ["", "| figure | before | after | change |", "|---|---:|---:|---|"]
    for change in found:
        unit = f" {change.figure.unit}" if change.figure.unit else ""
        before, after = number_text(change.old), number_text(change.new)
        lines.append(f"| {change.figure.name} | {before}{unit} | {after}{unit} | {change_text(change)} |")
    return "\n".join(lines) + "\n"
