"""Sentences about calibration data and ranges that look wrong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mcuq.ir import Graph
from mcuq.quantize.calibrate import Calibrated
from mcuq.quantize.figures import LayerFigures

FEW_SAMPLES = 50
COLLAPSED_SHARE = 0.95
SATURATED_SHARE = 0.05


def data_warnings(graph: Graph, calibrated: Calibrated) -> tuple[str, ...]:
    """What looks wrong with the data, as sentences; empty when nothing does."""
    found = []
    if calibrated.samples < FEW_SAMPLES:
        found.append(
            f"only {calibrated.samples} calibration samples: ranges and corrections are rough; 200 to 500 are enough"
        )
    for facts in calibrated.input_facts:
        if facts.low == facts.high:
            found.append(f"input '{facts.name}' is {facts.low:g} everywhere: these are no real data")
        elif calibrated.samples > 1 and facts.spread == 0:
            found.append(f"input '{facts.name}' is the same in all {calibrated.samples} samples: one sample repeated")
    classes = graph.tensor(graph.outputs[0]).elements
    top = np.bincount(calibrated.answers).max() / max(len(calibrated.answers), 1)
    ends_in_softmax = any(node.op == "SOFTMAX" and node.outputs[0] == graph.outputs[0] for node in graph.nodes)
    if ends_in_softmax and calibrated.samples >= FEW_SAMPLES and classes > 1 and top >= COLLAPSED_SHARE:
        ranges = ", ".join(f"'{f.name}' {f.low:g} to {f.high:g}" for f in calibrated.input_facts)
        found.append(
            f"the float model gives the same class for {top:.0%} of the calibration samples: are they scaled and laid "
            f"out as in training (inputs: {ranges}), and do they cover all classes?"
        )
    return tuple(found)


def range_warnings(figures: Sequence[LayerFigures]) -> tuple[str, ...]:
    """What looks wrong with the layers' ranges."""
    found = []
    for line in figures:
        if line.low == line.high and line.scale is not None:
            found.append(f"layer '{line.layer}': its output is {line.low:g} for all calibration data")
    return tuple(found)
