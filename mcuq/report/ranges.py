"""Whether the ranges that calibration chose suit the data that the model meets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq.ir import Graph
from mcuq.ops import OutputQuantization, card_of, is_known
from mcuq.report.figures import printable

Array = npt.NDArray[Any]

UNREACHED = 0.25  # of a range: what a layer must use of it at least
SATURATED = 0.05  # of all values: how many may lie at an end
_CLAMPING = ("RELU", "RELU6", "RELU_N1_TO_1")


def range_warnings(graph: Graph, values: Mapping[str, Array], inputs: Sequence[Array]) -> tuple[str, ...]:
    """Sentences about the inputs and layers whose ranges the evaluation data miss by far.

    `values` are the stored values of the quantized graph, `inputs` its real inputs, each [samples, *shape].
    """
    found = [*_input_warnings(graph, values, inputs)]
    unreached, saturated = [], []
    for node in graph.nodes:
        name = node.outputs[0]
        layer = printable(node.origin[-1] if node.origin else name)
        if not is_known(node.op) or card_of(node.op).output_quantization is not OutputQuantization.FREE:
            continue
        if not graph.tensor(name).dtype.is_integer or node.op in ("QUANTIZE", "DEQUANTIZE"):
            continue
        use, low, high = _use(graph, name, values[name])
        clamps = getattr(node.attrs, "activation", "NONE") in _CLAMPING or node.op in _CLAMPING
        if use < UNREACHED:
            unreached.append(f"'{layer}' {use:.0%}")
        if high + (0.0 if clamps else low) > SATURATED:
            saturated.append(f"'{layer}' {high + low:.0%}")
    if unreached:
        found.append(
            f"less than {UNREACHED:.0%} of the calibrated range is ever reached at evaluation by {_listed(unreached)}: "
            "are calibration and evaluation data scaled alike?"
        )
    if saturated:
        found.append(
            f"more than {SATURATED:.0%} of the values lie at an end of the calibrated range at evaluation in "
            f"{_listed(saturated)}: do the calibration data cover what the model meets?"
        )
    return tuple(found)


def _input_warnings(graph: Graph, values: Mapping[str, Array], inputs: Sequence[Array]) -> list[str]:
    found = []
    for name, real in zip(graph.inputs, inputs, strict=True):
        tensor = graph.tensor(name)
        q = tensor.quantization
        if not tensor.dtype.is_integer or q is None:
            continue
        low, high = (q.scale * (end - q.zero_point) for end in (tensor.dtype.minimum, tensor.dtype.maximum))
        outside = float(np.mean((real < low - q.scale) | (real > high + q.scale)))
        use = _use(graph, name, values[name])[0]
        said = (
            f"input '{name}' is {real.min():.4g} to {real.max():.4g} at evaluation, calibrated {low:.4g} to {high:.4g}"
        )
        if outside > SATURATED:
            found.append(f"{said}: {outside:.0%} are cut off; are calibration and evaluation data scaled alike?")
        elif use < UNREACHED:
            found.append(f"{said}: most of that is never reached; are calibration and evaluation data scaled alike?")
    return found


def _use(graph: Graph, name: str, stored: Array) -> tuple[float, float, float]:
    """The share of the codes between the least and the greatest value, and how many values lie at each end."""
    dtype = graph.tensor(name).dtype
    low, high = np.mean(stored == dtype.minimum), np.mean(stored == dtype.maximum)
    return (int(stored.max()) - int(stored.min())) / (dtype.maximum - dtype.minimum), float(low), float(high)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 4} more layers" if len(names) > 4 else ""
    return ", ".join(names[:4]) + more
