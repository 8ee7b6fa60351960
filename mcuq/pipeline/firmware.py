"""From a graph to C, and from C to firmware and back from its folder."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq import interpreter, resources
from mcuq.artifacts import BALANCED, BenchmarkFirmware, Build, Goal, MemoryPlan, Schedule, Sources
from mcuq.boards import Board
from mcuq.build import build_image, compile_line, optimize_flag, write_sources
from mcuq.build.compile import ELF_NAME
from mcuq.build.image import code_reader, read_image
from mcuq.build.stack import stack_bound_bytes
from mcuq.codegen import SelfTest, arrange, layout_named, link_script, self_test
from mcuq.errors import DoesNotFit, InvalidBoard, InvalidProject, UnsupportedModel
from mcuq.exporters import save_graph
from mcuq.importers import load_model
from mcuq.ir import Graph
from mcuq.memory import plan_memory
from mcuq.pipeline.boards import all_boards, find_board
from mcuq.pipeline.choosing import (
    FIRMWARE_BYTES,
    STATIC_BYTES,
    Budget,
    Cost,
    chosen_for_board,
    first_budget,
    planned_for_board,
    prepared,
    tightened,
)
from mcuq.pipeline.mlperf import benchmark_defines
from mcuq.pipeline.models import free_bytes, refused, removed
from mcuq.pipeline.rendering import VERSION, rendered
from mcuq.pipeline.tuning import Progress, measured_cost, measured_stack_bytes
from mcuq.report import build_to_json
from mcuq.schedule import constants_into_ram, reassembled, schedule

GRAPH_NAME = "graph.mcuq"
BUILD_NAME = "build.json"
SELFTEST_SEED = 1

Array = npt.NDArray[Any]

NO_GOAL = Goal()
LIMIT_ROUNDS = 6  # trial builds, until the limits are kept or nothing smaller is left


@dataclass(frozen=True, slots=True)
class Generated:
    """C in `folder`; `compile_line` is the one command that compiles it there."""

    sources: Sources
    schedule: Schedule
    plan: MemoryPlan
    folder: Path
    compile_line: str


def _refuse_unsupported(graph: Graph) -> None:
    found = refused(graph)
    if found:
        reasons = "".join(f"\n  {r.op} ({', '.join(r.layers)}): {r.reason}" for r in found)
        raise UnsupportedModel(f"model '{graph.name}' cannot be turned into C:{reasons}")


def _refuse_too_large(board: Board, planned: Schedule, plan: MemoryPlan) -> None:
    """Raise DoesNotFit: by how much, and what would help, as far as it is known without building again.

    The choice of kernels is the one that came nearest to the board (choosing.chosen_for_board), so that another goal
    does not help.
    """
    flash_free, ram_free = free_bytes(board, planned, plan)
    facts, helps = [], []
    if ram_free is not None and ram_free < 0 and board.ram is not None:
        room = board.ram.bytes - board.stack_bytes
        bound = plan.lower_bound_bytes
        copied_bytes = planned.ram_constant_bytes
        copied = f", copied constants of {copied_bytes} bytes" if copied_bytes else ""
        facts.append(
            f"the arena of {plan.arena_bytes} bytes{copied} and the stack of {board.stack_bytes} bytes need "
            f"{-ram_free} bytes more than the {board.ram.bytes} bytes of RAM of board '{board.name}'"
        )
        facts.append(
            f"no placement of these steps takes less than {bound} bytes"
            + (", more than the room by itself" if bound > room else "")
        )
        if copied_bytes:
            helps.append("a smaller --ram-constants")
        helps.append("a smaller input or fewer channels where the arena is largest (`mcuq inspect` shows the step)")
    if flash_free is not None and flash_free < 0 and board.flash is not None:
        facts.append(
            f"the constants of {planned.constant_bytes} bytes need {-flash_free} bytes more than the "
            f"{board.flash.bytes} bytes of flash of board '{board.name}'"
        )
        helps.append("4-bit weights (`mcuq quantize --recipe int4`) or a smaller model")
    if facts:
        roomy = _roomier(board, planned, plan)
        helps.append(f"a board with the room: {', '.join(roomy)}" if roomy else "a larger board than mcuq knows")
        raise DoesNotFit("; ".join(facts) + "; what would help: " + "; ".join(helps))


def _roomier(board: Board, planned: Schedule, plan: MemoryPlan, most: int = 3) -> tuple[str, ...]:
    """The names of boards where these steps have room, those with least RAM first."""
    fitting = []
    for other in all_boards():
        flash_free, ram_free = free_bytes(other, planned, plan)
        if other.name == board.name or other.ram is None or flash_free is None or ram_free is None:
            continue
        if flash_free >= planned.code_bytes + FIRMWARE_BYTES and ram_free >= STATIC_BYTES:
            fitting.append((other.ram.bytes, other.name))
    return tuple(name for _, name in sorted(fitting)[:most])


def _is_fast(plan: MemoryPlan) -> bool:
    """Whether the whole arena fits the fast memory."""
    return [region.name for region in plan.regions] == ["fast"]


def _selftest_vectors(planned: Schedule, samples: int) -> SelfTest | None:
    """Seeded random inputs and what the interpreter says that every step writes."""
    if not samples:
        return None
    if any(interpreter.tolerances(planned.graph).values()):
        raise UnsupportedModel("a self-test compares bits, which float steps do not promise; generate without one")
    generator = np.random.default_rng(SELFTEST_SEED)
    inputs = [_random_input(planned.graph, name, samples, generator) for name in planned.graph.inputs]
    values = interpreter.run_all(planned.graph, inputs)
    return self_test(planned, [{name: array[i] for name, array in values.items()} for i in range(samples)])


def _random_input(graph: Graph, name: str, samples: int, generator: np.random.Generator) -> Array:
    tensor = graph.tensor(name)
    shape = (samples, *tensor.shape)
    if tensor.dtype.is_integer:
        return generator.integers(tensor.dtype.minimum, tensor.dtype.maximum + 1, shape, tensor.dtype.numpy)
    return generator.normal(size=shape).astype(tensor.dtype.numpy)


def _prepared(graph: Graph, remove_dead_channels: bool) -> Graph:
    _refuse_unsupported(graph)
    return prepared(graph, remove_dead_channels)


def generated(
    graph: Graph, features: frozenset[str], keep_inputs: bool, name: str | None, remove_dead_channels: bool = True
) -> tuple[Schedule, MemoryPlan, Sources]:
    """The graph scheduled, planned and as C, in memory; raises UnsupportedModel."""
    graph = _prepared(graph, remove_dead_channels)
    planned = schedule(graph, features, keep_inputs)
    plan = plan_memory(planned)
    return planned, plan, rendered(planned, plan, name)


def codegen(
    graph: Graph,
    out_dir: Path,
    *,
    name: str | None = None,
    keep_inputs: bool = False,
    remove_dead_channels: bool = True,
    optimize: str = BALANCED,
    ram_constants: str = "none",
    selftest: int | None = None,
    board: Board | None = None,
    layout: str = "plain",
    labels: Sequence[str] = (),
    protocol: bool = False,
    monitors: bool = False,
) -> Generated:
    """Only the C, for embedding, in `out_dir`, as `layout` (one of LAYOUTS) wants it.

    `selftest` random inputs are embedded with a checksum per step; when left out 1, and 0 for a flat folder and for
    models that compute in float. `labels` name the elements of output 0. `protocol` adds the device side of
    the serial protocol, so that `mcuq run` can validate the model inside the application. `ram_constants` says which
    constants become data that start-up copies into RAM (schedule.constants_into_ram), `monitors` counts what the model
    does in the field. Examples
    that are there already are kept. Raises UnsupportedModel, InvalidProject (no such layout; labels that do not fit).
    """
    wanted = layout_named(layout)
    _refuse_labels(graph, labels)
    if selftest is None:
        selftest = 0 if wanted.name == "plain" or any(interpreter.tolerances(graph).values()) else 1
    flags = board.compiler.gcc if board else ()
    ready = _prepared(graph, remove_dead_channels)
    planned, plan = chosen_for_board(ready, board, keep_inputs, optimize, Budget())
    planned = constants_into_ram(planned, ram_constants)
    vectors = _selftest_vectors(planned, selftest)
    sources = rendered(planned, plan, name, vectors, labels=tuple(labels), monitors=monitors)
    sources = arrange(
        sources,
        planned,
        plan,
        wanted,
        version=VERSION,
        folder=out_dir.resolve().name,
        cpu_flags=" ".join(flags),
        labels=tuple(labels),
        protocol=protocol,
    )
    kept = {file.path for file in sources.of_role("example") if (out_dir / file.path).exists()}
    files = tuple(file for file in sources.files if file.path not in kept)
    out_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".generating-", dir=out_dir) as folder:
        for file, path in zip(files, write_sources(files, Path(folder)), strict=True):
            target = out_dir / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
    c_files = [file.path for file in sources.of_role("model", "selftest", "protocol") if file.path.endswith(".c")]
    command = "cc" if board is None or board.is_host else "arm-none-eabi-gcc"
    line = compile_line(command, flags, c_files, wanted.headers or ".", optimize_flag(optimize))
    return Generated(sources, planned, plan, out_dir, line)


def _refuse_labels(graph: Graph, labels: Sequence[str]) -> None:
    """Raise InvalidProject unless there is one label for each element of output 0."""
    elements = graph.tensor(graph.outputs[0]).elements if labels and graph.outputs else 0
    if len(labels) != elements:
        raise InvalidProject(
            f"there are {len(labels)} labels for the {elements} elements of output 0; give one a line, in their order"
        )


@dataclass(frozen=True, slots=True)
class _Order:
    """What a build is made of, whatever kernels are chosen."""

    graph: Graph
    prepared: Graph
    board: Board
    name: str | None
    compiler: str | None
    keep_inputs: bool
    remove_dead_channels: bool
    goal: Goal
    cost: Cost | None
    mlperf: BenchmarkFirmware | None = None

    def choose(self, budget: Budget) -> tuple[Schedule, MemoryPlan]:
        """Schedule and plan under a budget; raises UnsupportedModel."""
        planned, plan = chosen_for_board(
            self.prepared, self.board, self.keep_inputs, self.goal.optimize, budget, self.cost
        )
        return constants_into_ram(planned, self.goal.ram_constants), plan

    def _defines(self) -> tuple[str, ...]:
        """What the firmware is told; raises InvalidBoard where it is to move a pin that its board does not name."""
        if self.mlperf is not None:
            return tuple(benchmark_defines(self.graph, self.board, self.mlperf))
        if not self.goal.energy_pin:
            return ()
        if self.board.port.marker is None:
            raise InvalidBoard(
                f"board '{self.board.name}' names no pin for --energy-pin; add [port.marker] to its file"
            )
        return ("MCUQ_MARK_INFERENCES",)

    def make(self, planned: Schedule, plan: MemoryPlan, out_dir: Path) -> Build:
        """The firmware in `out_dir`; raises DoesNotFit, ToolMissing, BuildFailed."""
        _refuse_too_large(self.board, planned, plan)
        sources = rendered(planned, plan, self.name, monitors=self.goal.monitors)
        image = build_image(
            sources,
            self.board,
            out_dir,
            constant_bytes=planned.constant_bytes,
            arena_bytes=plan.arena_bytes,
            link_script=link_script(self.board, arena_is_fast=_is_fast(plan)),
            compiler=self.compiler,
            optimize=optimize_flag(self.goal.optimize),
            program=None if self.mlperf is None else _benchmark_program(),
            defines=self._defines(),
        )
        return Build(
            folder=out_dir,
            name=sources.name,
            board=self.board,
            graph=self.graph,
            schedule=planned,
            plan=plan,
            sources=sources,
            image=image,
            version=VERSION,
            removes_dead_channels=self.remove_dead_channels,
            removed=removed(self.graph, planned.graph),
            goal=self.goal,
            mlperf=self.mlperf,
        )


def _benchmark_program() -> list[Path]:
    folders = (resources.firmware() / "mlperf", resources.firmware() / "marker")
    return sorted(path for folder in folders for path in folder.glob("*.c"))


def build(
    graph: Graph,
    board: Board,
    out_dir: Path,
    *,
    name: str | None = None,
    compiler: str | None = None,
    keep_inputs: bool = False,
    remove_dead_channels: bool = True,
    board_file: Path | None = None,
    goal: Goal = NO_GOAL,
    progress: Progress | None = None,
    mlperf: BenchmarkFirmware | None = None,
) -> Build:
    """C sources, firmware ELF, saved graph and build.json in `out_dir`; `board_file` where the board came by path.

    Kernels are chosen for `goal`; `progress(what, done, total)` is told what is measured where it says `tune`.
    `mlperf` asks for the firmware of a benchmark, which keeps its inputs: it infers often from what is loaded once.
    Raises UnsupportedModel, DoesNotFit, ToolMissing, BuildFailed; then `out_dir` keeps what it had.
    """
    keep_inputs = keep_inputs or mlperf is not None
    ready = _prepared(graph, remove_dead_channels)
    cost = measured_cost(ready, board, compiler, goal.optimize, progress) if goal.tune else None
    order = _Order(graph, ready, board, name, compiler, keep_inputs, remove_dead_channels, goal, cost, mlperf)
    planned, plan = _within_limits(order)
    made = order.make(planned, plan, out_dir)
    _write_whole(out_dir / GRAPH_NAME, save_graph(graph))
    stack = stack_bound_bytes(made.image, code_reader(made.image.path), made.name)
    document = build_to_json(made, str(board_file.resolve()) if board_file else None, stack)
    _write_whole(out_dir / BUILD_NAME, (json.dumps(document, indent=2) + "\n").encode())
    return made


def _within_limits(order: _Order) -> tuple[Schedule, MemoryPlan]:
    """The choice whose finished firmware keeps the limits of the goal: budgets shrink by what trial builds exceed."""
    goal = order.goal
    budget = first_budget(goal)
    planned, plan = order.choose(budget)
    if goal.max_flash_bytes is None and goal.max_ram_bytes is None:
        return planned, plan
    for _ in range(LIMIT_ROUNDS):
        with tempfile.TemporaryDirectory(prefix="mcuq-trial-") as folder:
            trial = order.make(planned, plan, Path(folder))
            flash_bytes, ram_bytes = trial.image.flash_bytes, _ram_bytes(trial)
        beyond = _beyond(flash_bytes, goal.max_flash_bytes), _beyond(ram_bytes, goal.max_ram_bytes)
        if beyond == (0, 0):
            return planned, plan
        budget = tightened(budget, planned, plan, *beyond)
        previous, (planned, plan) = planned, order.choose(budget)
        if planned.steps == previous.steps:
            break
    if goal.enforced:
        _refuse_limits(order, trial, ram_bytes)
    return planned, plan


def _beyond(found: int, limit: int | None) -> int:
    return 0 if limit is None else max(0, found - limit)


def _ram_bytes(built: Build) -> int:
    """Arena, static and the peak of the stack: measured where there is a simulator, else what is set aside for it."""
    stack_bytes = measured_stack_bytes(built) if "sim" in built.board.links else built.board.stack_bytes
    return built.plan.arena_bytes + built.image.static_ram_bytes + stack_bytes


def _refuse_limits(order: _Order, trial: Build, ram_bytes: int) -> None:
    """Raise DoesNotFit: by how much, and what would help."""
    goal, image = order.goal, trial.image
    flash_over = _beyond(image.flash_bytes, goal.max_flash_bytes)
    ram_over = _beyond(ram_bytes, goal.max_ram_bytes)
    sentences = []
    if flash_over:
        sentences.append(
            f"--max-flash {goal.max_flash_bytes}: the smallest firmware takes {image.flash_bytes} bytes, {flash_over} "
            f"too many ({image.constant_bytes} of constants, {image.code_bytes} of code)"
        )
    if ram_over:
        sentences.append(
            f"--max-ram {goal.max_ram_bytes}: the least RAM is {ram_bytes} bytes, {ram_over} too many "
            f"({trial.plan.arena_bytes} of arena, where no placement of its steps goes below "
            f"{trial.plan.lower_bound_bytes})"
        )
    helps = []
    if flash_over and ram_over:
        helps.append("one limit alone may be kept")
    if flash_over:
        helps.append("weights of fewer bits (`mcuq quantize --recipe int4`)")
    if ram_over:
        helps.append("a smaller input or narrower first layers")
    raise DoesNotFit("; ".join(sentences) + f"; what would help: a higher limit, {', '.join(helps)}")


def _write_whole(path: Path, data: bytes) -> None:
    waiting = path.with_name(f".{path.name}.part")
    waiting.write_bytes(data)
    waiting.replace(path)


def open_build(folder: Path) -> Build:
    """The Build that an earlier `build` left in `folder`; raises InvalidProject when it is not one, or is too old."""
    try:
        facts = json.loads((folder / BUILD_NAME).read_text(encoding="utf-8"))
        board_name, name, options = facts["board"], facts["name"], facts["options"]
        keep_inputs, dead_go = options["keep_inputs"], options["remove_dead_channels"]
        compiler, made_by = facts["compiler"], facts["versions"]["mcuq"]
        optimize = options["optimize"]
        ways = [(step["kernel"], step["variant"], tuple(step["nodes"])) for step in facts["steps"]]
        firmware = None if facts["mlperf"] is None else BenchmarkFirmware(**facts["mlperf"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidProject(
            f"{folder} is not the folder of a build ({error}); run `mcuq build -o {folder}`"
        ) from error
    if made_by != VERSION:
        raise InvalidProject(f"{folder} was built by mcuq {made_by}, this is {VERSION}; run `mcuq build` again")
    board = find_board(facts.get("board_file") or board_name)
    graph = load_model(folder / GRAPH_NAME)
    planned = reassembled(_prepared(graph, dead_go), board.features, keep_inputs, optimize, ways)
    plan = planned_for_board(planned, board)
    planned = constants_into_ram(planned, options["ram_constants"])
    sources = rendered(planned, plan, name, monitors=options["monitors"])
    image = read_image(folder / ELF_NAME, board, compiler, planned.constant_bytes, plan.arena_bytes)
    dead = removed(graph, planned.graph)
    goal = Goal(
        optimize,
        options["max_flash"],
        options["max_ram"],
        options["tune"],
        options["ram_constants"],
        options["energy_pin"],
        options["monitors"],
    )
    return Build(folder, name, board, graph, planned, plan, sources, image, VERSION, dead_go, dead, goal, firmware)
