"""Arguments and options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ModelArgument = Annotated[
    Path | None,
    typer.Argument(metavar="MODEL", help="A .tflite or .mcuq file; the one in mcuq.toml when left out."),
]
BoardOption = Annotated[
    str | None,
    typer.Option("--board", "-b", metavar="BOARD", help="A name from `mcuq boards`, or the path of a board's .toml."),
]
NameOption = Annotated[
    str | None,
    typer.Option("--name", metavar="NAME", help="Prefix of all C names; made of the file's name when left out."),
]
CompilerOption = Annotated[
    str | None,
    typer.Option("--compiler", metavar="gcc|clang|zig", help="The first that is installed when left out."),
]
KeepInputsOption = Annotated[
    bool | None,
    typer.Option(
        "--keep-inputs/--no-keep-inputs", help="Do not reuse the inputs' memory while the model runs (larger arena)."
    ),
]
LinkOption = Annotated[
    str | None,
    typer.Option("--link", metavar="sim|qemu|host", help="How to reach the board; its first link when left out."),
]
JsonFileOption = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", help="Write the figures to FILE as JSON; - is standard output."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
