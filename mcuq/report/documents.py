"""What mcuq measured, built and found out, as JSON documents that share their field names."""

from __future__ import annotations

import math
import platform
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from mcuq.artifacts import (
    AnswerScores,
    BenchmarkFirmware,
    Build,
    Difference,
    Inspection,
    Layer,
    Measurement,
    MemoryPlan,
    Removed,
    Schedule,
    Soak,
    Spread,
    Step,
    StepMeasurement,
)

Document = dict[str, Any]


def measurement_to_json(measurement: Measurement) -> Document:
    """The verdict of a run; null is a figure that the link cannot give, RAM and flash are in bytes."""
    m = measurement
    return {
        "model": m.model,
        "board": m.board,
        "link": m.link,
        "compiler": m.compiler,
        "samples": m.samples,
        "accuracy": m.accuracy,
        "reference_accuracy": m.reference_accuracy,
        "bit_exact": m.bit_exact,
        "max_error": None if m.max_error is None else _number(m.max_error),
        "agreement": m.agreement,
        "scores": None if m.scores is None else _scores(m.scores),
        "first_difference": _difference(m.first_difference),
        "instructions": _spread(m.instructions),
        "cycles": _spread(m.cycles),
        "latency_ms": _spread(m.latency_ms),
        "energy": None if m.energy is None else asdict(m.energy),
        "measured_energy": None if m.measured_energy is None else asdict(m.measured_energy),
        "soak": None if m.soak is None else _soak(m.soak),
        "arena_bytes": m.arena_bytes,
        "static_ram_bytes": m.static_ram_bytes,
        "stack_bytes": m.stack_bytes,
        "ram_bytes": m.ram_bytes,
        "flash_bytes": flash_document(m.flash_total_bytes, m.flash_constant_bytes),
        "steps": [_measured_step(step) for step in m.steps],
        "robustness": [asdict(point) for point in m.robustness],
        "notes": list(m.notes),
        "extra": dict(m.extra),
    }


def _scores(scores: AnswerScores) -> Document:
    return {
        "mean_squared_error": _number(scores.mean_squared_error),
        "top_k": {str(k): share for k, share in scores.top_k},
        "auc": scores.auc,
        "classes": [asdict(of_class) for of_class in scores.classes],
        "confusion": [list(row) for row in scores.confusion],
    }


def _soak(soak: Soak) -> Document:
    return {
        "seconds": soak.seconds,
        "inferences": soak.inferences,
        "wrong": soak.wrong,
        "latency_drift_percent": soak.latency_drift_percent,
        "rate_drift_percent": soak.rate_drift_percent,
        "max_temperature_c": soak.max_temperature_c,
        "clocks_hz": list(soak.clocks_hz),
        "points": [asdict(point) for point in soak.points],
    }


def build_to_json(build: Build, board_file: str | None = None, invoke_stack_bytes: int | None = None) -> Document:
    """What one build made; `stack_bytes` is what is set aside, `board_file` the board's own file when it has one."""
    image, schedule = build.image, build.schedule
    total = None if build.board.is_host else image.flash_bytes
    static = None if build.board.is_host else image.static_ram_bytes
    stack = None if build.board.is_host else image.stack_bytes
    return {
        "model": build.graph.name,
        "name": build.name,
        "model_hash": build.sources.model_hash,
        "versions": {"mcuq": build.version, "compiler": image.compiler, "python": platform.python_version()},
        "board": build.board.name,
        "board_file": board_file,
        "compiler": image.compiler,
        "options": {
            "keep_inputs": schedule.keep_inputs,
            "remove_dead_channels": build.removes_dead_channels,
            "compiler": image.compiler.partition(" ")[0],
            "optimize": build.goal.optimize,
            "max_flash": build.goal.max_flash_bytes,
            "max_ram": build.goal.max_ram_bytes,
            "tune": build.goal.tune,
            "ram_constants": build.goal.ram_constants,
            "energy_pin": build.goal.energy_pin,
            "monitors": build.goal.monitors,
        },
        "mlperf": _benchmark_firmware(build.mlperf),
        "elf": image.path.name,
        "macs": schedule.macs,
        "removed": removed_document(build.removed),
        "arena_bytes": build.plan.arena_bytes,
        "arena_regions": regions_document(build.plan),
        "arena_lower_bound_bytes": build.plan.lower_bound_bytes,
        "static_ram_bytes": static,
        "ram_constant_bytes": schedule.ram_constant_bytes,
        "stack_bytes": stack,
        "invoke_stack_bytes": invoke_stack_bytes,
        "worst_step": _worst_step(build),
        "ram_bytes": None if static is None or stack is None else build.plan.arena_bytes + static + stack,
        "flash_bytes": flash_document(total, image.constant_bytes),
        "flash_groups": None if total is None else image.flash_groups(build.name),
        "sections": dict(image.sections),
        "steps": steps_document(schedule),
    }


def _worst_step(build: Build) -> Document | None:
    """The step that takes longest by what its kernel estimates: what a watchdog or another task waits at most."""
    steps = [step for step in build.schedule.steps if step.cycles]
    if not steps or build.board.is_host:
        return None
    step = max(steps, key=lambda step: step.cycles)
    return {
        "index": step.index,
        "layers": list(step.layers),
        "estimated_cycles": step.cycles,
        "estimated_us": round(step.cycles / build.board.clock_hz * 1e6, 1),
    }


def _benchmark_firmware(firmware: BenchmarkFirmware | None) -> Document | None:
    if firmware is None:
        return None
    return {"benchmark": firmware.benchmark, "energy_mode": firmware.energy_mode}


def inspection_to_json(inspection: Inspection) -> Document:
    """What is known before anything is built; null where the model is not supported or no board was named."""
    i = inspection
    return {
        "model": i.graph.name,
        "board": i.board.name if i.board else None,
        "layers": [_layer(layer) for layer in i.layers],
        "unsupported": refusals_document(i.refused),
        "parameters": sum(layer.parameters for layer in i.layers),
        "macs": sum(layer.macs for layer in i.layers),
        "removed": removed_document(i.removed),
        "arena_bytes": i.plan.arena_bytes if i.plan else None,
        "arena_regions": regions_document(i.plan) if i.plan else None,
        "arena_lower_bound_bytes": i.plan.lower_bound_bytes if i.plan else None,
        "flash_bytes": flash_document(None, i.schedule.constant_bytes) if i.schedule else None,
        "fits": i.fits,
        "flash_free_bytes": i.flash_free_bytes,
        "ram_free_bytes": i.ram_free_bytes,
        "steps": steps_document(i.schedule) if i.schedule else [],
    }


def refused_to_json(model: str, board: str | None, refused: Sequence[Any]) -> Document:
    """The same document for a model that could not be imported; every value of `refused` has op, layers, reason."""
    nothing = dict.fromkeys(
        (
            "parameters",
            "macs",
            "removed",
            "arena_bytes",
            "arena_regions",
            "arena_lower_bound_bytes",
            "flash_bytes",
            "fits",
            "flash_free_bytes",
            "ram_free_bytes",
        )
    )
    document = {"model": model, "board": board, "layers": [], "unsupported": refusals_document(refused)}
    return {**document, **nothing, "steps": []}


def refusals_document(refused: Sequence[Any]) -> list[Document]:
    """Op, layers and reason of everything that stands in the way."""
    return [{"op": r.op, "layers": list(r.layers), "reason": r.reason} for r in refused]


def steps_document(schedule: Schedule) -> list[Document]:
    """The steps before they have run; the fields of a measured step and what is known of the memory of each."""
    places = {node.outputs[0]: position for position, node in enumerate(schedule.graph.nodes)}
    return [
        {**_planned_step(step), "nodes": [places[node.outputs[0]] for node in step.nodes]} for step in schedule.steps
    ]


def regions_document(plan: MemoryPlan) -> Document:
    """Bytes of the arena in each memory; an arena in one piece, on a board that names no fast memory, is `slow`."""
    return {"fast": plan.region_bytes("fast"), "slow": plan.region_bytes("slow")}


def removed_document(removed: Removed) -> Document:
    """What dead channels took."""
    return {"macs": removed.macs, "parameters": removed.parameters}


def flash_document(total: int | None, constants: int) -> Document:
    """`code` is all flash but the model's constants."""
    return {"total": total, "constants": constants, "code": None if total is None else total - constants}


def _layer(layer: Layer) -> Document:
    return {
        "name": layer.name,
        "op": layer.op,
        "shape": list(layer.shape),
        "dtype": layer.dtype,
        "quantization": layer.quantization,
        "parameters": layer.parameters,
        "macs": layer.macs,
    }


def _planned_step(step: Step) -> Document:
    return {
        "layers": list(step.layers),
        "kernel": step.kernel,
        "variant": step.variant,
        "macs": step.macs,
        "instructions": None,
        "cycles": None,
        "estimated_cycles": step.cycles,
        "scratch_bytes": step.scratch_bytes,
        "constant_bytes": step.constant_bytes,
        "constants_in_ram": step.constants_in_ram,
    }


def _measured_step(step: StepMeasurement) -> Document:
    return {
        "layers": list(step.layers),
        "kernel": step.kernel,
        "macs": step.macs,
        "instructions": step.instructions,
        "cycles": step.cycles,
        "scratch_bytes": step.scratch_bytes,
    }


def _spread(spread: Spread | None) -> Document | None:
    if spread is None:
        return None
    named = (("min", spread.min), ("median", spread.median), ("p95", spread.p95), ("max", spread.max))
    document = {name: None if figure is None else _number(figure) for name, figure in named}
    return document | {"jitter": spread.jitter}


def _difference(difference: Difference | None) -> Document | None:
    if difference is None:
        return None
    d = difference
    return {
        "sample": d.sample,
        "step": d.step,
        "layers": list(d.layers),
        "value": d.value,
        "element": list(d.element),
        "expected": _number(d.expected),
        "got": _number(d.got),
        "difference": _number(d.got - d.expected),
        "differing": d.differing,
    }


def _number(number: float) -> float | int | None:
    """A whole number without its point; JSON has no NaN and no infinity, so they are null."""
    if not math.isfinite(number):
        return None
    return int(number) if float(number).is_integer() else float(number)
