"""What field monitors watch: the inputs, and the output of every step whose numbers are 8 or 16 bits wide."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from mcuq.artifacts import MonitorMap, Schedule, Step, Watched

_TYPES = ("int8", "uint8", "int16")
_OPS_OF_FIXED_RANGE = ("SOFTMAX", "LOGISTIC", "TANH")
_FLIPS = {"int8": "0u", "uint8": "128u"}


@dataclass(frozen=True, slots=True)
class MonitorView:
    """One counter in the C: the call that feeds it."""

    index: int
    step: int
    call: str


def monitor_map(schedule: Schedule, name: str, model_hash: str) -> MonitorMap:
    """What the counters of a model generated from this schedule mean."""
    graph = schedule.graph
    inputs = [_watched(schedule, value, None) for value in graph.inputs]
    values = [_watched(schedule, value, step) for step in schedule.steps for value in step.outputs]
    return MonitorMap(name, model_hash, tuple(filter(None, inputs)), tuple(filter(None, values)))


def _watched(schedule: Schedule, value: str, step: Step | None) -> Watched | None:
    tensor = schedule.graph.tensor(value)
    q = tensor.quantization
    if tensor.dtype.name not in _TYPES or q is None:
        return None
    return Watched(
        value=value,
        layers=() if step is None else step.layers,
        step=-1 if step is None else step.index,
        dtype=tensor.dtype.name,
        elements=tensor.elements,
        scale=float(q.scale),
        zero_point=q.zero_point,
        is_fixed=step is not None and step.nodes[-1].op in _OPS_OF_FIXED_RANGE,
    )


def call_of(watched: Watched, index: int, place: str) -> str:
    """The C statement that counts a value which lies at `place`."""
    what, member = ("input_", "inputs") if watched.step < 0 else ("", "values")
    target = f"&monitors->{member}[{index}]"
    if watched.dtype == "int16":
        return f"mcuq_watch_{what}int16({target}, (const int16_t *)(const void *)({place}), {watched.elements}u);"
    flip = _FLIPS[watched.dtype]
    if watched.step < 0:
        return f"mcuq_watch_input_bytes({target}, {place}, {watched.elements}u, {flip});"
    least = "INT8_MIN" if watched.counts_low else "INT8_MIN - 1"
    return f"mcuq_watch_bytes({target}, {place}, {watched.elements}u, {flip}, {least});"


def monitor_text(watching: MonitorMap) -> str:
    """The map as JSON, which `mcuq monitor` reads beside the counters."""
    return json.dumps(asdict(watching), indent=2) + "\n"
