"""Which steps' constants start-up copies from flash into RAM."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from mcuq.artifacts import Schedule, Step
from mcuq.errors import InvalidProject

NONE, ALL = "none", "all"


def constants_into_ram(schedule: Schedule, wanted: str) -> Schedule:
    """The schedule whose steps say where their constants lie.

    `wanted` is `none`, `all`, a number of bytes (whole steps, the most often read bytes first, while they fit), or
    names of layers (or the last parts of them), separated by commas. Raises InvalidProject for a layer that no step
    with constants computes.
    """
    chosen = _chosen(schedule, wanted.strip())
    return replace(
        schedule, steps=tuple(replace(step, constants_in_ram=step.index in chosen) for step in schedule.steps)
    )


def _chosen(schedule: Schedule, wanted: str) -> frozenset[int]:
    holding = [step for step in schedule.steps if step.constant_bytes]
    if wanted == NONE:
        return frozenset()
    if wanted == ALL:
        return frozenset(step.index for step in holding)
    if wanted.isdecimal():
        return frozenset(_most_read(schedule, holding, int(wanted)))
    return frozenset(_named(holding, [name.strip() for name in wanted.split(",")]))


def _most_read(schedule: Schedule, holding: Iterable[Step], limit_bytes: int) -> Iterable[int]:
    """Steps by how often an inference reads each byte: by multiply-accumulates, or by values written where are none."""

    def reads_per_byte(step: Step) -> float:
        written = sum(math.prod(schedule.graph[name].shape) for name in step.outputs)
        return (step.macs or written) / step.constant_bytes

    for step in sorted(holding, key=lambda step: (-reads_per_byte(step), step.index)):
        if step.constant_bytes <= limit_bytes:
            limit_bytes -= step.constant_bytes
            yield step.index


def _named(holding: Sequence[Step], names: Iterable[str]) -> Iterable[int]:
    for name in names:
        found = [step.index for step in holding if any(_is_called(layer, name) for layer in step.layers)]
        if not found:
            known = ", ".join(_short(step.layers) for step in holding) or "none at all"
            raise InvalidProject(
                f"--ram-constants takes none, all, a number of bytes or names of layers; '{name}' is no layer with "
                f"constants, which are: {known}"
            )
        yield from found


def _is_called(layer: str, name: str) -> bool:
    """Whether `name` is the layer's, one of those that a converter has joined in it, or the end of one of its paths."""
    return layer == name or any(part == name or part.endswith(f"/{name}") for part in layer.split(";"))


def _short(layers: Sequence[str]) -> str:
    return "/".join(layers[0].split(";")[0].split("/")[-2:]) if layers else "a step without a name"
