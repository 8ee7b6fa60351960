"""Profiles as tables, as JSON and as a page."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from mcuq import demo, pipeline
from mcuq.artifacts import (
    Build,
    Cost,
    Estimate,
    FunctionProfile,
    HotBlock,
    HotLine,
    Image,
    MemoryPlan,
    Profile,
    Sources,
    Spread,
    StepProfile,
)
from mcuq.report.profile_charts import PLOT_HEIGHT, PLOT_WIDTH, arena_chart, bars, roofline
from mcuq.report.profile_documents import profile_to_json
from mcuq.report.profile_page import profile_page
from mcuq.report.profile_tables import (
    functions_table,
    hot_block_table,
    hot_block_text,
    steps_table,
    summary_table,
)


@pytest.fixture(scope="module")
def profile() -> Profile:
    """The demo's schedule with invented costs: step i takes 1000 (i + 1) cycles, a half more on the board."""
    board = pipeline.find_board("cortex-m4")
    inspection = pipeline.inspect(pipeline.load(demo.model_path()), board)
    assert inspection.schedule is not None
    assert inspection.plan is not None
    image = Image(Path("none"), board.name, "gcc 12.2.1", {}, 9000, 4000, 600, 2000, 4096, {})
    sources = Sources("digits", "abcdef0123456789", ())
    build = Build(
        Path(), "digits", board, inspection.graph, inspection.schedule, inspection.plan, sources, image, "1.0"
    )
    steps = tuple(
        StepProfile(step.index, step.layers, step.kernel, step.macs, 100, 0, 64, cost(1000 * (step.index + 1)))
        for step in inspection.schedule.steps
    )
    whole = cost(sum(int(step.cost.cycles) for step in steps))
    lines = (HotLine(0x100, "ldr r0, [r1]", 10, 20.0), HotLine(0x102, "bne #0x100", 10, 28.0))
    return Profile(
        build=build,
        data="random (seed 1)",
        samples=1,
        core=Estimate("cortex-m4", "the core", "a manual", 25_000_000, Spread(1e5, 1e5, 1e5), 0.15),
        memory=Estimate("stm32", "a board", "a fit", 10**8, Spread(2e5, 2e5, 2e5), None, {"isolated_miss": 7}),
        cost=whole,
        stack_peak_bytes=300,
        peak_macs_per_cycle=2,
        steps=steps,
        functions=tuple(FunctionProfile(f"<f{i}>", 10, cost(100 - i)) for i in range(20)),
        hot=(HotBlock("<f0>", 16, 4, 10, 48.0, lines),),
    )


def cost(cycles: int) -> Cost:
    """A cost of so many cycles."""
    return Cost(cycles - 100, float(cycles), 1.5 * cycles, cycles // 4, cycles // 10, cycles)


def printed(table: Table) -> str:
    """The table as text."""
    console = Console(width=240)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def test_the_summary_has_both_figures_with_their_errors(profile: Profile) -> None:
    """Core cycles within 15 %, board cycles of which nothing is claimed, each with its latency."""
    text = printed(summary_table(profile))
    assert "100,000, within 15 %; 4 ms at 25 MHz: the core" in text
    assert "200,000, error not known; 2 ms at 100 MHz: a board" in text
    assert "7 isolated miss" in text


def test_steps_have_costs_and_shares(profile: Profile) -> None:
    """One row a step, with both kinds of cycles and cycles per MAC of the board's."""
    text = printed(steps_table(profile))
    assert len(text.splitlines()) == 2 + len(profile.steps)
    assert "core cycles" in text
    assert "board cycles" in text
    without = printed(steps_table(replace(profile, memory=None)))
    assert "board cycles" not in without


def test_functions_are_cut_and_summed(profile: Profile) -> None:
    """The dearest functions are listed, the others told in one row."""
    text = printed(functions_table(profile, rows=5))
    assert "<f4>" in text
    assert "<f5>" not in text
    assert "and 15 more" in text


def test_a_hot_block_is_disassembled(profile: Profile) -> None:
    """Address, cycles each run and text of every instruction, under a line that says where it is."""
    (block,) = profile.hot
    assert hot_block_text(block, 96.0) == "<f0>+0x10: 10 times, 48 core cycles (50.0 %), 2 instructions in 4 bytes"
    text = printed(hot_block_table(block))
    assert "00000102" in text
    assert "2.80  bne #0x100" in text


def test_the_document_is_json_with_whole_cycles(profile: Profile) -> None:
    """The document survives JSON; cycles are whole, and what is not claimed is null."""
    document = json.loads(json.dumps(profile_to_json(profile), allow_nan=False))
    assert document["core"]["error"] == 0.15
    assert document["memory"]["error"] is None
    assert document["memory"]["cycles"]["median"] == 200_000
    assert document["steps"][0]["core_cycles"] == 1000
    assert document["steps"][0]["board_cycles"] == 1500
    assert document["hot"][0]["instructions"][1]["text"] == "bne #0x100"
    assert profile_to_json(replace(profile, memory=None))["memory"] is None


def test_bars_fill_the_longest(profile: Profile) -> None:
    """The longest bar is 100 % wide, core and memory are parts of it, shares are of the whole."""
    drawn = bars(profile)
    assert drawn[-1].core + drawn[-1].memory == pytest.approx(100)
    assert drawn[-1].core == pytest.approx(200 / 3)
    assert sum(bar.share for bar in drawn) == pytest.approx(100)


def test_the_arena_is_drawn_within_its_frame(plan: MemoryPlan) -> None:
    """Boxes lie where the buffers do: offset 0 at the bottom, the filling of the inputs in the first column."""
    chart = arena_chart(plan, ["in"], ["net/out"])
    kinds = [box.kind for box in chart.boxes]
    assert kinds == ["input", "value", "scratch", "output"]
    first = chart.boxes[0]
    assert first.x == 0
    assert first.y + first.height == pytest.approx(PLOT_HEIGHT)
    assert first.height == pytest.approx(PLOT_HEIGHT * 16 / 24)
    for box in chart.boxes:
        assert 0 <= box.x <= box.x + box.width <= PLOT_WIDTH + 1e-6
        assert -1e-6 <= box.y <= box.y + box.height <= PLOT_HEIGHT + 1e-6


def test_no_step_is_above_the_roof(profile: Profile) -> None:
    """Dots lie within the frame and at or below the line of the core's peak."""
    chart = roofline(profile)
    assert len(chart.dots) == sum(1 for step in profile.steps if step.macs)
    peak_y = float(chart.roof.split()[-1].split(",")[1])
    for dot, step in zip(chart.dots, [step for step in profile.steps if step.macs], strict=True):
        assert 0 <= dot.x <= PLOT_WIDTH
        assert 0 <= dot.y <= PLOT_HEIGHT
        assert (dot.y >= peak_y - 1e-6) == (step.macs / step.cost.best_cycles <= 2)


class Page(HTMLParser):
    """Collects what a page refers to, and checks that its elements nest."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.references: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        self.tags.append(tag)
        self.references += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element without contents."""
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """An element ends."""
        assert self.open.pop() == tag


def test_the_page_needs_no_other_file(profile: Profile) -> None:
    """The page nests well, refers to nothing outside, and escapes names."""
    text = profile_page(profile)
    page = Page()
    page.feed(text)
    assert page.open == []
    assert page.references == []
    assert "script" not in page.tags
    assert "&lt;f0&gt;" in text
    assert "<f0>" not in text
    assert page.tags.count("svg") == 2


def test_the_pictures_are_well_formed(profile: Profile) -> None:
    """Both pictures are XML, with a box for each buffer and a dot for each step that multiplies."""
    text = profile_page(profile)
    pictures = [ElementTree.fromstring(part.partition("</svg>")[0] + "</svg>") for part in _parts(text)]
    assert [len(picture.findall("rect")) for picture in pictures] == [len(profile.build.plan.placements), 0]
    assert [len(picture.findall("g/circle")) for picture in pictures] == [0, len(roofline(profile).dots)]


def _parts(text: str) -> list[str]:
    return [f"<svg{part}" for part in text.split("<svg")[1:]]


def test_a_model_without_macs_has_no_roofline(profile: Profile) -> None:
    """Nothing is drawn over nothing, and nothing divided by it."""
    schedule = replace(
        profile.build.schedule, steps=tuple(replace(step, macs=0) for step in profile.build.schedule.steps)
    )
    empty = replace(
        profile,
        build=replace(profile.build, schedule=schedule),
        steps=tuple(replace(step, macs=0) for step in profile.steps),
    )
    assert "Roofline" not in profile_page(empty)
    assert "0; - cycles per MAC" in printed(summary_table(empty))
