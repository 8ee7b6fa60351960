"""Pictures of memory for the terminal: what fills flash and RAM, and which buffer is in use at which step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.table import Table
from rich.text import Text

from mcuq.artifacts import Build, MemoryPlan, Placement
from mcuq.boards import MemoryRegion
from mcuq.report.figures import buffer_text, common_scope, count_text, percent_text

BAR_WIDTH = 42
MAX_COLUMNS = 40
MAX_ROWS = 24
_LEVELS = " ▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a memory: `mark` fills its piece of the bar."""

    name: str
    bytes: int
    mark: str


def bar(parts: Sequence[Part], width: int = BAR_WIDTH) -> str:
    """The parts side by side, in proportion; whatever has a byte has a character."""
    total = sum(part.bytes for part in parts)
    if total == 0:
        return ""
    cells = [max(1, width * part.bytes // total) if part.bytes > 0 else 0 for part in parts]
    largest = max(range(len(parts)), key=lambda index: cells[index])
    cells[largest] += width - sum(cells)
    return "".join(part.mark * count for part, count in zip(parts, cells, strict=True))


def zoomed(parts: Sequence[Part]) -> tuple[tuple[Part, ...], bool]:
    """The parts for a bar: the last, which is free, is cut to what the others take, and whether it was."""
    used = sum(part.bytes for part in parts[:-1])
    free = parts[-1]
    if free.bytes <= used or not used:
        return tuple(parts), False
    return (*parts[:-1], Part(free.name, used, free.mark)), True


def memory_table(build: Build) -> Table:
    """Flash and RAM as bars, with what each part takes; on the host, which has neither, only what the model takes."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for column in range(4):
        table.add_column(no_wrap=True, justify="right" if column in (2, 3) else "left")
    for name, parts in (("flash", _flash_parts(build)), *_ram_bars(build)):
        total = sum(part.bytes for part in parts)
        drawn, is_cut = zoomed(parts)
        picture = bar(drawn) + (" …" if is_cut else "")
        table.add_row(Text(name, style="bold"), Text(picture), count_text(total), "bytes")
        for part in parts:
            share = percent_text(part.bytes / total, 1) if total else ""
            table.add_row("", Text(f"{part.mark} {part.name}"), count_text(part.bytes), share)
    return table


def arena_table(plan: MemoryPlan, columns: int = MAX_COLUMNS, rows: int = MAX_ROWS) -> Table:
    """One row a buffer, one column a step (several where there are many): where it lies and while it is in use.

    The first column is the filling of the inputs, the last the reading of the outputs; the last row is the share of the
    arena that is in use. Of more than `rows` buffers the largest are shown.
    """
    shown = sorted(plan.placements, key=lambda placement: -placement.bytes)[:rows]
    steps = 1 + max((placement.last for placement in plan.placements), default=0)
    per_column = math.ceil((steps + 1) / columns)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for header in ("offset", "bytes"):
        table.add_column(header, justify="right", no_wrap=True)
    table.add_column(_steps_header(steps - 1, per_column), no_wrap=True)
    table.add_column("buffer", overflow="ellipsis")
    scope = common_scope([placement.buffer for placement in plan.placements])
    for placement in sorted(shown, key=lambda placement: (placement.first, placement.offset_bytes)):
        offset, size = count_text(placement.offset_bytes), count_text(placement.bytes)
        life, name = _life_text(placement, steps, per_column), Text(buffer_text(placement.buffer.removeprefix(scope)))
        table.add_row(offset, size, life, name)
    if len(shown) < len(plan.placements):
        table.add_row("", "", "", f"and {len(plan.placements) - len(shown)} smaller buffers")
    table.add_section()
    used = _in_use_text(plan, steps, per_column)
    table.add_row("", count_text(plan.arena_bytes), used, "in use of the arena")
    return table


def bytes_in_use(plan: MemoryPlan, step: int) -> int:
    """Bytes of arena in use at `step`; buffers that share bytes are counted once."""
    spans = sorted((p.offset_bytes, p.offset_bytes + p.bytes) for p in plan.placements if p.first <= step <= p.last)
    total = end = 0
    for start, stop in spans:
        total += max(0, stop - max(start, end))
        end = max(end, stop)
    return total


def _flash_parts(build: Build) -> tuple[Part, ...]:
    image, flash = build.image, build.board.flash
    constants = Part("constants", image.constant_bytes, "█")
    if flash is None:
        return (constants,)
    free = Part("free", flash.bytes - image.flash_bytes, "·")
    groups = image.flash_groups(build.name)
    rest = image.code_bytes - groups["kernels"]
    return (constants, Part("kernels", groups["kernels"], "▓"), Part("firmware", rest, "▒"), free)


def _ram_bars(build: Build) -> tuple[tuple[str, tuple[Part, ...]], ...]:
    """One bar a memory that something is put into."""
    regions = build.board.ram_regions
    if not regions:
        return (("RAM", (Part("arena", build.plan.arena_bytes, "█"),)),)
    return tuple(("RAM" if len(regions) == 1 else f"RAM {r.name}", _ram_parts(build, r)) for r in regions)


def _ram_parts(build: Build, region: MemoryRegion) -> tuple[Part, ...]:
    """What lies in one memory; a part that another memory holds is left out."""
    image, board, plan = build.image, build.board, build.plan
    holds_data = region == board.region_of("data")
    copied = build.schedule.ram_constant_bytes if holds_data else 0
    arena = plan.region_bytes("fast") if region == board.fast else 0
    arena += plan.region_bytes("slow") if region == board.region_of("arena") else 0
    parts = (
        Part("arena", arena, "█"),
        Part("constants", copied, "▓"),
        Part("static", image.static_ram_bytes - copied if holds_data else 0, "▒"),
        Part("stack (set aside)", image.stack_bytes if region == board.region_of("stack") else 0, "░"),
    )
    there = tuple(part for part in parts if part.bytes)
    return (*there, Part("free", region.bytes - sum(part.bytes for part in there), "·"))


def _steps_header(steps: int, per_column: int) -> str:
    each = "one step a column" if per_column == 1 else f"{per_column} steps a column"
    return f"{steps} steps, {each}"


def _columns(steps: int, per_column: int) -> list[range]:
    """The steps of each column; the filling of the inputs is step -1."""
    return [range(first, min(first + per_column, steps)) for first in range(-1, steps, per_column)]


def _life_text(placement: Placement, steps: int, per_column: int) -> Text:
    columns = _columns(steps, per_column)
    alive = (column[0] <= placement.last and column[-1] >= placement.first for column in columns)
    return Text("".join("█" if is_alive else "·" for is_alive in alive))


def _in_use_text(plan: MemoryPlan, steps: int, per_column: int) -> Text:
    top = len(_LEVELS) - 1
    columns = _columns(steps, per_column)
    peaks = [max(bytes_in_use(plan, step) for step in column) for column in columns]
    return Text("".join(_LEVELS[math.ceil(top * peak / max(plan.arena_bytes, 1))] for peak in peaks))
