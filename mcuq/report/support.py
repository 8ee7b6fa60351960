"""The table of supported ops, as Markdown made of the op cards."""

from __future__ import annotations

from mcuq.ops import OPS, Card

BEGIN = "<!-- supported ops: begin -->"
END = "<!-- supported ops: end -->"


def support_table() -> str:
    """One row an op: its name and under which conditions it is supported."""
    rows = ["| op | supported where |", "|---|---|"]
    rows += [f"| `{card.name}` | {_conditions(card)} |" for card in OPS]
    return "\n".join(rows) + "\n"


def support_section() -> str:
    """The table between the marks that the README has."""
    return f"{BEGIN}\n\n{support_table()}\n{END}"


def _conditions(card: Card) -> str:
    if card.folds:
        return "its result depends on shapes and constants only; it is computed at import"
    return "; ".join(limit.sentence.replace("|", "\\|") for limit in card.limits) or "always"
