"""`mcuq quantize`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mcuq.cli import terminal
from mcuq.cli.arguments import CompilerOption, JsonFileOption, OpOption
from mcuq.cli.data import (
    ColorsOption,
    DataOption,
    InterpreterOption,
    LimitOption,
    MeanOption,
    ResizeOption,
    ScaleOption,
    preprocessing,
)
from mcuq.cli.settings import Settings, settings

if TYPE_CHECKING:
    from mcuq.ir import Graph
    from mcuq.pipeline import Preprocessing, Quantized

_CALIBRATION = "Calibration"

FloatModelArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="MODEL",
        help="A float .tflite, .keras, .h5 or SavedModel; the model in mcuq.toml when left out.",
    ),
]
RecipeOption = Annotated[
    str | None,
    typer.Option(
        "--recipe",
        metavar="NAME|FILE.toml",
        help="How to quantize: int8, int8-q, int16x8, int4, int4-mixed, dynamic, float16, weights8, float, or a file; "
        "`recipe` in mcuq.toml or int8 when left out.",
        rich_help_panel=_CALIBRATION,
    ),
]
SamplesOption = Annotated[
    int,
    typer.Option(
        "--samples", metavar="N", min=1, help="How many samples of --data calibrate.", rich_help_panel=_CALIBRATION
    ),
]
FirstOption = Annotated[
    bool,
    typer.Option(
        "--first", help="Calibrate on the first samples in place of drawn ones.", rich_help_panel=_CALIBRATION
    ),
]
SeedOption = Annotated[
    int, typer.Option("--seed", metavar="N", help="Draws the calibration samples.", rich_help_panel=_CALIBRATION)
]
EvalOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--eval",
        metavar="FILE.npz|DIR",
        help="Measure on these data; on the samples of --data that did not calibrate when left out. May be repeated.",
        rich_help_panel="Data",
    ),
]


def quantize(
    model: FloatModelArgument = None,
    data: DataOption = None,
    recipe: RecipeOption = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="A .tflite or .mcuq file; <model>_<recipe>.tflite (.mcuq where TFLite cannot say it) when left out.",
        ),
    ] = None,
    json: JsonFileOption = None,
    evaluation: EvalOption = None,
    limit: LimitOption = None,
    samples: SamplesOption = 200,
    first: FirstOption = False,
    seed: SeedOption = 0,
    labels: Annotated[
        bool,
        typer.Option("--labels/--no-labels", help="Use the data's labels: accuracy and drop.", rich_help_panel="Data"),
    ] = True,
    interpreter: InterpreterOption = False,
    compiler: CompilerOption = None,
    resize: ResizeOption = None,
    scale: ScaleOption = None,
    mean: MeanOption = None,
    rgb: ColorsOption = None,
    op: OpOption = None,
) -> None:
    """Turn a float model into fixed-point, save it, and measure what that costs before anything is flashed.

    The report tells float and quantized accuracy, the drop with its 95 % interval, McNemar's test, agreement, SQNR,
    bytes of weights and arena, and what looks wrong with the data.
    """
    from mcuq import pipeline
    from mcuq.report.quantization import quantization_to_json

    given = settings(model, compiler=compiler)
    prepared = preprocessing(resize, scale, mean, rgb)
    graph = pipeline.load(given.required_model("quantize"))
    source = [str(path) for path in given.required_data_list(data)]
    quantized = quantized_model(given, graph, source, recipe, samples, first, seed, prepared)
    path = given.required_model("quantize")
    written = pipeline.save(quantized.graph, output, path.with_name(f"{path.stem}_{quantized.report.recipe}"))
    total = pipeline.load_samples(source, graph, None, prepared).count
    split = pipeline.split_of(total, samples, seed=seed, first=first)
    measured: Any = [str(p) for p in evaluation] if evaluation else pipeline.held_out(source, split, prepared)
    with terminal.progress("evaluating") as update:
        comparison, warnings = pipeline.quantization_report(
            quantized,
            graph,
            measured if labels else _without_labels(measured, prepared),
            limit=limit,
            preprocessing=prepared,
            use_interpreter=interpreter,
            compiler=compiler,
            progress=update,
        )
    held_out = bool(evaluation) or split.is_held_out
    _show(quantized, comparison, warnings, written, held_out, stderr=json == terminal.STANDARD_OUTPUT)
    if json is not None:
        terminal.write_json(json, quantization_to_json(quantized.report, comparison, warnings, str(written), held_out))


def quantized_model(
    given: Settings,
    graph: Graph,
    data: Any,
    recipe: str | None,
    samples: int = 200,
    first: bool = False,
    seed: int = 0,
    prepared: Preprocessing | None = None,
) -> Quantized:
    """The graph quantized as the command line, mcuq.toml or the default recipe say."""
    from mcuq import pipeline

    chosen = recipe or given.project.recipe or "int8"
    with terminal.stages(f"quantizing {graph.name}") as update:
        return pipeline.quantize(
            graph,
            data,
            chosen,
            samples=samples,
            first=first,
            seed=seed,
            preprocessing=prepared or pipeline.Preprocessing(),
            progress=update,
        )


def _without_labels(data: Any, prepared: Preprocessing) -> Any:
    from dataclasses import replace

    from mcuq import pipeline

    return lambda graph: replace(pipeline.load_samples(data, graph, None, prepared), labels=None)


def _show(
    quantized: Quantized, comparison: Any, warnings: tuple[str, ...], written: Path, held_out: bool, stderr: bool
) -> None:
    from mcuq.report.evaluation_tables import comparison_table
    from mcuq.report.quantization import quantized_layers_table

    terminal.show(quantized_layers_table(quantized.report), stderr=stderr)
    terminal.show(comparison_table(comparison), stderr=stderr)
    report = quantized.report
    seconds = f"{report.calibration_s:.1f} s of calibration, {report.refinement_s:.1f} s of conversion and refinement"
    said = "" if held_out else "; it is measured on the calibration samples themselves, which flatters it"
    if not stderr:
        terminal.say(f"recipe '{report.recipe}' on {report.samples} samples: {seconds}{said}")
        terminal.say(f"wrote {written}")
    for sentence in warnings:
        terminal.warn(sentence)
