"""Terminal tables: layers, refusals, the verdict of a run, steps, sections of an image, boards, tools."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich import box
from rich.console import OverflowMethod
from rich.table import Table
from rich.text import Text

from mcuq.artifacts import (
    AnswerScores,
    Build,
    Difference,
    EnergyEstimate,
    Inspection,
    MeasuredEnergy,
    Measurement,
    Soak,
    StepMeasurement,
    Trade,
)
from mcuq.boards import Board
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
    shape_text,
    spread_text,
)


def layers_table(inspection: Inspection) -> Table:
    """One row a layer: type and shape of its output, quantization, parameters, MACs; the sums below."""
    table = new_table("layer", "op", "output>", "quantization>", "parameters>", "MACs>")
    scope = common_scope([layer.name for layer in inspection.layers])
    for layer in inspection.layers:
        table.add_row(
            Text(printable(layer.name.removeprefix(scope))),
            layer.op,
            f"{layer.dtype} {shape_text(layer.shape)}",
            Text(printable(layer.quantization) or "-"),
            count_text(layer.parameters),
            count_text(layer.macs),
        )
    parameters = sum(layer.parameters for layer in inspection.layers)
    macs = sum(layer.macs for layer in inspection.layers)
    table.add_section()
    table.add_row(f"{len(inspection.layers)} layers", "", "", "", count_text(parameters), count_text(macs))
    return table


def summary_table(inspection: Inspection) -> Table:
    """Arena, constants and whether they fit the board."""
    table = new_pairs()
    if inspection.schedule is None or inspection.plan is None:
        return table
    if inspection.removed.macs:
        macs = sum(layer.macs for layer in inspection.layers)
        table.add_row("dead channels", removed_text(inspection.removed, macs))
    kernels = f"for {inspection.board.name}" if inspection.board else "of the portable kernels"
    bound = f"no placement of its steps goes below {inspection.plan.lower_bound_bytes:,}"
    table.add_row("arena", f"{bytes_text(inspection.plan.arena_bytes)}, exactly ({kernels}); {bound}")
    if inspection.plan.regions:
        fast, slow = (inspection.plan.region_bytes(name) for name in ("fast", "slow"))
        table.add_row("", f"{bytes_text(fast)} of it in fast memory, {slow:,} in slow")
    table.add_row("constants", f"{bytes_text(inspection.schedule.constant_bytes)} of flash")
    if inspection.board is not None:
        table.add_row(f"fits {inspection.board.name}", _fits_text(inspection))
    return table


def trade_table(found: Iterable[Trade], built: Build | None = None) -> Table:
    """Estimated cycles against bytes of each goal, the arena beside its lower bound; the build first, if there is one.

    Flash is that of constants and kernels, which the firmware comes on top of.
    """
    table = new_table("goal", "cycles>", "flash>", "constants>", "arena>", "lower bound>")
    if built is not None:
        chosen, plan = built.schedule, built.plan
        flash_bytes = chosen.constant_bytes + chosen.code_bytes
        figures = (chosen.cycles, flash_bytes, chosen.constant_bytes, plan.arena_bytes, plan.lower_bound_bytes)
        table.add_row(f"this ({built.goal.optimize})", *map(count_text, figures))
        table.add_section()
    for t in found:
        figures = (t.cycles, t.flash_bytes, t.constant_bytes, t.arena_bytes, t.lower_bound_bytes)
        table.add_row(t.optimize, *map(count_text, figures))
    return table


def refused_table(refused: Iterable[Any]) -> Table:
    """Everything that is not supported, with the reason; each value has op, layers and reason."""
    table = new_table("op", "layer", "reason", overflow="fold")
    for refusal in refused:
        table.add_row(printable(refusal.op) or "-", Text(layers_text(refusal.layers)), Text(refusal.reason))
    return table


def verdict_table(measurement: Measurement) -> Table:
    """The whole verdict of a run."""
    m = measurement
    table = new_pairs()
    samples = "sample" if m.samples == 1 else "samples"
    table.add_row("model", f"{m.model} on {m.board} ({m.link}), {m.compiler}, {count_text(m.samples)} {samples}")
    table.add_row("accuracy", _accuracy_text(m))
    if m.scores is not None and (m.scores.top_k or m.scores.auc is not None):
        table.add_row("scores", _scores_text(m.scores))
    table.add_row("agreement", Text(_agreement_text(m), style="green" if m.agrees else "bold red"))
    table.add_row("latency", _latency_text(m))
    table.add_row("instructions", spread_text(m.instructions))
    table.add_row("cycles", spread_text(m.cycles))
    if m.energy is not None:
        table.add_row("energy", _energy_text(m.energy))
    if m.measured_energy is not None:
        table.add_row("energy", _measured_energy_text(m.measured_energy))
    if m.soak is not None:
        table.add_row("soak", _soak_text(m.soak))
    parts = f"arena {m.arena_bytes:,} + static {count_text(m.static_ram_bytes)} + stack {count_text(m.stack_bytes)}"
    table.add_row("RAM", f"{bytes_text(m.ram_bytes)} = {parts}")
    code = None if m.flash_total_bytes is None else m.flash_total_bytes - m.flash_constant_bytes
    parts = f"constants {m.flash_constant_bytes:,} + code {count_text(code)}"
    table.add_row("flash", f"{bytes_text(m.flash_total_bytes)} = {parts}")
    for note in m.notes:
        table.add_row("note", Text(note))
    return table


def _scores_text(scores: AnswerScores) -> str:
    shares = [f"top-{k} {percent_text(share)}" for k, share in scores.top_k]
    return ", ".join(shares + ([] if scores.auc is None else [f"area under the ROC curve {scores.auc:.4f}"]))


def classes_table(scores: AnswerScores) -> Table:
    """Recall and precision of each class, and how often each answer was given: the diagonal is right."""
    answers = [str(of_class.label) for of_class in scores.classes]
    table = new_table("class>", "samples>", "recall>", "precision>", *(f"{answer}>" for answer in answers))
    for of_class, row in zip(scores.classes, scores.confusion, strict=True):
        shares = (percent_text(of_class.recall), percent_text(of_class.precision))
        counts = [Text(str(n), style="bold" if answer == of_class.label else "") for answer, n in enumerate(row)]
        table.add_row(str(of_class.label), f"{of_class.samples:,}", *shares, *counts)
    return table


def _latency_text(m: Measurement) -> str:
    """The spread, and where there are more than two runs the 95th percentile and the jitter."""
    text = spread_text(m.latency_ms, "ms", milliseconds=True)
    latency = m.latency_ms
    if latency is None or latency.p95 is None or latency.jitter is None or len(m.latencies_ms) < 3:
        return text
    p95, jitter = milliseconds_text(latency.p95), milliseconds_text(latency.jitter)
    return f"{text}, p95 {p95} ms, jitter {jitter} ms over {len(m.latencies_ms)} runs"


def _energy_text(energy: EnergyEstimate) -> str:
    spread = "one measurement" if energy.spread_percent is None else f"±{energy.spread_percent:g} %"
    return f"{energy.microjoules:,.4g} µJ estimated for {energy.mcu} ({spread}; {energy.source})"


def _measured_energy_text(energy: MeasuredEnergy) -> str:
    idle = "" if energy.idle_milliwatts is None else f", {energy.idle_milliwatts:.4g} mW between them"
    return (
        f"{energy.microjoules:,.4g} µJ (deviation {energy.deviation_microjoules:.2g}) in "
        f"{energy.milliseconds:.4g} ms at {energy.milliwatts:.4g} mW{idle}: "
        f"measured by {energy.monitor} over {energy.inferences} inferences"
    )


def _soak_text(soak: Soak) -> str:
    said = [f"{soak.inferences:,} inferences in {soak.seconds:,.1f} s, {soak.wrong:,} of them wrong"]
    if soak.latency_drift_percent is not None:
        said.append(f"latency {soak.latency_drift_percent:+.2f} % from first to last stretch")
    if soak.max_temperature_c is not None:
        said.append(f"up to {soak.max_temperature_c:.1f} °C")
    if len(soak.clocks_hz) > 1:
        said.append("throttled: clock " + ", ".join(f"{hz / 1e6:g}" for hz in soak.clocks_hz) + " MHz")
    return "; ".join(said)


def soak_table(soak: Soak) -> Table:
    """One row a stretch; columns that the device cannot fill are left out."""
    columns = (
        ("latency ms>", [point.latency_ms for point in soak.points], ".4g"),
        ("°C>", [point.temperature_c for point in soak.points], ".1f"),
        ("V>", [point.supply_v for point in soak.points], ".3f"),
        ("MHz>", [point.clock_hz / 1e6 if point.clock_hz else None for point in soak.points], "g"),
    )
    shown = [column for column in columns if any(value is not None for value in column[1])]
    table = new_table("after s>", "inferences>", "a second>", *(name for name, _, _ in shown))
    for index, point in enumerate(soak.points):
        values = [values[index] for _, values, _ in shown]
        formats = [form for _, _, form in shown]
        texts = [NOT_KNOWN if v is None else f"{v:{form}}" for v, form in zip(values, formats, strict=True)]
        table.add_row(f"{point.seconds:,.1f}", f"{point.inferences:,}", f"{point.rate_hz:,.1f}", *texts)
    return table


def difference_text(difference: Difference) -> str:
    """Where device and reference part first, and by how much."""
    d = difference
    layers = f" ({layers_text(d.layers)})" if d.layers else ""
    return (
        f"sample {d.sample}, step {d.step}{layers}, value '{printable(d.value)}', element {list(d.element)}: "
        f"expected {d.expected:g}, got {d.got:g} (off by {d.got - d.expected:+g}); "
        f"{d.differing:,} elements of that value differ"
    )


def measured_steps_table(measurement: Measurement) -> Table:
    """One row a step: what it took, its share of all, instructions a MAC; columns without any figure are left out."""
    steps = measurement.steps
    has_cycles = any(step.cycles is not None for step in steps)
    has_scratch = any(step.scratch_bytes for step in steps)
    headers = ["step>", "layer", "kernel", "MACs>", "instructions>", "share>", "per MAC>"]
    table = new_table(*headers, *["cycles>"] * has_cycles, *["scratch>"] * has_scratch)
    total = sum(step.instructions or 0 for step in steps)
    scope = common_scope([layer for step in steps for layer in step.layers])
    for index, step in enumerate(steps):
        table.add_row(
            str(index),
            Text(layers_text([layer.removeprefix(scope) for layer in step.layers])),
            step.kernel,
            count_text(step.macs),
            *_instructions_texts(step, total),
            *[count_text(step.cycles)] * has_cycles,
            *[count_text(step.scratch_bytes)] * has_scratch,
        )
    return table


def _instructions_texts(step: StepMeasurement, total: int) -> tuple[str, str, str]:
    """Instructions, their share of all, and how many a MAC takes."""
    if step.instructions is None:
        return NOT_KNOWN, NOT_KNOWN, NOT_KNOWN
    share = percent_text(step.instructions / total, 1) if total else NOT_KNOWN
    per_mac = f"{step.instructions / step.macs:.2f}" if step.macs else "-"
    return count_text(step.instructions), share, per_mac


def sections_table(build: Build) -> Table:
    """Every section of the ELF, and what its flash is taken by."""
    table = new_table("section", "bytes>")
    for name, size_bytes in build.image.sections.items():
        table.add_row(name, count_text(size_bytes))
    if not build.board.is_host:
        table.add_section()
        for name, size_bytes in build.image.flash_groups(build.name).items():
            table.add_row(f"flash: {name}", count_text(size_bytes))
        table.add_row("flash: all but constants", count_text(build.image.code_bytes))
    return table


def boards_table(boards: Iterable[Board]) -> Table:
    """One row a board."""
    table = new_table("board", "core", "clock>", "flash>", "RAM>", "links", "what it is")
    for board in boards:
        clock = f"{board.clock_hz / 1e6:g} MHz" if board.clock_hz else NOT_KNOWN
        sizes = (bytes_text(region.bytes) if region else NOT_KNOWN for region in (board.flash, board.ram))
        table.add_row(board.name, board.core, clock, *sizes, ", ".join(board.links), Text(board.description))
    return table


def tools_table(tools: Iterable[Any]) -> Table:
    """One row a tool of `build.find_tools`."""
    table = new_table("tool", "version", "what for", "where, or how to install it", overflow="fold")
    for tool in tools:
        version = tool.version if tool.is_found else Text("not found", style="yellow")
        where = tool.path if tool.is_found else tool.install
        table.add_row(tool.name, version, tool.purpose, Text(f"{where}; {tool.note}" if tool.note else str(where)))
    return table


def flash_tools_table(tools: Iterable[Any]) -> Table:
    """One row a tool of `pipeline.flash_tools`."""
    table = new_table("to flash boards", "where, or how to get it", "boards", overflow="fold")
    for tool in tools:
        where = Text(tool.where) if tool.where else Text(f"not found: {tool.install}", style="yellow")
        table.add_row(tool.name, where, ", ".join(tool.boards))
    return table


def new_table(*headers: str, overflow: OverflowMethod = "ellipsis") -> Table:
    """A table with these headers; one that ends in > is a column of numbers, which is never cut or wrapped."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for header in headers:
        name, is_number = header.removesuffix(">"), header.endswith(">")
        table.add_column(name, justify="right" if is_number else "left", no_wrap=is_number, overflow=overflow)
    return table


def new_pairs() -> Table:
    """A table of names and what is said of them."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    return table


def _fits_text(inspection: Inspection) -> Text:
    if inspection.fits is None:
        return Text("not known: the board has no fixed memory")
    parts = (("flash", inspection.flash_free_bytes), ("RAM", inspection.ram_free_bytes))
    known = ((name, free) for name, free in parts if free is not None)
    said = [f"{bytes_text(abs(free))} of {name} {'left' if free >= 0 else 'TOO FEW'}" for name, free in known]
    word = "yes" if inspection.fits else "no"
    return Text(
        f"{word}: {', '.join(said)}, before code and static data", style="green" if inspection.fits else "bold red"
    )


def _accuracy_text(m: Measurement) -> str:
    if m.accuracy is None:
        return f"{NOT_KNOWN} (the data have no labels)"
    right = f"{percent_text(m.accuracy)} ({round(m.accuracy * m.samples):,} of {m.samples:,})"
    return f"{right}; the reference has {percent_text(m.reference_accuracy)}"


def _agreement_text(m: Measurement) -> str:
    if m.bit_exact:
        return "bit-exact: every output byte of every sample equals the reference"
    if m.agrees:
        return f"float: the greatest error is {m.max_error:.1e} of an output's range, within the tolerance"
    fact = "NOT bit-exact" if m.max_error is None else "NOT within the tolerance of float"
    classes = f"{fact}; {percent_text(m.agreement)} of the samples get the reference's class"
    return f"{classes}; first: {difference_text(m.first_difference)}" if m.first_difference else classes
