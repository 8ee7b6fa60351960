"""The order of the stages, as readable functions: mcuq's Python API."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq import boards, interpreter, resources
from mcuq.artifacts import (
    Answers,
    Build,
    Difference,
    Inspection,
    Layer,
    Measurement,
    MemoryPlan,
    Refused,
    Samples,
    Schedule,
    Sources,
    StepMeasurement,
    Trace,
)
from mcuq.boards import Board
from mcuq.build import build_image, compile_line, write_sources
from mcuq.build.compile import ELF_NAME
from mcuq.build.image import read_image
from mcuq.codegen import SelfTest, generate, link_script, model_name, self_test
from mcuq.errors import DoesNotFit, InvalidData, InvalidProject, UnsupportedModel
from mcuq.exporters import save_graph
from mcuq.importers import load_model
from mcuq.importers.samples import load_samples
from mcuq.ir import Constant, Graph
from mcuq.ir.text import value_to_text
from mcuq.memory import plan_memory
from mcuq.ops import call_of, card_of, is_known, refusals
from mcuq.passes import simplify
from mcuq.report import build_to_json
from mcuq.report.verdict import accuracy, equal_samples, predicted_classes, spread
from mcuq.run.client import Client
from mcuq.run.link import Link
from mcuq.run.links import open_link
from mcuq.run.validate import Target, answers, check_identity, compare_steps, count, count_steps
from mcuq.schedule import KERNELS, schedule

VERSION = installed_version("mcuq")
GRAPH_NAME = "graph.mcuq"
BUILD_NAME = "build.json"
SELFTEST_SEED = 1

Progress = Callable[[int, int], None]
Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Generated:
    """C in `folder`; `compile_line` is the one command that compiles it there."""

    sources: Sources
    schedule: Schedule
    plan: MemoryPlan
    folder: Path
    compile_line: str


def board_folders() -> tuple[Path, ...]:
    """Where boards are looked for: the user's ./boards first, then mcuq's own."""
    return Path("boards"), resources.boards()


def find_board(name_or_path: str | Path) -> Board:
    """The board of that name, or the one in that .toml file; raises InvalidBoard."""
    return boards.find_board(name_or_path, board_folders())


def all_boards() -> tuple[Board, ...]:
    """Every board that has a name; raises InvalidBoard when a file is wrong."""
    return boards.all_boards(board_folders())


def load(path: str | Path) -> Graph:
    """A model file (.tflite or .mcuq) as a simplified graph.

    Raises InvalidModel for a damaged file and UnsupportedModel with everything that is not supported.
    """
    return simplify(load_model(Path(path)))


def _layers(graph: Graph) -> tuple[Layer, ...]:
    layers = []
    for node in graph.nodes:
        output = graph.tensor(node.outputs[0])
        parameters = sum(v.elements for v in graph.operands(node) if isinstance(v, Constant))
        macs = card_of(node.op).macs(call_of(node, graph)) if is_known(node.op) else 0
        text = value_to_text(output).partition(" ")[2]
        name = node.origin[-1] if node.origin else output.name
        layers.append(Layer(name, node.op, output.shape, output.dtype.name, text, parameters, macs))
    return tuple(layers)


def _refused(graph: Graph) -> tuple[Refused, ...]:
    return tuple(Refused(refusal.op, refusal.layers, refusal.reason) for refusal in refusals(graph))


def inspect(graph: Graph, board: Board | None = None, *, keep_inputs: bool = False) -> Inspection:
    """Layers, refusals, exact arena and constants, and whether that fits the board."""
    refused = _refused(graph)
    planned: Schedule | None = None
    plan: MemoryPlan | None = None
    if not refused:
        try:
            planned = schedule(graph, board.features if board else frozenset(), keep_inputs)
            plan = plan_memory(planned)
        except UnsupportedModel as error:
            refused = (Refused("", (), str(error)),)
    flash_free, ram_free = _free_bytes(board, planned, plan)
    fits = None if flash_free is None or ram_free is None else flash_free >= 0 and ram_free >= 0
    return Inspection(graph, _layers(graph), refused, planned, plan, board, fits, flash_free, ram_free)


def _free_bytes(
    board: Board | None, planned: Schedule | None, plan: MemoryPlan | None
) -> tuple[int | None, int | None]:
    """Flash less constants, and RAM less arena and stack; firmware and code come on top. None where nothing is known."""
    if board is None or board.flash is None or board.ram is None or planned is None or plan is None:
        return None, None
    return board.flash.bytes - planned.constant_bytes, board.ram.bytes - plan.arena_bytes - board.stack_bytes


def _refuse_unsupported(graph: Graph) -> None:
    refused = _refused(graph)
    if refused:
        reasons = "".join(f"\n  {r.op} ({', '.join(r.layers)}): {r.reason}" for r in refused)
        raise UnsupportedModel(f"model '{graph.name}' cannot be turned into C:{reasons}")


def _refuse_too_large(board: Board, planned: Schedule, plan: MemoryPlan) -> None:
    flash_free, ram_free = _free_bytes(board, planned, plan)
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


def _generate(
    graph: Graph, features: frozenset[str], keep_inputs: bool, name: str | None, selftest: int = 0
) -> tuple[Schedule, MemoryPlan, Sources]:
    _refuse_unsupported(graph)
    planned = schedule(graph, features, keep_inputs)
    plan = plan_memory(planned)
    sources = generate(
        planned,
        plan,
        name=model_name(name or graph.name),
        model_hash=hashlib.sha256(save_graph(graph)).hexdigest(),
        version=VERSION,
        parameter_types={kernel.name: kernel.parameters_type for kernel in KERNELS},
        selftest=_selftest_vectors(planned, selftest),
    )
    return planned, plan, sources


def codegen(
    graph: Graph,
    out_dir: Path,
    *,
    name: str | None = None,
    keep_inputs: bool = False,
    selftest: int = 0,
    board: Board | None = None,
) -> Generated:
    """Only the C, for embedding, in `out_dir`; `selftest` random inputs are embedded with a checksum per step.

    Raises UnsupportedModel.
    """
    features = board.features if board else frozenset()
    planned, plan, sources = _generate(graph, features, keep_inputs, name, selftest)
    files = sources.of_role("model", "header", "selftest")
    out_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".generating-", dir=out_dir) as folder:
        for file, path in zip(files, write_sources(files, Path(folder)), strict=True):
            target = out_dir / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
    c_files = [file.path for file in files if file.path.endswith(".c")]
    flags = board.compiler.gcc if board else ()
    command = "cc" if board is None or board.is_host else "arm-none-eabi-gcc"
    return Generated(sources, planned, plan, out_dir, compile_line(command, flags, c_files, "."))


def build(
    graph: Graph,
    board: Board,
    out_dir: Path,
    *,
    name: str | None = None,
    compiler: str | None = None,
    keep_inputs: bool = False,
) -> Build:
    """C sources, firmware ELF, saved graph and build.json in `out_dir`.

    Raises UnsupportedModel, DoesNotFit, ToolMissing, BuildFailed; then `out_dir` keeps what it had.
    """
    planned, plan, sources = _generate(graph, board.features, keep_inputs, name)
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
    made = Build(out_dir, sources.name, board, graph, planned, plan, sources, image, VERSION)
    _write_whole(out_dir / GRAPH_NAME, save_graph(graph))
    _write_whole(out_dir / BUILD_NAME, (json.dumps(build_to_json(made), indent=2) + "\n").encode())
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
        keep_inputs, compiler, made_by = options["keep_inputs"], facts["compiler"], facts["versions"]["mcuq"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidProject(f"{folder} is not the folder of a build ({error}); run `mcuq build -o {folder}`") from error
    if made_by != VERSION:
        raise InvalidProject(f"{folder} was built by mcuq {made_by}, this is {VERSION}; run `mcuq build` again")
    board = find_board(facts.get("board_file") or board_name)
    graph = load_model(folder / GRAPH_NAME)
    planned, plan, sources = _generate(graph, board.features, keep_inputs, name)
    image = read_image(folder / ELF_NAME, board, compiler, planned.constant_bytes, plan.arena_bytes)
    return Build(folder, name, board, graph, planned, plan, sources, image, VERSION)


def default_link(board: Board) -> str:
    """The link that `run` takes when none is asked for."""
    return board.links[0]


def _deadline_s(planned: Schedule) -> float:
    """Generous: an emulator that counts does some ten million instructions a second, a MAC takes less than ten."""
    return 60.0 + planned.macs / 1e6


def _limited(samples: Samples, limit: int | None) -> Samples:
    if samples.count == 0:
        raise InvalidData(f"{samples.source} holds no samples")
    if limit is None or limit >= samples.count:
        return samples
    labels = None if samples.labels is None else samples.labels[:limit]
    return Samples(tuple(array[:limit] for array in samples.inputs), labels, samples.source)


def _first_difference(
    client: Client, target: Target, samples: Samples, got: Answers, expected: Sequence[Array]
) -> Difference | None:
    """The first step that parts from the reference, in the first sample whose outputs do."""
    wrong = np.flatnonzero(~equal_samples(got.outputs, expected))
    if not len(wrong):
        return None
    return _compare(client, target, samples, int(wrong[0])) or _output_difference(target, got, expected, int(wrong[0]))


def _compare(client: Client, target: Target, samples: Samples, sample: int) -> Difference | None:
    values = interpreter.run_all(target.schedule.graph, [array[sample : sample + 1] for array in samples.inputs])
    return compare_steps(client, target, samples, sample, {name: array[0] for name, array in values.items()})


def _output_difference(target: Target, got: Answers, expected: Sequence[Array], sample: int) -> Difference:
    """Every step alone is right, yet the whole is not: the plan or the transport is at fault, so name the output."""
    for name, mine, theirs in zip(target.schedule.graph.outputs, got.outputs, expected, strict=True):
        differs = np.argwhere(mine[sample] != theirs[sample])
        if len(differs):
            element = tuple(int(i) for i in differs[0])
            last = len(target.schedule.steps)
            pair = float(theirs[sample][element]), float(mine[sample][element])
            return Difference(sample, last, (), name, element, *pair, len(differs))
    raise InvalidData("outputs differ, but no element does")


def _step_measurements(planned: Schedule, trace: Trace | None) -> tuple[StepMeasurement, ...]:
    counted = trace.steps if trace is not None and len(trace.steps) == len(planned.steps) else None
    return tuple(
        StepMeasurement(
            layers=step.layers,
            kernel=step.kernel,
            macs=step.macs,
            instructions=counted[step.index].instructions if counted else None,
            cycles=counted[step.index].cycles if counted else None,
            scratch_bytes=step.scratch_bytes,
        )
        for step in planned.steps
    )


def run(
    build: Build,
    samples: Samples,
    *,
    link: str | None = None,
    limit: int | None = None,
    per_step: bool = False,
    count_samples: int = 3,
    qemu_args: str | None = None,
    progress: Progress | None = None,
) -> Measurement:
    """The validation run: every sample on the device, compared with the reference, counted and weighed.

    `per_step` compares every step of the first `count_samples` samples, not only the outputs.
    Raises DeviceError and its children, ToolMissing, InvalidData.
    """
    samples = _limited(samples, limit)
    kind = link or default_link(build.board)
    target = Target(build.board, build.schedule, build.plan, build.sources.model_hash, _deadline_s(build.schedule))
    expected = interpreter.run(build.graph, samples.inputs)
    with closing(
        open_link(kind, build.image, build.board, build.name, len(build.schedule.steps), qemu_args=qemu_args)
    ) as opened:
        client = Client(opened)
        check_identity(client, target)
        got = answers(client, target, samples, progress)
        traces = count(client, opened, target, samples, count_samples)
        stats = client.stats()
        difference = _first_difference(client, target, samples, got, expected)
        if per_step:
            for sample in range(min(count_samples, samples.count)):
                difference = difference or _compare(client, target, samples, sample)
            traces = _with_steps(traces, client, opened, target, samples)
    return _measurement(build, kind, samples, got, expected, difference, traces, stats.stack_peak_bytes)


def _with_steps(
    traces: tuple[Trace, ...], client: Client, link: Link, target: Target, samples: Samples
) -> tuple[Trace, ...]:
    """The traces with steps of the first one counted by the device, where the link could not count them."""
    if not traces or traces[0].steps:
        return traces
    first = traces[0]
    steps = count_steps(client, link, target, samples)
    return (Trace(first.instructions, first.cycles, first.latency_ms, steps), *traces[1:])


def _measurement(
    build: Build,
    link: str,
    samples: Samples,
    got: Answers,
    expected: Sequence[Array],
    difference: Difference | None,
    traces: tuple[Trace, ...],
    stack_peak_bytes: int,
) -> Measurement:
    tensor = build.graph.tensor(build.graph.outputs[0])
    labels = samples.labels
    same_class = predicted_classes(got.outputs[0], tensor) == predicted_classes(expected[0], tensor)
    is_host = build.board.is_host
    return Measurement(
        model=build.name,
        board=build.board.name,
        link=link,
        compiler=build.image.compiler,
        samples=samples.count,
        accuracy=None if labels is None else accuracy(got.outputs[0], tensor, labels),
        reference_accuracy=None if labels is None else accuracy(expected[0], tensor, labels),
        bit_exact=difference is None,
        agreement=float(same_class.mean()),
        first_difference=difference,
        instructions=spread([trace.instructions for trace in traces]),
        cycles=spread([trace.cycles for trace in traces]),
        latency_ms=spread([trace.latency_ms for trace in traces]),
        arena_bytes=build.plan.arena_bytes,
        static_ram_bytes=None if is_host else build.image.static_ram_bytes,
        stack_bytes=stack_peak_bytes or None,
        flash_total_bytes=None if is_host else build.image.flash_bytes,
        flash_constant_bytes=build.schedule.constant_bytes,
        steps=_step_measurements(build.schedule, traces[0] if traces else None),
    )


__all__ = [
    "VERSION",
    "Generated",
    "all_boards",
    "build",
    "codegen",
    "default_link",
    "find_board",
    "inspect",
    "load",
    "load_samples",
    "open_build",
    "run",
]
