"""`mcuq eval`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mcuq.cli import terminal
from mcuq.cli.arguments import CompilerOption, JsonFileOption, ModelArgument, OpOption
from mcuq.cli.data import (
    ColorsOption,
    DataOption,
    InterpreterOption,
    LimitOption,
    MeanOption,
    PerturbOption,
    ResizeOption,
    ScaleOption,
    perturbations,
    preprocessing,
)
from mcuq.cli.settings import settings

if TYPE_CHECKING:
    from mcuq.artifacts import Comparison, Evaluation, RobustnessPoint


def eval(
    model: ModelArgument = None,
    data: DataOption = None,
    reference: Annotated[
        Path | None,
        typer.Option("--reference", "-r", metavar="MODEL", help="Compare with this model, usually the float one."),
    ] = None,
    limit: LimitOption = None,
    perturb: PerturbOption = None,
    json: JsonFileOption = None,
    interpreter: InterpreterOption = False,
    compiler: CompilerOption = None,
    resize: ResizeOption = None,
    scale: ScaleOption = None,
    mean: MeanOption = None,
    rgb: ColorsOption = None,
    op: OpOption = None,
) -> None:
    """Measure how good a model is on data, on this computer: accuracy, calibration of its predictions, size.

    The model's own C computes, compiled as a library: the bits that the device gives. With --reference: the drop in
    accuracy and how sure it is, agreement, and the signal to quantization noise.
    """
    from mcuq import pipeline
    from mcuq.report.evaluation_documents import comparison_to_json, evaluation_to_json

    given = settings(model, compiler=compiler)
    kinds = perturbations(perturb)
    prepared = preprocessing(resize, scale, mean, rgb)
    source = [str(path) for path in given.required_data_list(data)]
    graph = pipeline.load(given.required_model("eval"))
    other = None if reference is None else pipeline.load(reference)
    options = {"limit": limit, "preprocessing": prepared, "use_interpreter": interpreter, "compiler": compiler}
    points: tuple[RobustnessPoint, ...] = ()
    with terminal.progress("evaluating") as update:
        if other is None:
            found: Evaluation | Comparison = pipeline.evaluate(graph, source, progress=update, **options)  # type: ignore[arg-type]
        else:
            found = pipeline.compare(graph, other, source, progress=update, **options)  # type: ignore[arg-type]
    if kinds:
        with terminal.working("evaluating disturbed inputs"):
            points = pipeline.robustness(graph, source, other, perturbations=kinds, **options)  # type: ignore[arg-type]
    _show(found, points, stderr=json == terminal.STANDARD_OUTPUT)
    if json is not None:
        document = evaluation_to_json if other is None else comparison_to_json
        terminal.write_json(json, document(found, points))  # type: ignore[arg-type]


def _show(found: Evaluation | Comparison, points: tuple[RobustnessPoint, ...], stderr: bool) -> None:
    from mcuq.artifacts import Comparison
    from mcuq.report.evaluation_tables import comparison_table, evaluation_table, robustness_table

    terminal.show(comparison_table(found) if isinstance(found, Comparison) else evaluation_table(found), stderr=stderr)
    if points:
        terminal.show(robustness_table(points), stderr=stderr)
