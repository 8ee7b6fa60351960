"""From a graph to C, and from C to firmware and back from its folder."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq import interpreter
from mcuq.artifacts import Build, MemoryPlan, Schedule, Sources
from mcuq.boards import Board
from mcuq.build import build_image, compile_line, write_sources
from mcuq.build.compile import ELF_NAME
from mcuq.build.image import read_image
from mcuq.codegen import SelfTest, arrange, generate, layout_named, link_script, model_name, self_test
from mcuq.errors import DoesNotFit, InvalidProject, UnsupportedModel
from mcuq.exporters import save_graph
from mcuq.importers import load_model
from mcuq.ir import Graph
from mcuq.memory import plan_memory
from mcuq.pipeline.boards import find_board
from mcuq.pipeline.models import free_bytes, prepared, refused, removed
from mcuq.report import build_to_json
from mcuq.schedule import known_kernels, schedule

VERSION = installed_version("mcuq")
GRAPH_NAME = "graph.mcuq"
BUILD_NAME = "build.json"
SELFTEST_SEED = 1

Array = npt.NDArray[Any]


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
    flash_free, ram_free = free_bytes(board, planned, plan)
    if ram_free is not None and ram_free < 0 and board.ram is not None:
        raise DoesNotFit(
            f"the arena of {plan.arena_bytes} bytes and the stack of {board.stack_bytes} bytes need {-ram_free} bytes "
            f"more than the {board.ram.bytes} bytes of RAM of board '{board.name}'; choose a smaller model or input, "
            "or a larger board (`mcuq boards`)"
        )
    if flash_free is not None and flash_free < 0 and board.flash is not None:
        raise DoesNotFit(
            f"the constants of {planned.constant_bytes} bytes need {-flash_free} bytes more than the "
            f"{board.flash.bytes} bytes of flash of board '{board.name}'; choose a smaller model or a larger board "
            "(`mcuq boards`)"
        )


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


def generated(
    graph: Graph,
    features: frozenset[str],
    keep_inputs: bool,
    name: str | None,
    selftest: int = 0,
    remove_dead_channels: bool = True,
    labels: tuple[str, ...] = (),
) -> tuple[Schedule, MemoryPlan, Sources]:
    """The graph scheduled, planned and as C, in memory; raises UnsupportedModel."""
    _refuse_unsupported(graph)
    graph = prepared(graph, remove_dead_channels)
    planned = schedule(graph, features, keep_inputs)
    plan = plan_memory(planned)
    sources = generate(
        planned,
        plan,
        name=model_name(name or graph.name),
        model_hash=hashlib.sha256(save_graph(graph)).hexdigest(),
        version=VERSION,
        parameter_types={kernel.name: kernel.parameters_type for kernel in known_kernels()},
        selftest=_selftest_vectors(planned, selftest),
        labels=labels,
    )
    return planned, plan, sources


def codegen(
    graph: Graph,
    out_dir: Path,
    *,
    name: str | None = None,
    keep_inputs: bool = False,
    remove_dead_channels: bool = True,
    selftest: int | None = None,
    board: Board | None = None,
    layout: str = "plain",
    labels: Sequence[str] = (),
    protocol: bool = False,
) -> Generated:
    """Only the C, for embedding, in `out_dir`, as `layout` (one of LAYOUTS) wants it.

    `selftest` random inputs are embedded with a checksum per step; when left out 1, and 0 for a flat folder and for
    models that compute in float. `labels` name the elements of output 0. `protocol` adds the device side of
    the serial protocol, so that `mcuq run` can validate the model inside the application. Examples
    that are there already are kept. Raises UnsupportedModel, InvalidProject (no such layout; labels that do not fit).
    """
    features = board.features if board else frozenset()
    wanted = layout_named(layout)
    _refuse_labels(graph, labels)
    if selftest is None:
        selftest = 0 if wanted.name == "plain" or any(interpreter.tolerances(graph).values()) else 1
    flags = board.compiler.gcc if board else ()
    planned, plan, sources = generated(
        graph, features, keep_inputs, name, selftest, remove_dead_channels, tuple(labels)
    )
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
    return Generated(sources, planned, plan, out_dir, compile_line(command, flags, c_files, wanted.headers or "."))


def _refuse_labels(graph: Graph, labels: Sequence[str]) -> None:
    """Raise InvalidProject unless there is one label for each element of output 0."""
    elements = graph.tensor(graph.outputs[0]).elements if labels and graph.outputs else 0
    if len(labels) != elements:
        raise InvalidProject(
            f"there are {len(labels)} labels for the {elements} elements of output 0; give one a line, in their order"
        )


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
) -> Build:
    """C sources, firmware ELF, saved graph and build.json in `out_dir`; `board_file` where the board came by path.

    Raises UnsupportedModel, DoesNotFit, ToolMissing, BuildFailed; then `out_dir` keeps what it had.
    """
    planned, plan, sources = generated(
        graph, board.features, keep_inputs, name, remove_dead_channels=remove_dead_channels
    )
    _refuse_too_large(board, planned, plan)
    image = build_image(
        sources,
        board,
        out_dir,
        constant_bytes=planned.constant_bytes,
        arena_bytes=plan.arena_bytes,
        link_script=link_script(board),
        compiler=compiler,
    )
    dead = removed(graph, planned.graph)
    made = Build(
        out_dir, sources.name, board, graph, planned, plan, sources, image, VERSION, remove_dead_channels, dead
    )
    _write_whole(out_dir / GRAPH_NAME, save_graph(graph))
    document = build_to_json(made, str(board_file.resolve()) if board_file else None)
    _write_whole(out_dir / BUILD_NAME, (json.dumps(document, indent=2) + "\n").encode())
    return made


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
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidProject(
            f"{folder} is not the folder of a build ({error}); run `mcuq build -o {folder}`"
        ) from error
    if made_by != VERSION:
        raise InvalidProject(f"{folder} was built by mcuq {made_by}, this is {VERSION}; run `mcuq build` again")
    board = find_board(facts.get("board_file") or board_name)
    graph = load_model(folder / GRAPH_NAME)
    planned, plan, sources = generated(graph, board.features, keep_inputs, name, remove_dead_channels=dead_go)
    image = read_image(folder / ELF_NAME, board, compiler, planned.constant_bytes, plan.arena_bytes)
    dead = removed(graph, planned.graph)
    return Build(folder, name, board, graph, planned, plan, sources, image, VERSION, dead_go, dead)
