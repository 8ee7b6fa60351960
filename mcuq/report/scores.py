"""From a model's answers to its scores, and from two models' answers to how near one stays to the other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq.arithmetic.noise import sqnr_db
from mcuq.artifacts import Comparison, Evaluation, OutputNoise, Reliability
from mcuq.errors import InvalidData
from mcuq.ir import Graph, Tensor
from mcuq.ops.dequantize import dequantize_array
from mcuq.report.head import is_reconstruction, squashed_by
from mcuq.report.statistics import area_under_curve, drop_of, reliability_of

Array = npt.NDArray[Any]

EQUAL_DB = 200.0  # what stands for an infinite ratio


@dataclass(frozen=True, slots=True)
class Scores:
    """What labels say about one model's answers; None where they say nothing."""

    accuracy: float | None = None
    auc: float | None = None
    reliability: Reliability | None = None


def real_values(array: Array, tensor: Tensor) -> Array:
    """What the stored numbers of `tensor` stand for, as float32."""
    q = tensor.quantization
    if not tensor.dtype.is_integer or q is None:
        return array.astype(np.float32)
    return dequantize_array(array, q)


def classes_of(outputs: Array) -> Array:
    """The greatest element of each sample; of a single element, whether it is 0.5 or more."""
    flat = outputs.reshape(len(outputs), -1)
    return np.asarray(flat.argmax(axis=1) if flat.shape[1] > 1 else (flat[:, 0] >= 0.5).astype(np.int64))


def errors_of(inputs: Array, outputs: Array) -> Array:
    """The mean squared error of each reconstructed sample."""
    apart = inputs.reshape(len(inputs), -1).astype(np.float64) - outputs.reshape(len(outputs), -1)
    return np.asarray(np.square(apart).mean(axis=1))


def scores_of(graph: Graph, real_input: Array, outputs: Array, labels: Array | None) -> Scores:
    """The scores of the first output's real values, against labels [samples]."""
    if labels is None:
        return Scores()
    if is_reconstruction(graph):
        is_binary = bool(np.isin(labels, (0, 1)).all())
        return Scores(auc=area_under_curve(errors_of(real_input, outputs), labels == 1) if is_binary else None)
    probabilities = _probabilities(graph, outputs)
    return Scores(
        accuracy=float((classes_of(outputs) == labels).mean()),
        reliability=None if probabilities is None else reliability_of(probabilities, labels),
    )


def _probabilities(graph: Graph, outputs: Array) -> Array | None:
    """Probabilities [samples, classes], float64; None where the outputs are none."""
    flat = outputs.reshape(len(outputs), -1).astype(np.float64)
    squashed = squashed_by(graph)
    if flat.shape[1] == 1:
        return np.concatenate([1 - flat, flat], axis=1) if squashed == "LOGISTIC" else None
    if squashed == "SOFTMAX":
        return np.asarray(flat / np.maximum(flat.sum(axis=1, keepdims=True), 1e-9))
    if squashed is not None:
        return None
    powers = np.exp(flat - flat.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def comparison_of(
    model: Evaluation, reference: Evaluation, graph: Graph, real_input: Array, labels: Array | None
) -> Comparison:
    """Both models beside each other; `graph` is the model's. Raises InvalidData when their outputs do not match."""
    _check_outputs(model, reference)
    noise = tuple(
        OutputNoise(name, finite_db(sqnr_db(theirs.ravel(), mine.ravel())))
        for name, mine, theirs in zip(graph.outputs, model.outputs, reference.outputs, strict=True)
    )
    mine, theirs = model.outputs[0], reference.outputs[0]
    drop = auc_drop = None
    if model.accuracy is not None and labels is not None:
        drop = drop_of(classes_of(mine) == labels, classes_of(theirs) == labels)
    if model.auc is not None and reference.auc is not None:
        auc_drop = reference.auc - model.auc
    return Comparison(
        model=model,
        reference=reference,
        agreement=agreement_of(graph, real_input, mine, theirs),
        sqnr_db=_sqnr_db(model, reference),
        outputs=noise,
        drop=drop,
        auc_drop=auc_drop,
    )


def agreement_of(graph: Graph, real_input: Array, mine: Array, theirs: Array) -> float:
    """The share of samples with the same class, or on the same side of the median error of `theirs`."""
    if not is_reconstruction(graph):
        return float((classes_of(mine) == classes_of(theirs)).mean())
    reference_errors = errors_of(real_input, theirs)
    limit = np.median(reference_errors)
    return float(((errors_of(real_input, mine) > limit) == (reference_errors > limit)).mean())


def finite_db(ratio_db: float) -> float:
    """The ratio between -200 and 200 dB: equal arrays have an infinite one, which JSON cannot write."""
    return max(-EQUAL_DB, min(EQUAL_DB, ratio_db)) if not math.isnan(ratio_db) else -EQUAL_DB


def _sqnr_db(model: Evaluation, reference: Evaluation) -> float:
    """That of the logits where both have some, else of all outputs together."""
    if model.logits is not None and reference.logits is not None and model.logits.size == reference.logits.size:
        return finite_db(sqnr_db(reference.logits.ravel(), model.logits.ravel()))
    theirs, mine = (np.concatenate([a.ravel() for a in e.outputs]) for e in (reference, model))
    return finite_db(sqnr_db(theirs, mine))


def _check_outputs(model: Evaluation, reference: Evaluation) -> None:
    shapes = [[int(a[0].size) for a in evaluation.outputs] for evaluation in (model, reference)]
    if shapes[0] != shapes[1]:
        raise InvalidData(
            f"'{model.model}' has outputs of {shapes[0]} elements and '{reference.model}' of {shapes[1]}; "
            "only models with the same outputs can be compared"
        )
