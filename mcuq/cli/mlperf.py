"""`mcuq mlperf`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mcuq.cli import terminal
from mcuq.cli.arguments import BoardOption, CompilerOption, JsonFileOption, LinkOption, NameOption
from mcuq.cli.build import BenchmarkOption, EnergyModeOption, build_model
from mcuq.cli.run import BaudOption, PortOption, opened_build, refuse_options_of_build, serial_link
from mcuq.cli.settings import check_link, settings


def mlperf(
    model: Annotated[
        Path | None,
        typer.Argument(metavar="MODEL|DIR", help="A model file, or the folder of a build with --firmware mlperf-tiny."),
    ] = None,
    board: BoardOption = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", "-d", metavar="FILE.npz", help="Inputs `x`, labels `y`; `clip` numbers recordings of ad01."
        ),
    ] = None,
    benchmark: BenchmarkOption = None,
    energy_mode: EnergyModeOption = False,
    link: LinkOption = None,
    port: PortOption = None,
    baud: BaudOption = None,
    limit: Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="Only the first N samples.")] = None,
    windows: Annotated[
        int, typer.Option("--windows", metavar="N", min=1, help="Performance windows; a valid run has 5.")
    ] = 5,
    json: JsonFileOption = None,
    name: NameOption = None,
    compiler: CompilerOption = None,
) -> None:
    """Run an MLPerf Tiny benchmark: performance (5 windows, their median) and accuracy over the data.

    Speaks the benchmark's own protocol to firmware of `mcuq build --firmware mlperf-tiny`, which is built first where a
    model file is given. On emulators it says which time base the figures have.
    """
    from mcuq import pipeline
    from mcuq.report.benchmark import benchmark_table, benchmark_to_json, windows_table

    link = serial_link(link, port, baud)
    given = settings(model, board, name, compiler, None, None, link)
    path = given.required_data(data)
    said = {"--name": name, "--compiler": compiler, "--benchmark": benchmark, "--energy-mode": energy_mode or None}
    refuse_options_of_build(model, said)
    if model is not None and model.is_dir():
        made = opened_build(model, board, link)
    else:
        check_link(given.required_board(), given.options.link)
        made = build_model(given, None, None, "mlperf-tiny", benchmark, energy_mode)
    samples = pipeline.benchmark_samples(path, made, limit)
    with terminal.progress(f"MLPerf Tiny on {made.board.name}") as update:
        result = pipeline.mlperf(
            made, samples, link=given.options.link, port=port, baud=baud, data=path, windows=windows, progress=update
        )
    to_stderr = json == terminal.STANDARD_OUTPUT
    if result.windows:
        terminal.show(windows_table(result), stderr=to_stderr)
    terminal.show(benchmark_table(result), stderr=to_stderr)
    if json is not None:
        terminal.write_json(json, benchmark_to_json(result))
