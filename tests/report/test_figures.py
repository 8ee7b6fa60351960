"""Figures are written so that people read them right, and names so that they do no harm."""

from __future__ import annotations

import pytest

from mcuq.artifacts import Spread
from mcuq.report import figures


@pytest.mark.parametrize(("number", "text"), [(0, "0"), (1234567, "1,234,567"), (1500.5, "1,500"), (None, "n/a")])
def test_counts_have_separators(number: float | None, text: str) -> None:
    """Whole numbers with thousands separators; what is not known says so."""
    assert figures.count_text(number) == text


@pytest.mark.parametrize(
    ("milliseconds", "text"), [(0.0309901, "0.03099"), (1.5, "1.5"), (123.456, "123.5"), (12345.6, "12,346")]
)
def test_milliseconds_have_four_digits(milliseconds: float, text: str) -> None:
    """Four significant digits, and never an exponent for long runs."""
    assert figures.milliseconds_text(milliseconds) == text


def test_a_spread_without_spread_is_one_number() -> None:
    """Minimum and maximum are shown only where they differ."""
    assert figures.spread_text(Spread(5, 5, 5), "ms") == "5 ms"
    assert figures.spread_text(Spread(1, 2, 3000), "ms") == "2 ms (median; 1 to 3,000)"
    assert figures.spread_text(None) == "n/a"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("dense/BiasAdd", "dense/BiasAdd"),
        ("act/Relu;bn/FusedBatchNorm;conv/Conv2D", "act/Relu"),
        ("\x1b[31mred\x1b[0m\r\n", "?[31mred?[0m??"),
        ("a" * 10_000, "…" + "a" * 47),
        ("", ""),
        (";", ";"),
    ],
)
def test_names_are_harmless(name: str, text: str) -> None:
    """No control character of a model's name reaches the terminal, and no name fills a page."""
    assert figures.printable(name) == text


def test_scratch_is_called_scratch() -> None:
    """The NUL that keeps scratch apart from the model's names is not shown."""
    assert figures.buffer_text("\0scratch 12") == "scratch of step 12"


@pytest.mark.parametrize(
    ("names", "scope"),
    [
        (["net/a", "net/b", "out"], "net/"),
        (["net/a", "other/b", "out"], ""),
        (["a", "b"], ""),
        (["a;net/b", "c;net/d"], ""),
        ([], ""),
    ],
)
def test_the_scope_that_most_share_is_found(names: list[str], scope: str) -> None:
    """A leading scope is dropped where at least half of the names have it."""
    assert figures.common_scope(names) == scope


def test_shapes_are_short() -> None:
    """Sizes joined by x."""
    assert (figures.shape_text((1, 8, 8, 16)), figures.shape_text(())) == ("1x8x8x16", "scalar")
