"""Profiles as terminal tables: the two estimates, steps, functions, hot blocks."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from mcuq.artifacts import Cost, Estimate, HotBlock, Profile
from mcuq.report.figures import (
    NOT_KNOWN,
    bytes_text,
    common_scope,
    count_text,
    layers_text,
    milliseconds_text,
    percent_text,
    printable,
    removed_text,
    spread_text,
)
from mcuq.report.tables import new_pairs, new_table

MAX_FUNCTIONS = 16


def error_text(error: float | None) -> str:
    """`within 5 %`, or that nothing is claimed."""
    return "error not known" if error is None else f"within {100 * error:.0f} %"


def estimate_text(estimate: Estimate) -> str:
    """Cycles, how sure they are, the latency at the clock."""
    cycles = f"{spread_text(estimate.cycles)}, {error_text(estimate.error)}"
    if estimate.latency_ms is None:
        return cycles
    return f"{cycles}; {milliseconds_text(estimate.latency_ms)} ms at {estimate.clock_hz / 1e6:g} MHz"


def summary_table(profile: Profile) -> Table:
    """What one inference takes."""
    build, cost = profile.build, profile.cost
    table = new_pairs()
    fed = f"{profile.data}, {profile.samples} counted"
    table.add_row("model", Text(f"{build.name} on {build.board.name} (sim), {build.image.compiler}, {fed}"))
    table.add_row("core cycles", f"{estimate_text(profile.core)}: {profile.core.description}")
    if profile.memory is not None:
        table.add_row("board cycles", f"{estimate_text(profile.memory)}: {profile.memory.description}")
        events = [f"{times:,} {name.replace('_', ' ')}" for name, times in profile.memory.events.items()]
        table.add_row("memory", ", ".join(events) or "no waits")
    table.add_row("instructions", count_text(cost.instructions))
    table.add_row("loads, stores", f"{cost.loads:,}, {cost.stores:,}; {bytes_text(cost.moved_bytes)} moved")
    table.add_row("MACs", f"{profile.macs:,}; {per_mac_text(cost, profile.macs)} cycles per MAC")
    if build.removed.macs:
        table.add_row("dead channels", removed_text(build.removed, profile.macs))
    parts = f"arena {build.plan.arena_bytes:,} + static {build.image.static_ram_bytes:,}"
    table.add_row("RAM", f"{bytes_text(profile.ram_bytes)} = {parts} + stack {profile.stack_peak_bytes:,}")
    image = build.image
    parts = f"constants {image.constant_bytes:,} + code {image.code_bytes:,}"
    table.add_row("flash", f"{bytes_text(image.flash_bytes)} = {parts}")
    return table


def steps_table(profile: Profile) -> Table:
    """One row a step; shares and cycles per MAC are of the board's cycles where they are known."""
    has_board = profile.memory is not None
    table = new_table("step>", "layer", "kernel", "MACs>", *_cost_headers(has_board), "stack>")
    scope = common_scope([layer for step in profile.steps for layer in step.layers])
    for step in profile.steps:
        name = Text(layers_text([layer.removeprefix(scope) for layer in step.layers]))
        texts = _cost_texts(step.cost, step.macs, profile.cost, has_board)
        table.add_row(str(step.index), name, step.kernel, count_text(step.macs), *texts, count_text(step.stack_bytes))
    return table


def functions_table(profile: Profile, rows: int = MAX_FUNCTIONS) -> Table:
    """One row a function without what it calls, the dearest first."""
    has_board = profile.memory is not None
    table = new_table("function", "MACs>", *_cost_headers(has_board))
    for function in profile.functions[:rows]:
        texts = _cost_texts(function.cost, function.macs, profile.cost, has_board)
        table.add_row(Text(printable(function.name)), count_text(function.macs), *texts)
    left = profile.functions[rows:]
    if left:
        share = sum(f.cost.best_cycles for f in left) / profile.cost.best_cycles
        table.add_row(f"and {len(left)} more, {percent_text(share, 1)} of the cycles")
    return table


def hot_block_text(block: HotBlock, total_cycles: float) -> str:
    """Where the block is, how often it ran, its share of the core's cycles."""
    share = percent_text(block.cycles / total_cycles, 1)
    return (
        f"{printable(block.function)}+{block.offset_bytes:#x}: {block.times:,} times, {count_text(block.cycles)} core "
        f"cycles ({share}), {len(block.lines)} instructions in {block.bytes} bytes"
    )


def hot_block_table(block: HotBlock) -> Table:
    """The instructions of a block with their cycles each run."""
    table = new_table("address>", "cycles each>", "instruction")
    for line in block.lines:
        table.add_row(f"{line.address:08x}", f"{line.cycles / line.times:.2f}", Text(line.text))
    return table


def per_mac_text(cost: Cost, macs: int) -> str:
    """Cycles per MAC; `-` where there are none."""
    return f"{cost.best_cycles / macs:.2f}" if macs else "-"


def _cost_headers(has_board: bool) -> tuple[str, ...]:
    board = ("board cycles>",) if has_board else ()
    return ("instructions>", "core cycles>", *board, "share>", "per MAC>", "loads>", "stores>", "bytes moved>")


def _cost_texts(cost: Cost, macs: int, whole: Cost, has_board: bool) -> tuple[str, ...]:
    board = (count_text(cost.board_cycles),) if has_board else ()
    share = percent_text(cost.best_cycles / whole.best_cycles, 1) if whole.best_cycles else NOT_KNOWN
    moved = (count_text(cost.loads), count_text(cost.stores), count_text(cost.moved_bytes))
    return (count_text(cost.instructions), count_text(cost.cycles), *board, share, per_mac_text(cost, macs), *moved)
