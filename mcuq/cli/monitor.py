"""`mcuq monitor`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mcuq.cli import terminal
from mcuq.cli.arguments import JsonFileOption, LinkOption
from mcuq.cli.run import BaudOption, PortOption, serial_link
from mcuq.errors import InvalidProject


def monitor(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="The folder of a build, or of `mcuq codegen`, with --monitors; or its _monitors.json."
        ),
    ],
    port: PortOption = None,
    baud: BaudOption = None,
    link: LinkOption = None,
    dump: Annotated[
        Path | None,
        typer.Option(
            "--dump", metavar="FILE", help="Read the bytes of a <name>_monitors_t, as your own telemetry brings them."
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", "-d", metavar="FILE.npz", help="Infer these first: an emulator has counted nothing."),
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="Only the first N samples.")] = None,
    json: JsonFileOption = None,
) -> None:
    """Read what a model built with --monitors has counted: saturation and range of each step, where its inputs lay.

    The device is asked over its link, and goes on counting. --json keeps it for `mcuq recalibrate`.
    """
    from mcuq import pipeline
    from mcuq.report.field_tables import inputs_of_field_table, steps_of_field_table, summary_of_field

    if dump is not None and (port or link or data):
        raise InvalidProject("--dump is read as it is; leave out --port, --link and --data, which are for a device")
    _, build = pipeline.watching(folder)
    samples = None
    if data is not None:
        if build is None:
            raise InvalidProject(f"--data are inferred by a build, and {folder} is none; leave it out")
        samples = pipeline.load_samples(data, build.graph, limit)
    with terminal.working("reading the counters"):
        reading = pipeline.monitor(
            folder, dump=dump, link=serial_link(link, port, baud), port=port, baud=baud, samples=samples
        )
    to_stderr = json == terminal.STANDARD_OUTPUT
    terminal.show(
        steps_of_field_table(reading), inputs_of_field_table(reading), summary_of_field(reading), stderr=to_stderr
    )
    if not reading.inferences:
        terminal.warn("no inference was counted yet; an emulator needs --data")
    if json is not None:
        terminal.write_json(json, pipeline.reading_to_json(reading))
