"""Profiles as JSON documents."""

from __future__ import annotations

from typing import Any

from mcuq.artifacts import Cost, Estimate, HotBlock, Profile, Spread
from mcuq.report.documents import flash_document, removed_document

Document = dict[str, Any]


def profile_to_json(profile: Profile) -> Document:
    """Everything that a profile knows; `board` figures are null without a memory model, cycles are whole."""
    build = profile.build
    return {
        "model": build.name,
        "board": build.board.name,
        "compiler": build.image.compiler,
        "data": profile.data,
        "samples": profile.samples,
        "core": _estimate(profile.core),
        "memory": _estimate(profile.memory) if profile.memory else None,
        "macs": profile.macs,
        "removed": removed_document(profile.build.removed),
        "peak_macs_per_cycle": profile.peak_macs_per_cycle,
        **_cost(profile.cost),
        "arena_bytes": build.plan.arena_bytes,
        "static_ram_bytes": build.image.static_ram_bytes,
        "stack_bytes": profile.stack_peak_bytes,
        "ram_bytes": profile.ram_bytes,
        "flash_bytes": flash_document(build.image.flash_bytes, build.image.constant_bytes),
        "steps": [_step(step) for step in profile.steps],
        "functions": [{"name": f.name, "macs": f.macs, **_cost(f.cost)} for f in profile.functions],
        "hot": [_hot_block(block) for block in profile.hot],
    }


def _estimate(estimate: Estimate) -> Document:
    return {
        "name": estimate.name,
        "description": estimate.description,
        "source": estimate.source,
        "error": estimate.error,
        "clock_hz": estimate.clock_hz or None,
        "cycles": _cycles(estimate.cycles),
        "latency_ms": estimate.latency_ms,
        "events": dict(estimate.events),
    }


def _cycles(spread: Spread) -> Document:
    return {"min": round(spread.min), "median": round(spread.median), "max": round(spread.max)}


def _cost(cost: Cost) -> Document:
    return {
        "instructions": cost.instructions,
        "core_cycles": round(cost.cycles),
        "board_cycles": None if cost.board_cycles is None else round(cost.board_cycles),
        "loads": cost.loads,
        "stores": cost.stores,
        "moved_bytes": cost.moved_bytes,
    }


def _step(step: Any) -> Document:
    return {
        "layers": list(step.layers),
        "kernel": step.kernel,
        "macs": step.macs,
        **_cost(step.cost),
        "constant_bytes": step.constant_bytes,
        "scratch_bytes": step.scratch_bytes,
        "stack_bytes": step.stack_bytes,
    }


def _hot_block(block: HotBlock) -> Document:
    return {
        "function": block.function,
        "offset_bytes": block.offset_bytes,
        "bytes": block.bytes,
        "times": block.times,
        "core_cycles": round(block.cycles),
        "instructions": [{"address": line.address, "text": line.text, "times": line.times} for line in block.lines],
    }
