"""`mcuq profile`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mcuq.cli import terminal
from mcuq.cli.arguments import (
    BoardOption,
    CompilerOption,
    JsonFileOption,
    KeepInputsOption,
    NameOption,
    OptimizeOption,
    RamConstantsOption,
    RemoveDeadChannelsOption,
    TuneOption,
)
from mcuq.cli.run import built_or_opened, refuse_options_of_build
from mcuq.cli.settings import settings

if TYPE_CHECKING:
    from mcuq.artifacts import Build, Profile


def profile(
    model: Annotated[
        Path | None,
        typer.Argument(
            metavar="MODEL|DIR", help="A model file, or the folder of a build; the model in mcuq.toml when left out."
        ),
    ] = None,
    board: BoardOption = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", "-d", metavar="FILE.npz", help="Inputs `x`; seeded random inputs when left out."),
    ] = None,
    memory: Annotated[
        str | None,
        typer.Option(
            "--memory",
            metavar="MODEL",
            help="Whose flash and caches to add: stm32l4r5, stm32u575, stm32u385, stm32g0b1, or a .toml file; "
            "the board's own where there is one.",
        ),
    ] = None,
    hot: Annotated[
        int, typer.Option("--hot", metavar="N", min=0, help="List the N blocks that take most cycles, disassembled.")
    ] = 0,
    count_samples: Annotated[
        int, typer.Option("--count-samples", metavar="N", min=1, help="On how many samples to count.")
    ] = 1,
    json: JsonFileOption = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write a page with charts to FILE.")
    ] = None,
    name: NameOption = None,
    compiler: CompilerOption = None,
    keep_inputs: KeepInputsOption = None,
    remove_dead_channels: RemoveDeadChannelsOption = None,
    optimize: OptimizeOption = None,
    tune: TuneOption = None,
    ram_constants: RamConstantsOption = None,
) -> None:
    """Say where the cycles of one inference go, by layer and by function, without a board.

    The simulator counts every executed instruction; a table of the core prices them at zero wait states, and --memory
    adds what the flash and caches of a real board cost. Both figures are estimates and say how far off such estimates
    were. Two runs give the same figures.
    """
    given = settings(
        model,
        board,
        name,
        compiler,
        keep_inputs,
        remove_dead_channels=remove_dead_channels,
        optimize=optimize,
        tune=tune,
        ram_constants=ram_constants,
    )
    of_build: dict[str, object] = {"--name": name, "--compiler": compiler, "--keep-inputs": keep_inputs}
    of_build |= {"--remove-dead-channels": remove_dead_channels, "--optimize": optimize, "--tune": tune}
    of_build["--ram-constants"] = ram_constants
    refuse_options_of_build(model, of_build)
    made = built_or_opened(model, board, given)
    found = _profile(made, data, memory, count_samples, hot)
    _show(found, to_stderr=json == terminal.STANDARD_OUTPUT)
    if json is not None:
        from mcuq.report.profile_documents import profile_to_json

        terminal.write_json(json, profile_to_json(found))
    if html is not None:
        from mcuq.report.profile_page import profile_page

        terminal.write_text(html, profile_page(found))


def _profile(made: Build, data: Path | None, memory: str | None, count_samples: int, hot: int) -> Profile:
    from mcuq import pipeline

    samples = None if data is None else pipeline.load_samples(data, made.graph, count_samples)
    with terminal.working(f"counting on {made.board.name}"):
        return pipeline.profile(made, samples, memory=memory, count_samples=count_samples, hot=hot)


def _show(found: Profile, to_stderr: bool) -> None:
    from mcuq.report.profile_tables import (
        functions_table,
        hot_block_table,
        hot_block_text,
        steps_table,
        summary_table,
    )

    terminal.show(steps_table(found), functions_table(found), stderr=to_stderr)
    for block in found.hot:
        terminal.show_heading(hot_block_text(block, found.cost.cycles), stderr=to_stderr)
        terminal.show(hot_block_table(block), stderr=to_stderr)
    terminal.show(summary_table(found), stderr=to_stderr)
