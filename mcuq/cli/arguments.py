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
RemoveDeadChannelsOption = Annotated[
    bool | None,
    typer.Option(
        "--remove-dead-channels/--no-remove-dead-channels",
        help="Leave out channels that no input can move (the default: no output changes by a bit), or keep them all.",
    ),
]
OptimizeOption = Annotated[
    str | None,
    typer.Option(
        "--optimize",
        metavar="speed|size|balanced|ram",
        help="What kernels are chosen for: few cycles (a KB of flash for 0.1 % of them), little flash (a KB for 8 %), "
        "a trade (the default: a KB for 1 %), least RAM.",
    ),
]
TuneOption = Annotated[
    bool | None,
    typer.Option(
        "--tune/--no-tune",
        help="Measure every way to compute each layer on the simulator, in place of estimating (kept in the cache).",
    ),
]
RamConstantsOption = Annotated[
    str | None,
    typer.Option(
        "--ram-constants",
        metavar="none|all|BYTES|LAYERS",
        help="Which weights and tables start-up copies from flash into RAM: those of layers by name, separated by "
        "commas, or as many BYTES as are read most often.",
    ),
]
EnergyPinOption = Annotated[
    bool | None,
    typer.Option(
        "--energy-pin/--no-energy-pin",
        help="The firmware raises the marker pin of its board while it infers, for `run --energy-monitor`.",
    ),
]
MonitorsOption = Annotated[
    bool | None,
    typer.Option(
        "--monitors/--no-monitors",
        help="Count what the model does in the field: saturation and range of each step, where inputs lie. "
        "`mcuq monitor` reads it.",
    ),
]
LinkOption = Annotated[
    str | None,
    typer.Option(
        "--link", metavar="sim|qemu|renode|host|serial|gdb", help="The road to the board; else its first link."
    ),
]
JsonFileOption = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", help="Write the figures to FILE as JSON; - is standard output."),
]


def _use_ops(context: typer.Context, paths: list[Path] | None) -> list[Path] | None:
    """Make the ops known until the command ends."""
    if paths and not context.resilient_parsing:
        from mcuq.pipeline.extensions import user_ops

        context.with_resource(user_ops(*paths))
    return paths


OpOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--op",
        metavar="FILE.py",
        callback=_use_ops,
        help="A Python file that adds an op of your own (mcuq/ops/README.md); may be given several times.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
