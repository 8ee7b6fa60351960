"""How good a model is on data, how near it stays to another, and how both bear disturbed inputs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq.artifacts import Comparison, Evaluation, RobustnessPoint, Samples, Size
from mcuq.errors import UnsupportedModel
from mcuq.importers.data import Data, Preprocessing, load_samples
from mcuq.ir import Graph
from mcuq.memory import plan_memory
from mcuq.ops import card_of, is_known
from mcuq.ops.quantize import quantize_array
from mcuq.perturb import PERTURBATIONS, Perturbation, perturbed
from mcuq.pipeline.choosing import prepared
from mcuq.pipeline.engine import Engine, engine_for
from mcuq.report.head import is_reconstruction, logits_of
from mcuq.report.scores import classes_of, comparison_of, errors_of, real_values, scores_of
from mcuq.schedule import schedule

Array = npt.NDArray[Any]
Progress = Callable[[int, int], None]

NOTHING = Preprocessing()


def size_of(graph: Graph) -> Size:
    """Bytes of weights, of all constants and of the arena with portable kernels, and MACs: of a build."""
    graph, weights = prepared(graph), 0
    for node in graph.nodes:
        roles = card_of(node.op).weight_roles if is_known(node.op) else None
        weights += graph[node.inputs[roles.weights]].bytes if roles is not None else 0
    try:
        planned = schedule(graph)
        return Size(weights, planned.constant_bytes, plan_memory(planned).arena_bytes, planned.macs)
    except UnsupportedModel:
        return Size(weights, None, None, None)


def with_logits(graph: Graph) -> Graph:
    """The graph with its logits as one more output; the same graph where it has none."""
    logits = logits_of(graph)
    return graph if logits is None else replace(graph, outputs=(*graph.outputs, logits))


def evaluate(
    graph: Graph,
    data: Data,
    *,
    limit: int | None = None,
    preprocessing: Preprocessing = NOTHING,
    use_interpreter: bool = False,
    compiler: str | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Accuracy, calibration of the predictions and size of a model; raises InvalidData, BuildFailed.

    The generated C computes the answers, compiled for this computer; the interpreter (the same bits, slower) where it
    is asked for or nothing can compile.
    """
    samples = load_samples(data, graph, limit, preprocessing)
    watched = with_logits(graph)
    with engine_for(watched, use_interpreter=use_interpreter, compiler=compiler) as engine:
        return evaluated(graph, watched, samples, engine, progress)


def evaluated(
    graph: Graph, watched: Graph, samples: Samples, engine: Engine, progress: Progress | None = None
) -> Evaluation:
    """The evaluation of `graph`, whose form with logits `watched` the engine runs."""
    start = time.perf_counter()
    stored = engine.run(samples.inputs, progress)
    seconds = time.perf_counter() - start
    reals = [real_values(array, watched.tensor(name)) for array, name in zip(stored, watched.outputs, strict=True)]
    outputs = tuple(reals[: len(graph.outputs)])
    scores = scores_of(graph, real_inputs(graph, samples)[0], outputs[0], samples.labels)
    return Evaluation(
        model=graph.name,
        engine=engine.name,
        samples=samples.count,
        inferences_per_s=samples.count / max(seconds, 1e-9),
        accuracy=scores.accuracy,
        auc=scores.auc,
        reliability=scores.reliability,
        size=size_of(graph),
        outputs=outputs,
        logits=reals[-1] if len(reals) > len(outputs) else None,
        note=engine.note,
    )


def compare(
    graph: Graph,
    reference: Graph,
    data: Data,
    *,
    limit: int | None = None,
    preprocessing: Preprocessing = NOTHING,
    use_interpreter: bool = False,
    compiler: str | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """A model beside its reference on the same samples, each in the types of its own inputs; raises InvalidData."""
    both = []
    for which in (graph, reference):
        samples = load_samples(data, which, limit, preprocessing)
        both.append(evaluate(which, samples, use_interpreter=use_interpreter, compiler=compiler, progress=progress))
    return comparison_of(both[0], both[1], graph, real_inputs(reference, samples)[0], samples.labels)


def real_inputs(graph: Graph, samples: Samples) -> tuple[Array, ...]:
    """What the stored inputs stand for, as float32."""
    pairs = zip(samples.inputs, graph.inputs, strict=True)
    return tuple(real_values(array, graph.tensor(name)) for array, name in pairs)


def stored_inputs(graph: Graph, reals: Sequence[Array], samples: Samples) -> Samples:
    """Real inputs as the graph stores them, with the labels of `samples`."""
    stored = []
    for array, name in zip(reals, graph.inputs, strict=True):
        tensor = graph.tensor(name)
        q = tensor.quantization
        is_real = not tensor.dtype.is_integer or q is None
        stored.append(array.astype(tensor.dtype.numpy) if is_real else quantize_array(array, q, tensor.dtype))  # type: ignore[arg-type]
    return Samples(tuple(stored), samples.labels, samples.source)


def robustness(
    graph: Graph,
    data: Data,
    reference: Graph | None = None,
    *,
    perturbations: Sequence[Perturbation] = PERTURBATIONS,
    limit: int | None = None,
    preprocessing: Preprocessing = NOTHING,
    use_interpreter: bool = False,
    compiler: str | None = None,
    seed: int = 0,
) -> tuple[RobustnessPoint, ...]:
    """Accuracy at every level of every perturbation, and the share of answers that stay as they were undisturbed.

    The answer of a model that reconstructs its input is whether the error is above the median of the undisturbed ones.
    """
    source = graph if reference is None else reference
    samples = load_samples(data, source, limit, preprocessing)
    reals = real_inputs(source, samples)
    versions = disturbed(reals, perturbations, seed)
    answers = []
    for which in (graph, reference):
        if which is not None:
            with engine_for(which, use_interpreter=use_interpreter, compiler=compiler) as engine:
                stored = (stored_inputs(which, version, samples).inputs for version in versions)
                answers.append(classes_of_versions(which, versions, [engine.run(arrays, None)[0] for arrays in stored]))
    return curve(perturbations, answers[0], answers[1] if len(answers) > 1 else None, samples.labels)


def disturbed(reals: Sequence[Array], perturbations: Sequence[Perturbation], seed: int = 0) -> list[tuple[Array, ...]]:
    """The real inputs as they are, and at every level of every perturbation."""
    return [tuple(reals)] + [
        tuple(perturbed(array, kind, level, seed + index) for index, array in enumerate(reals))
        for kind in perturbations
        for level in kind.levels
    ]


def curve(
    perturbations: Sequence[Perturbation], own: list[Array], reference: list[Array] | None, labels: Array | None
) -> tuple[RobustnessPoint, ...]:
    """The points of the curve from the answers to every version of `disturbed`."""
    levels = [(kind, level) for kind in perturbations for level in kind.levels]
    points = []
    for index, (kind, level) in enumerate(levels, 1):
        mine, other = (_curve_point(classes, index, labels) for classes in (own, reference))
        points.append(RobustnessPoint(kind.name, level, kind.unit, mine[0], mine[1] or 0.0, *other))
    return tuple(points)


def classes_of_versions(graph: Graph, inputs: Sequence[Sequence[Array]], stored: Sequence[Array]) -> list[Array]:
    """The answers in the stored first outputs of several versions of the samples, whose real inputs are `inputs`."""
    tensor = graph.tensor(graph.outputs[0])
    outputs = [real_values(array, tensor) for array in stored]
    if not is_reconstruction(graph):
        return [classes_of(output) for output in outputs]
    errors = [errors_of(reals[0], output) for reals, output in zip(inputs, outputs, strict=True)]
    return [error > np.median(errors[0]) for error in errors]


def _curve_point(classes: list[Array] | None, index: int, labels: Array | None) -> tuple[float | None, float | None]:
    """Accuracy at that level and the share of answers that stay; None without a model."""
    if classes is None:
        return None, None
    is_class = labels is not None and classes[0].dtype != bool
    accuracy = float(np.mean(classes[index] == labels)) if is_class else None
    return accuracy, float(np.mean(classes[index] == classes[0]))
