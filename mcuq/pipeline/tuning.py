"""Ways to compute a layer, measured: each is built alone and counted on the simulator, equal ones once.

What was measured is kept in the user's cache folder (XDG_CACHE_HOME, else ~/.cache): mcuq/tuning. A file's name is a
hash of the layer's shapes without its numbers, of all that its C is made of, of board, core timings, compiler and
version, so that nothing stale is found.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from mcuq import resources
from mcuq.artifacts import Build, Goal, MemoryPlan, Schedule
from mcuq.boards import Board
from mcuq.build import build_image, find_toolchain, optimize_flag
from mcuq.codegen import kernel_source, link_script
from mcuq.errors import InvalidBoard
from mcuq.ir import Graph, Node
from mcuq.ir.rewrite import remove_unused
from mcuq.memory import plan_memory
from mcuq.pipeline.profiling import pricing_text, profile
from mcuq.pipeline.rendering import VERSION, rendered
from mcuq.schedule import Candidate, reassembled
from mcuq.schedule.candidates import inputs_of

Progress = Callable[[str, int, int], None]


def measured_cost(
    graph: Graph, board: Board, compiler: str | None, optimize: str, progress: Progress | None = None
) -> Callable[[Candidate, int, int], int]:
    """What a candidate of `graph` costs on the board's simulator, in cycles of the board where its memory is known.

    Raises InvalidBoard where the board has no simulator.
    """
    if "sim" not in board.links:
        raise InvalidBoard(f"board '{board.name}' has no simulator, which --tune measures on; leave --tune out")
    rules = "\0".join((VERSION, find_toolchain(board, compiler).version, optimize, repr(board), pricing_text(board)))

    def cost(candidate: Candidate, done: int, total: int) -> int:
        if progress is not None:
            progress(f"measuring {candidate.kernel.name} {candidate.work.variant}".rstrip(), done, total)
        key = _signature(candidate, graph, rules)
        return _cached(key, lambda: _measured(graph, candidate, board, compiler, optimize))

    return cost


def measured_stack_bytes(built: Build) -> int:
    """The peak of the stack over one inference on the simulator."""
    return profile(built).stack_peak_bytes


def tuning_folder() -> Path:
    """Where measurements are kept."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    return Path(cache) / "mcuq" / "tuning"


def _alone(graph: Graph, candidate: Candidate, board: Board, optimize: str) -> tuple[Schedule, MemoryPlan]:
    """The candidate as the only step of a model."""
    nodes = tuple(_without_origin(node) for node in candidate.nodes)
    inputs = tuple(dict.fromkeys(inputs_of(candidate.nodes, graph)))
    layer = remove_unused(replace(graph, name="layer", nodes=nodes, inputs=inputs, outputs=nodes[-1].outputs))
    positions = tuple(range(len(layer.nodes)))
    planned = reassembled(layer, board.features, False, optimize, [(*candidate.way, positions)])
    return planned, plan_memory(planned)


def _without_origin(node: Node) -> Node:
    return replace(node, origin=())


def _signature(candidate: Candidate, graph: Graph, rules: str) -> str:
    """What decides how long the layer takes: its code and its shapes, not its numbers."""
    work = candidate.work
    said = [rules, _code_hash(), kernel_source(candidate.kernel.name), repr(candidate.way), repr(work.shape)]
    said += [repr((constant.role, constant.c_type, constant.bytes)) for constant in work.constants]
    said += [repr((work.scratch_bytes, [(o.margin_bytes, o.same_start) for o in work.overlaps]))]
    for node in candidate.nodes:
        values = (graph[name] for name in (*node.inputs, *node.outputs))
        said += [node.op, node.arithmetic, repr(node.attrs), *(f"{value.shape} {value.dtype.name}" for value in values)]
    return hashlib.sha256("\0".join(said).encode()).hexdigest()


@functools.cache
def _code_hash() -> str:
    """Of the templates and of the firmware's C."""
    found = hashlib.sha256()
    for folder in (resources.templates(), resources.firmware()):
        for path in sorted(path for path in folder.rglob("*") if path.suffix in {".j2", ".h", ".c"}):
            found.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return found.hexdigest()


def _cached(key: str, measure: Callable[[], int]) -> int:
    """The cycles in the cache, else measured and put there; a cache that cannot be written costs time alone."""
    path = tuning_folder() / f"{key}.json"
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return int(json.loads(path.read_text(encoding="utf-8"))["cycles"])
    cycles = measure()
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        waiting = path.with_name(f".{path.name}.{os.getpid()}.part")
        waiting.write_text(json.dumps({"cycles": cycles}) + "\n", encoding="utf-8")
        waiting.replace(path)
    return cycles


def _measured(graph: Graph, candidate: Candidate, board: Board, compiler: str | None, optimize: str) -> int:
    planned, plan = _alone(graph, candidate, board, optimize)
    sources = rendered(planned, plan, "layer")
    with tempfile.TemporaryDirectory(prefix="mcuq-tuning-") as folder:
        image = build_image(
            sources,
            board,
            Path(folder),
            constant_bytes=planned.constant_bytes,
            arena_bytes=plan.arena_bytes,
            link_script=link_script(board),
            compiler=compiler,
            optimize=optimize_flag(planned.optimize),
        )
        built = Build(
            Path(folder), sources.name, board, planned.graph, planned, plan, sources, image, VERSION, goal=Goal()
        )
        return round(profile(built).steps[0].cost.best_cycles)
