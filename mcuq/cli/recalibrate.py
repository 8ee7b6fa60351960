"""`mcuq recalibrate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mcuq.cli import terminal
from mcuq.cli.arguments import JsonFileOption, OpOption
from mcuq.cli.data import (
    ColorsOption,
    DataOption,
    MeanOption,
    ResizeOption,
    ScaleOption,
    preprocessing,
)
from mcuq.cli.quantize import FloatModelArgument, RecipeOption, SamplesOption, SeedOption
from mcuq.cli.settings import settings


def recalibrate(
    model: FloatModelArgument = None,
    monitors: Annotated[
        Path, typer.Option("--monitors", metavar="FILE.json", help="What `mcuq monitor --json` wrote.")
    ] = Path("monitors.json"),
    data: DataOption = None,
    deployed: Annotated[
        Path | None,
        typer.Option(
            "--deployed",
            metavar="MODEL",
            help="The quantized model in the field; the recipe on the data as they are when left out.",
        ),
    ] = None,
    recipe: RecipeOption = None,
    samples: SamplesOption = 200,
    seed: SeedOption = 0,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Also write the proposed model.")
    ] = None,
    json: JsonFileOption = None,
    resize: ResizeOption = None,
    scale: ScaleOption = None,
    mean: MeanOption = None,
    rgb: ColorsOption = None,
    op: OpOption = None,
) -> None:
    """Propose another calibration for what the field showed, with the accuracy before and after.

    The data are moved to the mean and deviation of the field's inputs; the float model is calibrated on both, and the
    deployed and the proposed model are measured on both. Nothing is replaced: -o writes the proposal.
    """
    from mcuq import pipeline
    from mcuq.report.field_tables import recalibration_tables

    given = settings(model)
    path = given.required_model("recalibrate")
    reading = pipeline.load_reading(monitors)
    source = [str(item) for item in given.required_data_list(data)]
    graph = pipeline.load(path)
    with terminal.stages(f"recalibrating {graph.name}") as update:
        quantized, found = pipeline.recalibrate(
            graph,
            reading,
            source,
            recipe or given.project.recipe or "int8",
            deployed=None if deployed is None else pipeline.load(deployed),
            samples=samples,
            seed=seed,
            preprocessing=preprocessing(resize, scale, mean, rgb),
            progress=update,
        )
    terminal.show(*recalibration_tables(found), stderr=json == terminal.STANDARD_OUTPUT)
    if json is not None:
        terminal.write_json(json, pipeline.recalibration_to_json(found))
    if output is not None:
        pipeline.save(quantized.graph, output, path)
    if json == terminal.STANDARD_OUTPUT:
        return
    if not any(drift.has_moved for drift in found.inputs):
        terminal.say("the inputs of the field lie where the data lie")
    verdict = "better" if found.improves else "not better"
    if all(layer.after is None for layer in found.layers):
        terminal.say("new ranges are told where the deployed model has the names of the float model's values")
    terminal.say(f"the proposed model is {verdict} in the field" + (f"; wrote {output}" if output is not None else ""))
