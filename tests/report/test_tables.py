"""Tables hold every figure, uncut, at any sensible width."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from mcuq import pipeline
from mcuq.artifacts import Inspection, Layer, Measurement, Refused
from mcuq.build.doctor import Tool
from mcuq.report import tables


def text_of(renderable: Any, width: int = 200) -> str:
    """What a terminal of that width shows."""
    out = io.StringIO()
    Console(file=out, width=width, highlight=False).print(renderable)
    return out.getvalue()


def test_the_verdict_has_every_figure(measurement: Measurement) -> None:
    """Accuracy, agreement, latency, instructions, RAM and flash with their parts."""
    text = text_of(tables.verdict_table(measurement))
    for part in (
        "digits on cortex-m4 (sim), gcc 12.2.1, 10 samples",
        "90.00 % (9 of 10); the reference has 100.00 %",
        "NOT bit-exact; 80.00 % of the samples",
        "sample 3, step 1 (dense), value 'dense/out', element [0, 7]: expected 5, got 4 (off by -1); 2 elements",
        "1.5 ms (median; 1.25 to 2)",
        "3,000 bytes = arena 2,048 + static 600 + stack 352",
        "10,000 bytes = constants 4,000 + code 6,000",
        "counted on 3 samples",
    ):
        assert part in text
    assert re.search(r"cycles +n/a", text)


def test_a_bit_exact_run_says_so(measurement: Measurement) -> None:
    """Nothing is hedged where every byte is equal."""
    text = text_of(tables.verdict_table(replace(measurement, bit_exact=True, first_difference=None, accuracy=None)))
    assert "bit-exact: every output byte" in text
    assert "NOT" not in text
    assert "n/a (the data have no labels)" in text


def test_a_float_run_says_how_near_it_is(measurement: Measurement) -> None:
    """Where nothing can be claimed bit for bit, the greatest error is told."""
    text = text_of(tables.verdict_table(replace(measurement, first_difference=None, max_error=1.5e-7)))
    assert "the greatest error is 1.5e-07 of an output's range" in text


def test_steps_show_share_and_instructions_per_mac(measurement: Measurement) -> None:
    """Shares are of the sum of all steps; a step without MACs has no figure per MAC."""
    rows = text_of(tables.measured_steps_table(measurement)).splitlines()
    assert re.search(r"0 +conv \(\+1\) +conv_2d/portable +1,000 +750 +75\.0 % +0\.75 +0", rows[2])
    assert re.search(r"1 +dense +fully_connected/portable +0 +250 +25\.0 % +- +64", rows[3])
    assert "cycles" not in rows[0]


def test_uncounted_steps_are_listed_too(measurement: Measurement) -> None:
    """Where the link cannot count, the steps are there and their figures are n/a."""
    steps = tuple(replace(step, instructions=None) for step in measurement.steps)
    text = text_of(tables.measured_steps_table(replace(measurement, steps=steps)))
    assert text.count("n/a") == 6


@pytest.mark.parametrize("width", [80, 120, 240])
def test_numbers_are_never_cut(measurement: Measurement, inspection: Inspection, width: int) -> None:
    """On a narrow terminal names are cut, never numbers."""
    big = replace(measurement.steps[0], macs=123_456_789, instructions=1_234_567_890, layers=("l" * 200,))
    text = text_of(tables.measured_steps_table(replace(measurement, steps=(big,))), width)
    assert "123,456,789" in text
    assert "1,234,567,890" in text
    layers = text_of(tables.layers_table(inspection), width)
    for layer in inspection.layers:
        assert f"{layer.macs:,}" in layers
        assert layer.quantization in layers


def test_layers_are_listed_with_their_sums(inspection: Inspection) -> None:
    """Each layer of the model is a row, and the last row adds up."""
    text = text_of(tables.layers_table(inspection))
    assert f"{len(inspection.layers)} layers" in text
    assert f"{sum(layer.macs for layer in inspection.layers):,}" in text.splitlines()[-1]
    assert text.count("CONV_2D") == sum("CONV_2D" in layer.op for layer in inspection.layers)


def test_names_from_a_model_are_not_markup(inspection: Inspection) -> None:
    """Brackets and escapes in a layer's name neither style the table nor break it."""
    layer = Layer("[bold]x[/bold] \x1b[31m", "RELU", (1, 2), "int8", "[/red]", 0, 0)
    text = text_of(tables.layers_table(replace(inspection, layers=(layer,))))
    assert "[bold]x[/bold] ?[31m" in text
    assert "\x1b" not in text
    assert "[/red]" in text


@pytest.mark.parametrize(
    ("flash", "ram", "words"),
    [
        (10, 20, "yes: 10 bytes of flash left, 20 bytes of RAM left"),
        (-10, 20, "no: 10 bytes of flash TOO FEW, 20 bytes of RAM left"),
    ],
)
def test_the_summary_says_by_how_much(inspection: Inspection, flash: int, ram: int, words: str) -> None:
    """Fits or not, both margins are told."""
    assert inspection.plan is not None
    fits = replace(inspection, fits=flash >= 0, flash_free_bytes=flash, ram_free_bytes=ram)
    text = text_of(tables.summary_table(fits))
    assert words in text
    assert f"{inspection.plan.arena_bytes:,} bytes, exactly" in text


def test_refusals_give_their_reasons() -> None:
    """Op, layer and reason stand in one row."""
    text = text_of(tables.refused_table([Refused("CAST", ("a", "b"), "mcuq does not do this op")]))
    assert re.search(r"CAST +a \(\+1\) +mcuq does not do this op", text)


def test_boards_are_listed() -> None:
    """Every board is a row with its memory and its links."""
    boards = pipeline.all_boards()
    text = text_of(tables.boards_table(boards))
    for board in boards:
        assert re.search(rf"^{board.name} .*{', '.join(board.links)}", text, re.MULTILINE)


def test_tools_say_how_to_be_installed() -> None:
    """A tool that is missing shows the command that installs it, one that is there its place."""
    found = Tool("gcc", "compiles", "/usr/bin/gcc", "gcc 1", "apt install gcc")
    text = text_of(tables.tools_table([found, replace(found, name="zig", path=None, version=None, note="why")]))
    assert re.search(r"gcc +gcc 1 +compiles +/usr/bin/gcc", text)
    assert re.search(r"zig +not found +compiles +apt install gcc; why", text)
