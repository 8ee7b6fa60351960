"""`mcuq analyze`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mcuq.cli import terminal
from mcuq.cli.arguments import JsonFileOption, OpOption
from mcuq.cli.data import ColorsOption, DataOption, MeanOption, ResizeOption, ScaleOption, preprocessing
from mcuq.cli.quantize import (
    EvalOption,
    FirstOption,
    FloatModelArgument,
    RecipeOption,
    SamplesOption,
    SeedOption,
)
from mcuq.cli.settings import settings


def analyze(
    model: FloatModelArgument = None,
    data: DataOption = None,
    recipe: RecipeOption = None,
    evaluation: EvalOption = None,
    samples: SamplesOption = 200,
    first: FirstOption = False,
    seed: SeedOption = 0,
    analysis_samples: Annotated[
        int, typer.Option("--analysis-samples", metavar="N", min=1, help="On how many samples layers are judged.")
    ] = 64,
    fixes: Annotated[int, typer.Option("--fixes", metavar="N", min=0, help="Try at most so many fixes.")] = 8,
    perturb: Annotated[bool, typer.Option("--perturb", help="Measure disturbed inputs too.")] = False,
    json: JsonFileOption = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write one page with plots that needs no other file.")
    ] = None,
    resize: ResizeOption = None,
    scale: ScaleOption = None,
    mean: MeanOption = None,
    rgb: ColorsOption = None,
    op: OpOption = None,
) -> None:
    """Quantize a float model and say which layers hurt, how much, and what helps.

    Each layer is quantized alone and left out alone; the fixes that look promising (16-bit activations, 8-bit weights,
    scales per channel, another observer) are each tried and measured, and ranked.
    """
    from mcuq import pipeline
    from mcuq.report.analysis import analysis_to_json

    given = settings(model)
    prepared = preprocessing(resize, scale, mean, rgb)
    source = [str(path) for path in given.required_data_list(data)]
    graph = pipeline.load(given.required_model("analyze"))
    with terminal.stages(f"analysing {graph.name}") as update:
        found = pipeline.analyze(
            graph,
            source,
            recipe or given.project.recipe or "int8",
            evaluation=[str(path) for path in evaluation] if evaluation else None,
            samples=samples,
            first=first,
            seed=seed,
            analysis_samples=analysis_samples,
            max_fixes=fixes,
            perturb=perturb,
            preprocessing=prepared,
            progress=update,
        )
    _show(found, stderr=json == terminal.STANDARD_OUTPUT)
    if html is not None:
        from mcuq.report.analysis_page import analysis_page

        terminal.write_text(html, analysis_page(found))
    if json is not None:
        terminal.write_json(json, analysis_to_json(found))


def _show(found: Any, stderr: bool) -> None:
    from mcuq.report.analysis import analysis_table, conclusion_of, fixes_table
    from mcuq.report.evaluation_tables import comparison_table, robustness_table

    terminal.show(analysis_table(found), comparison_table(found.comparison), stderr=stderr)
    if found.robustness:
        terminal.show(robustness_table(found.robustness), stderr=stderr)
    if found.fixes:
        terminal.show(fixes_table(found), stderr=stderr)
    if not stderr:
        terminal.say(conclusion_of(found))
    for sentence in found.warnings:
        terminal.warn(sentence)
