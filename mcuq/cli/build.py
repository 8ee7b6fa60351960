"""`mcuq build`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mcuq.cli import terminal
from mcuq.cli.arguments import (
    BoardOption,
    CompilerOption,
    EnergyPinOption,
    KeepInputsOption,
    ModelArgument,
    MonitorsOption,
    NameOption,
    OpOption,
    OptimizeOption,
    RamConstantsOption,
    RemoveDeadChannelsOption,
    TuneOption,
)
from mcuq.cli.data import ColorsOption, DataOption, MeanOption, ResizeOption, ScaleOption, preprocessing
from mcuq.cli.quantize import FirstOption, RecipeOption, SamplesOption, SeedOption, quantized_model
from mcuq.cli.settings import Settings, build_folder, settings
from mcuq.errors import InvalidProject

FIRMWARES = ("mcuq", "mlperf-tiny")

if TYPE_CHECKING:
    from mcuq.artifacts import Build, Goal
    from mcuq.ir import Graph


BenchmarkOption = Annotated[
    str | None,
    typer.Option(
        "--benchmark",
        metavar="NAME",
        help="ic01, kws01, vww01, ad01 or strww01; told by the model's input when left out.",
    ),
]
EnergyModeOption = Annotated[
    bool, typer.Option("--energy-mode", help="Timestamps of mlperf-tiny are edges of a pin, not lines.")
]


def _known_firmware(name: str) -> str:
    if name not in FIRMWARES:
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(FIRMWARES)}")
    return name


def build(
    model: ModelArgument = None,
    board: BoardOption = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Where to build; build/<name>-<board> when left out."),
    ] = None,
    name: NameOption = None,
    compiler: CompilerOption = None,
    keep_inputs: KeepInputsOption = None,
    remove_dead_channels: RemoveDeadChannelsOption = None,
    optimize: OptimizeOption = None,
    tune: TuneOption = None,
    ram_constants: RamConstantsOption = None,
    energy_pin: EnergyPinOption = None,
    monitors: MonitorsOption = None,
    max_flash: Annotated[
        int | None,
        typer.Option(
            "--max-flash",
            metavar="BYTES",
            min=0,
            help="Constants + code, at most; kernels that take much flash for few cycles (Winograd) are offered then.",
        ),
    ] = None,
    max_ram: Annotated[
        int | None, typer.Option("--max-ram", metavar="BYTES", min=0, help="Arena + static + stack, at most.")
    ] = None,
    data: DataOption = None,
    recipe: RecipeOption = None,
    samples: SamplesOption = 200,
    first: FirstOption = False,
    seed: SeedOption = 0,
    resize: ResizeOption = None,
    scale: ScaleOption = None,
    mean: MeanOption = None,
    rgb: ColorsOption = None,
    op: OpOption = None,
    firmware: Annotated[
        str,
        typer.Option(
            "--firmware", metavar="mcuq|mlperf-tiny", callback=_known_firmware, help="The protocol that it speaks."
        ),
    ] = "mcuq",
    benchmark: BenchmarkOption = None,
    energy_mode: EnergyModeOption = False,
) -> None:
    """Build the firmware of a model for a board; a float model is quantized on the way when --data or --recipe say so.

    Writes C sources (src/), the firmware (firmware.elf), the model as it runs (graph.mcuq) and every figure
    (build.json), and draws what fills the board's memory. `mcuq run DIR` runs it.
    """
    given = settings(
        model,
        board,
        name,
        compiler,
        keep_inputs,
        output,
        remove_dead_channels=remove_dead_channels,
        optimize=optimize,
        tune=tune,
        ram_constants=ram_constants,
        energy_pin=energy_pin,
        monitors=monitors,
    )
    prepared = preprocessing(resize, scale, mean, rgb)
    source = [str(path) for path in given.required_data_list(data)] if data or recipe else []

    def quantizing(graph: Graph) -> Graph:
        quantized = quantized_model(given, graph, source, recipe, samples, first, seed, prepared)
        for sentence in quantized.report.warnings:
            terminal.warn(sentence)
        return quantized.graph

    made = build_model(
        given,
        quantizing if source else None,
        given.goal(max_flash, max_ram, enforced=max_flash is not None or max_ram is not None),
        firmware,
        benchmark,
        energy_mode,
    )
    show_build(made)
    terminal.say(f"{made.image.compiler}; firmware, sources and build.json are in {made.folder}")


def build_model(
    given: Settings,
    quantizing: Callable[[Graph], Graph] | None = None,
    goal: Goal | None = None,
    firmware: str = "mcuq",
    benchmark: str | None = None,
    energy_mode: bool = False,
) -> Build:
    """Build what the settings say, of the graph that `quantizing` makes of the model's, for a goal or the project's.

    Raises InvalidProject for options of another firmware.
    """
    if firmware == "mcuq" and (benchmark is not None or energy_mode):
        raise InvalidProject("--benchmark and --energy-mode are of --firmware mlperf-tiny; add that, or leave them out")
    from mcuq import pipeline
    from mcuq.artifacts import BenchmarkFirmware
    from mcuq.codegen import model_name

    path, board = given.required_model("build"), given.required_board()
    graph = pipeline.load(path)
    if quantizing is not None:
        graph = quantizing(graph)
    goal = goal or given.goal(None, None, enforced=False)
    what = f"building {path.name} for {board.name}"
    with terminal.stages(what) if goal.tune else terminal.working(what) as progress:
        name = model_name(given.name or graph.name)
        return pipeline.build(
            graph,
            board,
            build_folder(given.options, name, board),
            name=name,
            compiler=given.options.compiler,
            keep_inputs=given.options.keep_inputs,
            remove_dead_channels=given.options.remove_dead_channels,
            board_file=given.board_file(),
            goal=goal,
            progress=progress,
            mlperf=None
            if firmware == "mcuq"
            else BenchmarkFirmware(pipeline.benchmark_named(benchmark, graph).name, energy_mode),
        )


def _show_choice(made: Build) -> None:
    """Where a goal was said: what was chosen, and beside it what other goals would cost."""
    from mcuq import pipeline
    from mcuq.artifacts import Goal
    from mcuq.report.tables import trade_table

    if replace(made.goal, enforced=True) == Goal():
        return
    found = pipeline.trade(
        made.schedule.graph, made.board, keep_inputs=made.schedule.keep_inputs, remove_dead_channels=False
    )
    terminal.show_heading("cycles against bytes, by estimate: this build and what each goal would choose")
    terminal.show(trade_table(found, made))


def show_build(made: Build) -> None:
    """Memory map, arena over the steps, sections."""
    from mcuq.report.memory_map import arena_table, memory_table
    from mcuq.report.tables import sections_table

    terminal.show_heading(f"{made.name} for {made.board.name}: memory")
    terminal.show(memory_table(made))
    _show_choice(made)
    terminal.show_heading("arena: buffers and the steps that use them")
    terminal.show(arena_table(made.plan))
    terminal.show_heading("sections of the firmware")
    terminal.show(sections_table(made))
