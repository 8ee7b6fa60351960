"""How near quantized networks stay to the float ones: every recipe, and other tools, on two reference classifiers.

    python tests/benchmarks/quantizers.py                       # the table
    python tests/benchmarks/quantizers.py --recipe int4 --model kws

The models and data are looked for in the folder that MCUQ_ZOO names. IC calibrates on 200 seeded images of
cifar10_train3000 and is measured on cifar10_test1000 and ic01; KWS calibrates on the first 200 of kws01 and is measured
on the other 800. SQNR is that of the logits; agreement is the share of samples with the float model's top class.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from mcuq import interpreter
from mcuq.arithmetic.noise import sqnr_db
from mcuq.importers import load_model
from mcuq.interpreter import Array
from mcuq.ir import Graph, Node
from mcuq.ops.quantize import quantize_array
from mcuq.passes import simplify
from mcuq.quantize import Recipe, Report, load_recipe, quantize

RECIPES = ("int8", "int16x8", "int8-q", "int4", "int4-mixed", "dynamic", "weights8", "float16")
BATCH = 50
# What other tools make of the same networks on the same samples, measured by other_quantizers.py.
OTHERS = Path(__file__).resolve().parent / "other_quantizers.json"


@dataclass(frozen=True, slots=True)
class Task:
    """A float model with what it is calibrated and measured on."""

    name: str
    graph: Graph
    calibration: Array
    inputs: Array
    labels: Array


@dataclass(frozen=True, slots=True)
class Answers:
    """Real logits [samples, classes] and the output's top class a sample."""

    logits: Array
    classes: Array


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; shares between 0 and 1, the drop with the half width of its 95 % confidence interval."""

    task: str
    recipe: str
    agreement: float
    sqnr_db: float
    drop: float
    drop_margin: float
    weight_bytes: int
    seconds: float


def ic(zoo: Path, calibration: int = 200) -> Task:
    """ResNet-8 on CIFAR-10."""
    train = np.load(zoo / "data/cifar10_train3000.npz")["images"]
    chosen = np.random.default_rng(0).permutation(len(train))[:calibration]
    tests = [np.load(zoo / f"data/cifar10_{name}.npz") for name in ("test1000", "ic01")]
    images, labels = (np.concatenate([test[key] for test in tests]) for key in ("images", "labels"))
    graph = simplify(load_model(zoo / "models/ic_resnet8_float.tflite"))
    return Task("ic", graph, train[chosen].astype(np.float32), images.astype(np.float32), labels)


def kws(zoo: Path, calibration: int = 200) -> Task:
    """DS-CNN on spoken commands; the data are int8 features that become real numbers first."""
    data, scales = np.load(zoo / "data/kws01.npz"), np.load(zoo / "goldens/kws_ref_float_on_kws01.npz")
    real = (data["inputs"].astype(np.float32) - int(scales["in_zero_point"])) * np.float32(scales["in_scale"])
    features = real.reshape(-1, 49, 10, 1)
    graph = simplify(load_model(zoo / "models/kws_ref_float.tflite"))
    return Task("kws", graph, features[:calibration], features[200:], data["labels"][200:])


TASKS = {"ic": ic, "kws": kws}


def _softmax(graph: Graph) -> Node:
    return next(node for node in graph.nodes if node.op == "SOFTMAX")


def _stored(graph: Graph, inputs: Array) -> Array:
    tensor = graph.tensor(graph.inputs[0])
    shaped = inputs.reshape(-1, *tensor.shape)
    return shaped if tensor.quantization is None else quantize_array(shaped, tensor.quantization, tensor.dtype)


def answers(graph: Graph, inputs: Array) -> Answers:
    """What the interpreter says the graph answers to real inputs."""
    softmax = _softmax(graph)
    name, q = softmax.inputs[0], graph.tensor(softmax.inputs[0]).quantization
    logits, classes = [], []
    for start in range(0, len(inputs), BATCH):
        for node, results in interpreter.evaluate(graph, [_stored(graph, inputs[start : start + BATCH])]):
            rows = results[0].reshape(len(results[0]), -1)
            if name in node.outputs:
                logits.append(rows if q is None else (rows.astype(np.float64) - q.zero_point) * q.scale)
            if node is softmax:
                classes.append(rows.argmax(axis=1))
    return Answers(np.concatenate(logits), np.concatenate(classes))


def quantized(task: Task, recipe: Recipe) -> tuple[Graph, Report]:
    """The task's model in that recipe."""
    made = quantize(task.graph, [(task.calibration,)], recipe)
    return made.graph, made.report


def compare(task: Task, recipe: Recipe, reference: Answers) -> Row:
    """One line: the model in that recipe beside its float form."""
    start = time.perf_counter()
    graph, report = quantized(task, recipe)
    seconds = time.perf_counter() - start
    return row_of(task, recipe.name, reference, answers(graph, task.inputs), report.weight_bytes, seconds)


def row_of(task: Task, name: str, reference: Answers, mine: Answers, size_bytes: int, seconds: float) -> Row:
    """One line: answers of a quantized model beside those of the float one."""
    right, was_right = mine.classes == task.labels, reference.classes == task.labels
    lost, won = int((was_right & ~right).sum()), int((right & ~was_right).sum())
    samples = len(task.labels)
    margin = 1.96 * math.sqrt(max(lost + won - (lost - won) ** 2 / samples, 0)) / samples
    agreement = float((mine.classes == reference.classes).mean())
    sqnr = sqnr_db(reference.logits, mine.logits)
    return Row(task.name, name, agreement, sqnr, (lost - won) / samples, margin, size_bytes, seconds)


def rows(zoo: Path, models: Iterable[str], recipes: Iterable[str]) -> Iterator[Row]:
    """Every recipe on every model."""
    for model in models:
        task = TASKS[model](zoo)
        reference = answers(task.graph, task.inputs)
        for recipe in recipes:
            yield compare(task, load_recipe(recipe), reference)


def others(models: list[str]) -> tuple[list[Row], str]:
    """What other tools were measured to make of these networks, and when and with which versions that was."""
    document = json.loads(OTHERS.read_text(encoding="utf-8"))
    versions = ", ".join(f"{package} {number}" for package, number in document["versions"].items())
    found = [Row(**row) for row in document["rows"] if row["task"] in models]
    return found, f"others measured on {document['date']} with {versions}"


def table(lines: list[Row]) -> Table:
    """The rows for people, a section a network."""
    made = Table(title="quantized against float, 200 calibration samples", title_justify="left", box=box.SIMPLE_HEAD)
    for title in ("model", "quantizer", "agreement", "logits SQNR", "drop in points (95 %)", "bytes"):
        made.add_column(title, justify="left" if title in ("model", "quantizer") else "right", no_wrap=True)
    last = ""
    for line in sorted(lines, key=lambda line: line.task):
        if line.task != last:
            made.add_section()
        made.add_row(
            line.task.upper() if line.task != last else "",
            line.recipe,
            f"{100 * line.agreement:.2f} %",
            f"{line.sqnr_db:.1f} dB",
            f"{100 * line.drop:+.2f} +- {100 * line.drop_margin:.2f}",
            f"{line.weight_bytes:,}",
        )
        last = line.task
    return made


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=sorted(TASKS), action="append")
    parser.add_argument("--recipe", action="append", help="a built-in recipe or a .toml file; may be repeated")
    parser.add_argument("--zoo", type=Path, default=os.environ.get("MCUQ_ZOO"), required="MCUQ_ZOO" not in os.environ)
    options = parser.parse_args()
    models = options.model or sorted(TASKS)
    mine = [
        replace(row, recipe=f"mcuq {row.recipe}") for row in rows(Path(options.zoo), models, options.recipe or RECIPES)
    ]
    theirs, when = others(models)
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    console.print(table([*mine, *theirs]))
    console.print(f"bytes: mcuq's are the weights, the others' the whole file\n{when}")


if __name__ == "__main__":
    main()
