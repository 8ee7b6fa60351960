"""Options that say which data to use and what is done to raw ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from mcuq.perturb import Perturbation
    from mcuq.pipeline import Preprocessing

_PANEL = "Data"

DataOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--data",
        "-d",
        metavar="FILE.npz|DIR",
        help="An .npz with inputs `x` and labels `y`, or a folder of images or .wav files (sub-folders are classes); "
        "may be given several times.",
        rich_help_panel=_PANEL,
    ),
]
LimitOption = Annotated[
    int | None, typer.Option("--limit", metavar="N", min=1, help="Only the first N samples.", rich_help_panel=_PANEL)
]
ResizeOption = Annotated[
    str | None,
    typer.Option("--resize", metavar="HxW", help="Size of images; the model's when left out.", rich_help_panel=_PANEL),
]
ScaleOption = Annotated[
    float | None,
    typer.Option(
        "--scale",
        metavar="S",
        help="Real = (raw - mean) * S; raw is 0..255 in images, -32768..32767 in .wav files. 1 when left out.",
        rich_help_panel=_PANEL,
    ),
]
MeanOption = Annotated[
    str | None,
    typer.Option(
        "--mean", metavar="M|R,G,B", help="Subtracted before --scale; 0 when left out.", rich_help_panel=_PANEL
    ),
]
ColorsOption = Annotated[
    bool | None,
    typer.Option("--rgb/--gray", help="Colours of images; the model's when left out.", rich_help_panel=_PANEL),
]
PerturbOption = Annotated[
    list[str] | None,
    typer.Option(
        "--perturb",
        metavar="noise|shift|brightness|all",
        help="Measure accuracy on disturbed inputs too; may be given several times.",
    ),
]
InterpreterOption = Annotated[
    bool, typer.Option("--interpreter", help="Compute with the interpreter in place of compiled C: same bits, slower.")
]


def preprocessing(resize: str | None, scale: float | None, mean: str | None, rgb: bool | None) -> Preprocessing:
    """What the options say; raises BadParameter."""
    from mcuq.pipeline import Preprocessing

    return Preprocessing(
        resize=None if resize is None else _size(resize),
        scale=scale,
        mean=None if mean is None else _numbers(mean),
        colors=None if rgb is None else ("rgb" if rgb else "gray"),
    )


def _size(text: str) -> tuple[int, int]:
    height, separator, width = text.lower().partition("x")
    if not (separator and height.isdecimal() and width.isdecimal() and int(height) and int(width)):
        raise typer.BadParameter(f"{text!r} is not a size such as 96x96", param_hint="--resize")
    return int(height), int(width)


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not a number, nor numbers with commas", param_hint="--mean") from error


def perturbations(names: list[str] | None) -> tuple[Perturbation, ...]:
    """The perturbations of those names; raises BadParameter."""
    if not names:
        return ()
    from mcuq.perturb import PERTURBATIONS

    known = {kind.name: kind for kind in PERTURBATIONS}
    for name in names:
        if name not in (*known, "all"):
            raise typer.BadParameter(f"{name!r} is none of {', '.join(known)}, all", param_hint="--perturb")
    return PERTURBATIONS if "all" in names else tuple(known[name] for name in dict.fromkeys(names))
