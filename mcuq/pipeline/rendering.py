"""From a schedule and its memory plan to C."""

from __future__ import annotations

import hashlib
from importlib.metadata import version as installed_version

from mcuq.artifacts import MemoryPlan, Schedule, Sources
from mcuq.codegen import SelfTest, generate, model_name
from mcuq.exporters import save_graph
from mcuq.schedule import known_kernels

VERSION = installed_version("mcuq")


def rendered(
    planned: Schedule,
    plan: MemoryPlan,
    name: str | None = None,
    selftest: SelfTest | None = None,
    labels: tuple[str, ...] = (),
    monitors: bool = False,
) -> Sources:
    """All C of the model."""
    graph = planned.graph
    return generate(
        planned,
        plan,
        name=model_name(name or graph.name),
        model_hash=hashlib.sha256(save_graph(graph)).hexdigest(),
        version=VERSION,
        parameter_types={kernel.name: kernel.parameters_type for kernel in known_kernels()},
        selftest=selftest,
        labels=labels,
        monitors=monitors,
    )
