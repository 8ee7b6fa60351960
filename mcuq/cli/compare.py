"""`mcuq compare`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mcuq.cli import terminal
from mcuq.cli.arguments import (
    BoardOption,
    CompilerOption,
    JsonFileOption,
    OpOption,
    OptimizeOption,
    RemoveDeadChannelsOption,
)
from mcuq.cli.data import (
    ColorsOption,
    DataOption,
    InterpreterOption,
    LimitOption,
    MeanOption,
    ResizeOption,
    ScaleOption,
    preprocessing,
)
from mcuq.cli.quantize import EvalOption, FirstOption, SamplesOption, SeedOption, quantized_model
from mcuq.cli.settings import Settings, settings
from mcuq.errors import InvalidModel

if TYPE_CHECKING:
    from mcuq.artifacts import Comparison, Measurement
    from mcuq.boards import Board
    from mcuq.ir import Graph
    from mcuq.project import Options

_COUNTED = 3


def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help="A model file; with --model also a recipe.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="Another one; what A is measured against.")],
    data: DataOption = None,
    model: Annotated[
        Path | None, typer.Option("--model", metavar="MODEL", help="The float model that A and B are recipes for.")
    ] = None,
    board: BoardOption = None,
    remove_dead_channels: RemoveDeadChannelsOption = None,
    optimize: OptimizeOption = None,
    evaluation: EvalOption = None,
    limit: LimitOption = None,
    samples: SamplesOption = 200,
    first: FirstOption = False,
    seed: SeedOption = 0,
    json: JsonFileOption = None,
    interpreter: InterpreterOption = False,
    compiler: CompilerOption = None,
    resize: ResizeOption = None,
    scale: ScaleOption = None,
    mean: MeanOption = None,
    rgb: ColorsOption = None,
    op: OpOption = None,
) -> None:
    """Put two models, or two recipes for one model, side by side: accuracy, agreement, SQNR, flash, RAM, MACs.

    With --board both are built and run there too, which adds instructions and what the firmware takes as a whole.
    """
    from mcuq import pipeline

    given = settings(None, compiler=compiler, remove_dead_channels=remove_dead_channels, optimize=optimize)
    prepared = preprocessing(resize, scale, mean, rgb)
    source: Any = [str(path) for path in given.required_data_list(data)]
    base = None if model is None else pipeline.load(model)
    graphs = tuple(_graph(given, which, base, source, samples, first, seed, prepared) for which in (a, b))
    if base is not None and not evaluation:
        split = pipeline.split_of(
            pipeline.load_samples(source, base, None, prepared).count, samples, seed=seed, first=first
        )
        source = pipeline.held_out(source, split, prepared)
    elif evaluation:
        source = [str(path) for path in evaluation]
    with terminal.progress("evaluating") as update:
        comparison = pipeline.compare(
            graphs[0],
            graphs[1],
            source,
            limit=limit,
            preprocessing=prepared,
            use_interpreter=interpreter,
            compiler=compiler,
            progress=update,
        )
    measured = _on_board(graphs, source, prepared, board, given.options) if board else None
    _show(comparison, measured, json)


def _graph(
    given: Settings, which: Path, base: Graph | None, source: Any, samples: int, first: bool, seed: int, prepared: Any
) -> Graph:
    """A model file, or what the recipe of that name makes of the base model."""
    from dataclasses import replace

    from mcuq import pipeline

    if which.suffix != ".toml" and (which.exists() or base is None):
        return replace(pipeline.load(which), name=which.stem)
    if base is None:
        raise InvalidModel(f"'{which}' is a recipe; name the float model that it is for with --model")
    made = quantized_model(given, base, source, str(which), samples, first, seed, prepared)
    return replace(made.graph, name=f"{base.name} {made.report.recipe}")


def _on_board(
    graphs: tuple[Graph, ...], source: Any, prepared: Any, board_name: str, options: Options
) -> tuple[Measurement, ...]:
    """Both built and run on the board, a few samples each."""
    from mcuq import pipeline
    from mcuq.artifacts import Goal
    from mcuq.cli.settings import board_named

    board: Board = board_named(board_name)
    found = []
    for graph in graphs:
        with tempfile.TemporaryDirectory(prefix="mcuq-compare-") as folder, terminal.working(f"running {graph.name}"):
            made = pipeline.build(
                graph,
                board,
                Path(folder),
                compiler=options.compiler,
                remove_dead_channels=options.remove_dead_channels,
                goal=Goal(options.optimize, tune=options.tune),
            )
            samples = pipeline.load_samples(source, graph, _COUNTED, prepared)
            found.append(pipeline.run(made, samples, count_samples=_COUNTED))
    return tuple(found)


def _show(comparison: Comparison, measured: tuple[Measurement, ...] | None, json: Path | None) -> None:
    from mcuq.report import measurement_to_json
    from mcuq.report.evaluation_documents import comparison_to_json
    from mcuq.report.evaluation_tables import measured_rows, side_by_side_table

    rows = measured_rows(*measured) if measured else ()
    terminal.show(side_by_side_table(comparison, rows), stderr=json == terminal.STANDARD_OUTPUT)
    for note in dict.fromkeys((comparison.model.note, comparison.reference.note)):
        if note:
            terminal.warn(note)
    if json is not None:
        on_board = [measurement_to_json(measurement) for measurement in measured] if measured else None
        terminal.write_json(json, {**comparison_to_json(comparison), "on_board": on_board})
