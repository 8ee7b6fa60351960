"""`mcuq inspect`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from mcuq.cli import terminal
from mcuq.cli.arguments import (
    BoardOption,
    JsonFileOption,
    KeepInputsOption,
    ModelArgument,
    OpOption,
    OptimizeOption,
    RemoveDeadChannelsOption,
)
from mcuq.cli.settings import settings
from mcuq.errors import UnsupportedModel


def inspect(
    model: ModelArgument = None,
    board: BoardOption = None,
    keep_inputs: KeepInputsOption = None,
    remove_dead_channels: RemoveDeadChannelsOption = None,
    optimize: OptimizeOption = None,
    goals: Annotated[
        bool, typer.Option("--goals", help="Also list what each goal of --optimize would cost in cycles and bytes.")
    ] = False,
    json: JsonFileOption = None,
    op: OpOption = None,
) -> None:
    """Show a model's layers, its exact arena and constants, and whether it fits a board.

    Nothing is compiled. The arena is that of the portable kernels when no board is named. What is not supported is
    listed all at once, each with the reason; the exit status is then 2.
    """
    from mcuq import pipeline
    from mcuq.report import inspection_to_json, refused_to_json
    from mcuq.report.tables import layers_table, summary_table, trade_table

    given = settings(
        model, board, keep_inputs=keep_inputs, remove_dead_channels=remove_dead_channels, optimize=optimize
    )
    path, chosen = given.required_model("inspect"), given.board()
    try:
        graph = pipeline.load(path)
    except UnsupportedModel as error:
        if not error.reasons:
            raise
        name = chosen.name if chosen else None
        _refuse(path.stem, error.reasons, refused_to_json(path.stem, name, error.reasons), json)
    options = given.options
    inspection = pipeline.inspect(
        graph,
        chosen,
        keep_inputs=options.keep_inputs,
        remove_dead_channels=options.remove_dead_channels,
        optimize=options.optimize,
    )
    document = inspection_to_json(inspection)
    if inspection.refused:
        _refuse(graph.name, inspection.refused, document, json)
    to_stderr = json == terminal.STANDARD_OUTPUT
    terminal.show(layers_table(inspection), summary_table(inspection), stderr=to_stderr)
    if goals:
        found = pipeline.trade(inspection.graph, chosen, keep_inputs=options.keep_inputs, remove_dead_channels=False)
        terminal.show_heading("cycles against bytes, by estimate: what each goal would choose", stderr=to_stderr)
        terminal.show(trade_table(found), stderr=to_stderr)
    if json is not None:
        terminal.write_json(json, document)


def _refuse(name: str, refused: Sequence[Any], document: dict[str, Any], json: Path | None) -> NoReturn:
    """Everything that stands in the way, and exit status 2."""
    from mcuq.report.figures import printable
    from mcuq.report.tables import refused_table

    if json is not None:
        terminal.write_json(json, document)
    terminal.error(f"mcuq does not support '{printable(name)}' yet:")
    terminal.show(refused_table(refused), stderr=True)
    raise typer.Exit(terminal.USER_ERROR)
