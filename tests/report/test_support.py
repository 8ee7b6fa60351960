"""The README's table of supported ops is what the op cards say."""

from __future__ import annotations

from pathlib import Path

from mcuq.ops import OPS
from mcuq.report.support import BEGIN, END, support_section, support_table


def test_every_op_has_a_row() -> None:
    """Each card is a row with all of its limits."""
    table = support_table()
    for card in OPS:
        (row,) = [line for line in table.splitlines() if line.startswith(f"| `{card.name}` |")]
        for limit in card.limits:
            assert limit.sentence in row


def test_the_readme_is_current(root: Path) -> None:
    """The section of the README between the marks is the table; `python tests/refresh_readme.py` renews it."""
    text = (root / "README.md").read_text(encoding="utf-8")
    assert text.count(BEGIN) == text.count(END) == 1
    start, end = text.index(BEGIN), text.index(END) + len(END)
    assert text[start:end] == support_section()
