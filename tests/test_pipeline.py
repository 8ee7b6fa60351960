"""The stages in order: from a model to C, to firmware, to a verdict; and what is refused on the way."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import mcuq
from mcuq import pipeline
from mcuq.artifacts import Build, Samples
from mcuq.boards import Board
from mcuq.build import find_toolchain
from mcuq.errors import (
    DeviceError,
    DoesNotFit,
    InvalidBoard,
    InvalidData,
    InvalidModel,
    InvalidProject,
    ToolMissing,
    UnsupportedModel,
)
from mcuq.interpreter import run_all
from mcuq.ir import Graph, Quantization, with_changes
from mcuq.ops import NoAttrs
from mcuq.ops.fully_connected import FullyConnected
from mcuq.ops.quantize import Quantize
from tests.networks import Builder, residual_block
from tests.ops.strategies import inputs_for


def board(name: str) -> Board:
    """The board of that name; skips where nothing can build for it or run it."""
    found = pipeline.find_board(name)
    try:
        find_toolchain(found)
    except ToolMissing as error:
        pytest.skip(str(error))
    if "sim" in found.links:
        pytest.importorskip("unicorn", reason="the simulator is not installed")
    return found


def plain_board(name: str) -> Board:
    """The board without features, so that its kernels are the portable ones, whose weights lie in flash as they are."""
    return replace(board(name), features=frozenset())


def samples_of(graph: Graph, count: int) -> Samples:
    """Random inputs without labels."""
    return Samples(inputs_for(graph, 1, count), None, "random")


@pytest.fixture(scope="module")
def digits(digits_model: Path) -> Graph:
    """The demo's model."""
    return pipeline.load(digits_model)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """A residual block built for a Cortex-M3."""
    return pipeline.build(residual_block(), board("cortex-m3"), tmp_path_factory.mktemp("built"), name="block")


def test_functions_are_reachable_from_the_package(tmp_path: Path) -> None:
    """`mcuq.load` and friends are the pipeline's, also where a room of the same name was imported."""
    for room in ("build", "codegen", "run"):
        import_module(f"mcuq.{room}")
        assert callable(getattr(mcuq, room))
    generated = mcuq.codegen(residual_block(), tmp_path, name="net")
    assert generated.folder == tmp_path
    assert mcuq.load is pipeline.load
    with pytest.raises(AttributeError, match="nothing"):
        _ = mcuq.nothing


def test_inspect_adds_up(digits: Graph) -> None:
    """Inspection tells layers, MACs, exact arena and constants, and that the demo fits a Cortex-M4."""
    found = pipeline.inspect(digits, pipeline.find_board("cortex-m4"))
    assert found.plan is not None
    assert found.schedule is not None
    assert found.refused == ()
    assert len(found.layers) == len(digits.nodes)
    assert sum(layer.macs for layer in found.layers) == found.schedule.macs
    assert found.fits is True
    assert found.board is not None
    assert found.board.ram is not None
    assert found.ram_free_bytes == found.board.ram.bytes - found.plan.arena_bytes - found.board.stack_bytes


def test_inspect_without_a_board_does_not_judge(digits: Graph) -> None:
    """Without a board there is nothing to fit, but arena and constants are known."""
    found = pipeline.inspect(digits)
    assert (found.fits, found.flash_free_bytes, found.ram_free_bytes) == (None, None, None)
    assert found.plan is not None


def test_inspect_keeps_inputs_when_asked(digits: Graph) -> None:
    """With `keep_inputs` the arena is never smaller."""
    plain, kept = pipeline.inspect(digits).plan, pipeline.inspect(digits, keep_inputs=True).plan
    assert plain is not None
    assert kept is not None
    assert kept.arena_bytes >= plain.arena_bytes


def unknown_ops() -> Graph:
    """A graph with two ops that mcuq does not know."""
    graph = residual_block()
    unknown = (replace(graph.nodes[0], op="FANCY"), graph.nodes[1], replace(graph.nodes[2], op="FANCIER"))
    return with_changes(graph, unknown)


def test_everything_unsupported_is_told_at_once(tmp_path: Path) -> None:
    """Inspection lists each op with layer and reason; codegen and build refuse with the same list and write nothing."""
    graph = unknown_ops()
    found = pipeline.inspect(graph)
    assert [(r.op, r.layers) for r in found.refused] == [("FANCY", ("layer0",)), ("FANCIER", ("layer2",))]
    assert (found.schedule, found.plan, found.fits) == (None, None, None)
    with pytest.raises(UnsupportedModel) as error:
        pipeline.codegen(graph, tmp_path / "out")
    assert "FANCY (layer0): " in str(error.value)
    assert "FANCIER (layer2): " in str(error.value)
    with pytest.raises(UnsupportedModel):
        pipeline.build(graph, pipeline.find_board("host"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x00" * 100])
def test_what_is_no_model_is_refused(content: bytes, tmp_path: Path) -> None:
    """A file that is not a model gives InvalidModel."""
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    with pytest.raises(InvalidModel):
        pipeline.load(path)


def test_unknown_boards_are_refused() -> None:
    """The error lists the boards that there are."""
    with pytest.raises(InvalidBoard, match="cortex-m4"):
        pipeline.find_board("cortex-m99")
    assert {"host", "cortex-m0", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33"} <= {
        found.name for found in pipeline.all_boards()
    }


def too_wide() -> Graph:
    """Two images of 12 KB alive at once."""
    b = Builder(np.random.default_rng(0))
    x = b.input((1, 64, 64, 3))
    y = b.node("LOGISTIC", (x,), NoAttrs(), Quantization((1 / 256,), (-128,)))
    return b.graph((y, b.node("RELU", (x,), NoAttrs())))


def too_heavy() -> Graph:
    """Weights of 300 KB."""
    b = Builder(np.random.default_rng(0))
    x = b.input((1, 600))
    return b.graph(
        (b.node("FULLY_CONNECTED", (x, b.weights((500, 600), Quantization((0.01,), (0,)))), FullyConnected()),)
    )


@pytest.mark.parametrize(("graph", "memory"), [(too_wide(), "RAM"), (too_heavy(), "flash")], ids=["RAM", "flash"])
def test_models_that_do_not_fit_are_refused(graph: Graph, memory: str, tmp_path: Path) -> None:
    """A Cortex-M0 with 16 KB of RAM and 256 KB of flash refuses with what is missing, before anything is compiled."""
    small = pipeline.find_board("cortex-m0")
    assert pipeline.inspect(graph, small).fits is False
    with pytest.raises(DoesNotFit, match=rf"bytes of {memory} of board 'cortex-m0'.*what would help: .*; a.* board"):
        pipeline.build(graph, small, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_failed_build_keeps_what_was_there(built: Build, tmp_path: Path) -> None:
    """A build that fails leaves the folder of the one before as it was."""
    folder = tmp_path / "out"
    pipeline.build(residual_block(), pipeline.find_board("host"), folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(DoesNotFit):
        pipeline.build(too_wide(), pipeline.find_board("cortex-m0"), folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_build_folder_is_complete(built: Build) -> None:
    """Sources, ELF, saved graph and build.json lie in the folder, and nothing half-made."""
    names = {path.name for path in built.folder.rglob("*") if path.is_file()}
    assert {"firmware.elf", "graph.mcuq", "build.json", "block.c", "block.h", "block_constants.c"} <= names
    assert not [path for path in built.folder.iterdir() if path.name.startswith(".")]
    facts = json.loads((built.folder / "build.json").read_text())
    assert facts["arena_bytes"] == built.plan.arena_bytes
    assert facts["board"] == "cortex-m3"


def test_opening_a_build_gives_it_back(built: Build) -> None:
    """The folder alone says all: graph, schedule, plan, sources and image are those that were built."""
    opened = pipeline.open_build(built.folder)
    assert opened.schedule == built.schedule
    assert opened.plan == built.plan
    assert opened.sources == built.sources
    assert (opened.name, opened.board, opened.image) == (built.name, built.board, built.image)


def test_options_survive_reopening(tmp_path: Path) -> None:
    """`keep_inputs` and the name are options of the build, so they come back."""
    made = pipeline.build(residual_block(), pipeline.find_board("host"), tmp_path, name="Kept Inputs", keep_inputs=True)
    opened = pipeline.open_build(tmp_path)
    assert opened.schedule.keep_inputs
    assert (opened.name, opened.plan) == ("kept_inputs", made.plan)


@pytest.mark.parametrize("damage", ["missing", "nonsense", "older", "incomplete"])
def test_what_is_no_build_is_refused(damage: str, tmp_path: Path) -> None:
    """A folder without build.json, with a damaged one, or of another version is refused with the next step."""
    facts = {
        "board": "host",
        "name": "n",
        "options": {"keep_inputs": False, "remove_dead_channels": True},
        "compiler": "gcc 1",
    }
    text = {
        "missing": None,
        "nonsense": "{",
        "older": json.dumps({**facts, "versions": {"mcuq": "0.0.1"}}),
        "incomplete": json.dumps(facts),
    }[damage]
    if text is not None:
        (tmp_path / "build.json").write_text(text)
    with pytest.raises(InvalidProject, match="mcuq build"):
        pipeline.open_build(tmp_path)


def test_a_run_is_a_verdict(built: Build) -> None:
    """On the simulator: bit-exact, instructions of every step, stack and flash measured, no accuracy without labels."""
    measured = pipeline.run(built, samples_of(built.graph, 5), per_step=True)
    assert measured.bit_exact
    assert measured.first_difference is None
    assert (measured.samples, measured.agreement, measured.accuracy) == (5, 1.0, None)
    assert measured.instructions is not None
    assert 0 < measured.instructions.min <= measured.instructions.median <= measured.instructions.max
    assert [step.macs for step in measured.steps] == [step.macs for step in built.schedule.steps]
    assert all(step.instructions for step in measured.steps)
    assert measured.ram_bytes is not None
    assert measured.ram_bytes > measured.arena_bytes == built.plan.arena_bytes


def test_limit_takes_the_first_samples(built: Build) -> None:
    """`limit` runs so many samples; progress is told for each, and for each one that is counted."""
    told: list[tuple[int, int]] = []
    measured = pipeline.run(
        built, samples_of(built.graph, 9), limit=4, count_samples=2, progress=lambda done, of: told.append((done, of))
    )
    assert measured.samples == 4
    assert told == [(done, 6) for done in range(1, 7)]


def test_no_samples_is_an_error(built: Build) -> None:
    """Nothing to run is no verdict."""
    with pytest.raises(InvalidData, match="no samples"):
        pipeline.run(built, samples_of(built.graph, 0))


def with_patched_weights(build: Build, step: int, folder: Path) -> tuple[Build, Graph]:
    """The build with one weight of a step changed in its ELF, and the graph that this firmware computes."""
    weights = build.graph.constant(build.schedule.steps[step].nodes[0].inputs[1])
    image = bytearray(build.image.path.read_bytes())
    assert image.count(weights.values.tobytes()) == 1
    start = image.index(weights.values.tobytes())
    values = weights.values.copy()
    values.flat[5] = np.int8(-100) if values.flat[5] > 0 else np.int8(100)
    image[start : start + values.nbytes] = values.tobytes()
    path = folder / "patched.elf"
    path.write_bytes(image)
    path.chmod(0o755)
    patched = replace(build, image=replace(build.image, path=path))
    return patched, with_changes(build.graph, build.graph.nodes, (replace(weights, values=values),))


@pytest.mark.parametrize("name", ["cortex-m3", "host"])
@pytest.mark.parametrize("step", [0, 1])
def test_a_wrong_weight_is_found(step: int, name: str, tmp_path: Path) -> None:
    """A weight that is wrong on the device is reported with its step, layer, element and both numbers."""
    built = pipeline.build(residual_block(), plain_board(name), tmp_path, name="block")
    patched, wrong = with_patched_weights(built, step, tmp_path)
    samples = samples_of(built.graph, 3)
    measured = pipeline.run(patched, samples)
    found = measured.first_difference
    assert not measured.bit_exact
    assert found is not None
    value = built.schedule.steps[step].outputs[0]
    right, got = (run_all(graph, samples.inputs)[value][found.sample] for graph in (built.graph, wrong))
    differs = np.argwhere(right != got)
    assert (found.step, found.layers, found.value) == (step, (f"layer{step}",), value)
    assert found.element == tuple(differs[0])
    assert (found.expected, found.got) == (right[found.element], got[found.element])
    assert found.differing == len(differs)


def test_per_step_finds_what_outputs_hide(tmp_path: Path) -> None:
    """A wrong value that the output's saturation hides is found when every step is compared."""
    b = Builder(np.random.default_rng(3))
    x = b.input((1, 4))
    weights = b.weights((3, 4), Quantization((1e-6,), (0,)))
    y = b.node("FULLY_CONNECTED", (x, weights), FullyConnected(), Quantization((1e-9,), (0,)))
    z = b.node("QUANTIZE", (y,), Quantize("int8"), Quantization((1e3,), (0,)))
    graph = b.graph((z,))
    built = pipeline.build(graph, plain_board("cortex-m3"), tmp_path, name="hidden")
    image = bytearray(built.image.path.read_bytes())
    start = image.index(graph.constant(weights).values.tobytes())
    image[start : start + 12] = (-graph.constant(weights).values).tobytes()
    built.image.path.write_bytes(image)
    samples = samples_of(graph, 3)
    assert pipeline.run(built, samples).bit_exact
    found = pipeline.run(built, samples, per_step=True).first_difference
    assert found is not None
    assert (found.step, found.layers) == (0, ("layer0",))


def test_another_models_firmware_is_refused(built: Build, tmp_path: Path) -> None:
    """A device that runs another model is not measured; both are named."""
    other = pipeline.build(too_wide(), board("cortex-m3"), tmp_path, name="other")
    mixed = replace(built, image=replace(built.image, path=other.image.path))
    with pytest.raises(DeviceError, match="device runs model 'other'"):
        pipeline.run(mixed, samples_of(built.graph, 1))


def test_the_default_link_is_the_boards_first() -> None:
    """The simulator where a board has it, the native program on the host."""
    assert pipeline.default_link(pipeline.find_board("cortex-m4")) == "sim"
    assert pipeline.default_link(pipeline.find_board("host")) == "host"


def test_codegen_for_a_board_names_its_compiler(tmp_path: Path) -> None:
    """The compile line for a Cortex-M4 works as printed where arm-none-eabi-gcc is installed."""
    generated = pipeline.codegen(residual_block(), tmp_path, name="net", board=pipeline.find_board("cortex-m4"))
    assert generated.compile_line.startswith("arm-none-eabi-gcc -mcpu=cortex-m4")
    if shutil.which("arm-none-eabi-gcc"):
        subprocess.run(generated.compile_line.split(), cwd=tmp_path, check=True)
        assert (tmp_path / "net.o").is_file()
