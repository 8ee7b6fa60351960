"""`mcuq codegen`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mcuq.cli import terminal
from mcuq.cli.arguments import (
    BoardOption,
    KeepInputsOption,
    ModelArgument,
    MonitorsOption,
    NameOption,
    OpOption,
    OptimizeOption,
    RamConstantsOption,
    RemoveDeadChannelsOption,
)
from mcuq.cli.settings import settings
from mcuq.errors import InvalidProject


def codegen(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Where to write the C files.")],
    model: ModelArgument = None,
    board: BoardOption = None,
    name: NameOption = None,
    layout: Annotated[
        str,
        typer.Option(
            "--layout",
            metavar="plain|make|cmake|zephyr|esp-idf|platformio|arduino|cmsis-pack|rust",
            help="Folders, metadata and example as that ecosystem wants them.",
        ),
    ] = "plain",
    selftest: Annotated[
        int | None,
        typer.Option(
            "--selftest",
            metavar="N",
            min=0,
            help="Embed N inputs and a checksum per step; adds <name>_selftest(). 1 when left out, 0 if plain.",
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option("--labels", metavar="FILE.txt", help="Names of the classes, one a line, as a table in flash."),
    ] = None,
    protocol: Annotated[
        bool,
        typer.Option("--protocol", help="Add the serial protocol's device side: `mcuq run` then reaches the model."),
    ] = False,
    keep_inputs: KeepInputsOption = None,
    remove_dead_channels: RemoveDeadChannelsOption = None,
    optimize: OptimizeOption = None,
    ram_constants: RamConstantsOption = None,
    monitors: MonitorsOption = None,
    op: OpOption = None,
) -> None:
    """Write only the C of a model, to be compiled into a program of your own.

    Prints the one line that compiles it. The code needs no library, no heap and no operating system. A board chooses
    kernels and compiler flags; without one the kernels are portable C.
    """
    from mcuq import pipeline

    given = settings(
        model,
        board,
        name,
        keep_inputs=keep_inputs,
        remove_dead_channels=remove_dead_channels,
        optimize=optimize,
        ram_constants=ram_constants,
        monitors=monitors,
    )
    generated = pipeline.codegen(
        pipeline.load(given.required_model("codegen")),
        output,
        name=given.name,
        keep_inputs=given.options.keep_inputs,
        remove_dead_channels=given.options.remove_dead_channels,
        optimize=given.options.optimize,
        ram_constants=given.options.ram_constants,
        monitors=bool(given.options.monitors),
        selftest=selftest,
        layout=layout,
        protocol=protocol,
        labels=_lines(labels),
        board=given.board(),
    )
    written = [file.path for file in generated.sources.files if (output / file.path).is_file()]
    terminal.say(f"wrote {output}: {', '.join(written)}")
    arena_bytes, constant_bytes = generated.plan.arena_bytes, generated.schedule.constant_bytes
    copied_bytes = generated.schedule.ram_constant_bytes
    copied = f", {copied_bytes:,} of them copied into RAM by your start-up (.data)" if copied_bytes else ""
    terminal.say(f"arena {arena_bytes:,} bytes of RAM, constants {constant_bytes:,} bytes of flash{copied}")
    terminal.say("compile it there with:")
    terminal.say(generated.compile_line)


def _lines(path: Path | None) -> tuple[str, ...]:
    """The lines of a text file that are not empty; raises InvalidProject where it is none."""
    if path is None:
        return ()
    try:
        return tuple(line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    except UnicodeDecodeError as error:
        raise InvalidProject(f"{path} is not a text file in UTF-8: {error}; write one label a line") from error
