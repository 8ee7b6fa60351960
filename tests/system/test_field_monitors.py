"""Field monitors, from a model's C on a device to a proposal for another calibration."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from mcuq import demo, interpreter, pipeline
from mcuq.artifacts import Build, FieldScore, InputReading, MonitorReading, Samples, Watched
from mcuq.artifacts.monitors import BINS, Recalibration
from mcuq.cli.app import app
from mcuq.codegen.layouts import LAYOUTS
from mcuq.codegen.monitors import monitor_map
from mcuq.errors import DeviceError, InvalidData, InvalidProject, ToolMissing
from mcuq.ir import Graph
from mcuq.quantize.field import bins_of, drift_of, moved, stability_index
from mcuq.run.field import monitor_bytes, reading_of
from tests.networks import network
from tests.ops.strategies import inputs_for

pytestmark = pytest.mark.system


def built(graph: Graph, board: str, folder: Path, **goal: Any) -> Build:
    """A build with counters; skips where the tools are missing."""
    if board == "virt-rv32" and shutil.which("qemu-system-riscv32") is None:
        pytest.skip("qemu-system-riscv32 is not installed")
    if board.startswith("cortex"):
        pytest.importorskip("unicorn", reason="the simulator is not installed")
    try:
        return pipeline.build(
            graph, pipeline.find_board(board), folder, name="net", goal=pipeline.Goal(monitors=True, **goal)
        )
    except ToolMissing as error:
        pytest.skip(str(error))


def counted_by_hand(build: Build, samples: Samples) -> dict[str, tuple[int, int, int, int]]:
    """Of each value that is watched: elements at both ends of the type, least and greatest, by the interpreter."""
    values = interpreter.run_all(build.schedule.graph, list(samples.inputs))
    found = {}
    for watched in monitor_map(build.schedule, "net", "").values:
        array = values[watched.value].astype(np.int64)
        least = watched.least if watched.zero_point != watched.least else watched.least - 1
        ends = int((array == least).sum()), int((array == watched.greatest).sum())
        found[watched.value] = (*ends, int(array.min()), int(array.max()))
    return found


def assert_right(build: Build, samples: Samples, reading: MonitorReading) -> None:
    """The device counted what the interpreter says."""
    assert reading.inferences == samples.count
    found = {v.watched.value: (v.low, v.high, v.minimum, v.maximum) for v in reading.values}
    assert found == counted_by_hand(build, samples)
    inputs = dict(zip(build.schedule.graph.inputs, samples.inputs, strict=True))
    for counted in reading.inputs:
        array = inputs[counted.watched.value]
        w = counted.watched
        width = (w.greatest - w.least + 1) // BINS
        bins = np.bincount((array.astype(np.int64).ravel() - w.least) // width, minlength=BINS)
        assert counted.bins == tuple(int(count) for count in bins)


@pytest.mark.parametrize("board", ["host", "cortex-m4", "cortex-m0-large", "virt-rv32"])
def test_the_demo_counts_what_happens(board: str, digits_model: Path, digits_data: Path, tmp_path: Path) -> None:
    """Saturation, range and histogram are exact, the answers stay bit for bit, and a second reading goes on."""
    build = built(pipeline.load(digits_model), board, tmp_path)
    samples = pipeline.load_samples(digits_data, build.graph, 30)
    assert_right(build, samples, pipeline.monitor(tmp_path, samples=samples))
    assert pipeline.run(pipeline.open_build(tmp_path), samples, per_step=board == "cortex-m4").bit_exact


@pytest.mark.parametrize("seed", [0, 2, 3, 4, 6])
def test_random_networks_are_counted(seed: int, tmp_path: Path) -> None:
    """Whatever the shapes and types of the steps are."""
    graph = network(seed)
    build = built(graph, "host", tmp_path)
    samples = Samples(tuple(np.asarray(array) for array in inputs_for(graph, seed=seed)), None, "random")
    assert_right(build, samples, pipeline.monitor(tmp_path, samples=samples))


@pytest.mark.parametrize("recipe", ["int16x8", "int8-q", "int4"])
def test_other_recipes_are_counted(recipe: str, digits_data: Path, tmp_path: Path) -> None:
    """Sixteen bits have ends of their own; with floats in and out the steps between are counted."""
    float_graph = pipeline.load(Path(demo.model_path()).with_name("digits_float.tflite"))
    graph = pipeline.quantize(float_graph, digits_data, recipe, samples=50).graph
    build = built(graph, "host", tmp_path)
    samples = pipeline.load_samples(digits_data, graph, 20)
    assert_right(build, samples, pipeline.monitor(tmp_path, samples=samples))


MAIN = """
#include <stdio.h>
#include <string.h>
#include "digits.hpp"
#include "digits.h"
static uint8_t arena[DIGITS_ARENA_BYTES] DIGITS_ARENA_ALIGN;
static digits_monitors_t monitors;
int main(void)
{
    digits_t net;
    digits_memory_t memory = { arena, sizeof arena, 0 };
    if (digits_init(&net, &memory) != DIGITS_OK) return 1;
    digits_invoke(&net); /* counts nothing */
    memory.monitors = &monitors;
    digits_reset_monitors(&monitors);
    if (digits_init(&net, &memory) != DIGITS_OK) return 2;
    for (int i = 0; i < 10; i++) {
        memset(digits_input_0(&net), i * 10, DIGITS_INPUT_0_BYTES);
        digits_invoke(&net);
    }
    for (unsigned step = 0; step < DIGITS_STEPS; step++) digits_step(&net, step);
    digits_step(&net, DIGITS_STEPS);
    fwrite(&monitors, sizeof monitors, 1, stdout);
    return 0;
}
"""


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_one_of_so_many_is_counted(compiler: str, digits_model: Path, tmp_path: Path) -> None:
    """-DDIGITS_MONITOR_EVERY=4 counts 3 of 11; without memory for counters nothing is; strict warnings, sanitizers."""
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    done = pipeline.codegen(pipeline.load(digits_model), tmp_path / "c", name="digits", monitors=True)
    (tmp_path / "c" / "main.c").write_text(MAIN.replace('#include "digits.hpp"\n', ""))
    (tmp_path / "c" / "main.cc").write_text('#include "digits.hpp"\n#include "digits.h"\nint ok;\n')
    flags = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror", "-g", "-I.", "-DDIGITS_MONITOR_EVERY=4"]
    flags += ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    files = ["main.c", *(f.path for f in done.sources.of_role("model") if f.path.endswith(".c"))]
    folder = done.folder
    made = subprocess.run(
        [compiler, "-std=c99", *flags, *files, "-o", "out"], cwd=folder, capture_output=True, text=True
    )
    if "libclang_rt" in made.stderr:
        pytest.skip("the sanitizers of clang are not installed")
    assert made.returncode == 0, made.stderr
    ran = subprocess.run(["./out"], cwd=folder, capture_output=True, check=True)
    meaning, build = pipeline.watching(folder)
    assert build is None
    reading = reading_of(ran.stdout, meaning)
    assert reading.inferences == 3
    assert sum(reading.inputs[0].bins) == 3 * 64
    (folder / "dump.bin").write_bytes(ran.stdout)
    assert pipeline.monitor(folder, dump=folder / "dump.bin") == reading
    cxx = {"gcc": "g++", "clang": "clang++"}[compiler]
    if shutil.which(cxx):
        subprocess.run(
            [cxx, "-std=c++11", "-Wall", "-Wextra", "-Werror", "-I.", "-c", "main.cc"], cwd=folder, check=True
        )


def test_without_counters_nothing_is_there(digits_model: Path, tmp_path: Path) -> None:
    """Not a byte of the C speaks of them unless they are asked for, and a plain build is refused by name."""
    done = pipeline.codegen(pipeline.load(digits_model), tmp_path / "c", name="digits", protocol=True, layout="make")
    assert not any("monitors" in file.text for file in done.sources.of_role("model"))
    with pytest.raises(InvalidProject, match=r"has no file \*_monitors.json, which `mcuq codegen --monitors` writes"):
        pipeline.watching(tmp_path / "c")
    try:
        pipeline.build(pipeline.load(digits_model), pipeline.find_board("host"), tmp_path / "b")
    except ToolMissing as error:
        pytest.skip(str(error))
    with pytest.raises(InvalidProject, match="was built without counters; run `mcuq build --monitors`"):
        pipeline.watching(tmp_path / "b")


def test_an_application_counts_its_own_instance(digits_model: Path, tmp_path: Path) -> None:
    """The protocol add-on offers counters to the application's instance, and leaves its own instance uncounted."""
    done = pipeline.codegen(
        pipeline.load(digits_model), tmp_path, name="digits", protocol=True, monitors=True, layout="make"
    )
    text = next(file.text for file in done.sources.files if file.path.endswith("digits_protocol.c"))
    assert ".monitors = &digits_monitors," in text
    assert ".arena_bytes = sizeof arena };" in text
    assert (tmp_path / "digits_monitors.json").is_file()


@pytest.mark.parametrize("layout", [layout.name for layout in LAYOUTS])
def test_every_layout_carries_them(layout: str, digits_model: Path, tmp_path: Path) -> None:
    """Header and map are in the folder, and `mcuq monitor` finds the map there."""
    pipeline.codegen(pipeline.load(digits_model), tmp_path, name="digits", monitors=True, layout=layout)
    assert len(list(tmp_path.rglob("mcuq/monitor.h"))) == 1
    assert len(pipeline.watching(tmp_path)[0].values) == 13


def test_bytes_of_another_model_are_refused(digits_model: Path, tmp_path: Path) -> None:
    """Their number tells; an empty reading calibrates nothing."""
    graph = pipeline.load(digits_model)
    pipeline.codegen(graph, tmp_path, name="digits", monitors=True)
    meaning, _ = pipeline.watching(tmp_path)
    empty = bytes(monitor_bytes(meaning))
    with pytest.raises(InvalidData, match=rf"have {len(empty)} bytes, and these are {len(empty) - 1}"):
        reading_of(empty[:-1], meaning)
    nothing = reading_of(bytes(12) + bytes(64) + (bytes(8) + b"\xff\x7f\x00\x80") * len(meaning.values), meaning)
    assert {value.minimum for value in nothing.values} == {None}
    float_graph = pipeline.load(Path(demo.model_path()).with_name("digits_float.tflite"))
    with pytest.raises(InvalidData, match="are empty: no inference was counted"):
        pipeline.recalibrate(float_graph, nothing, demo.data_path())
    (tmp_path / "wrong.json").write_text("{}")
    for read, what in ((pipeline.load_reading, "what a device counted"), (pipeline.watching, "what counters mean")):
        with pytest.raises(InvalidProject, match=f"does not say {what}"):
            read(tmp_path / "wrong.json")  # type: ignore[operator]
        with pytest.raises(InvalidProject, match="cannot be read"):
            read(tmp_path / "absent.json")  # type: ignore[operator]


def test_another_model_on_the_port_is_refused(digits_model: Path, tmp_path: Path) -> None:
    """The folder of `codegen` says which model its counters are of; the device says which one it runs."""
    graph = pipeline.load(digits_model)
    pipeline.codegen(network(1), tmp_path / "other", name="other", monitors=True)
    with pytest.raises(InvalidProject, match="is no build that could be started; add --port, or --dump"):
        pipeline.monitor(tmp_path / "other")
    build = built(graph, "host", tmp_path / "host")
    with subprocess.Popen([str(build.image.path)], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            with pytest.raises(DeviceError, match="the device runs model 'net'"):
                pipeline.monitor(tmp_path / "other", port=port)
        finally:
            process.kill()


APPLICATION = """
#include "digits.h"
#include "digits_protocol.h"
#include "mcuq/port.h"
static uint8_t arena[DIGITS_ARENA_BYTES] DIGITS_ARENA_ALIGN;
int main(void)
{
    static mcuq_protocol protocol;
    static const mcuq_protocol_hooks hooks = {
        .board = "app", .window = 1, .read = mcuq_port_read, .write = mcuq_port_write
    };
    const digits_memory_t memory = { .arena = arena, .arena_bytes = sizeof arena, .monitors = &digits_monitors };
    digits_t own;
    mcuq_port_init();
    mcuq_protocol_init(&protocol, &hooks, &digits_model);
    if (digits_init(&own, &memory) != DIGITS_OK) return 1;
    for (int i = 0; i < 5; i++) {
        for (unsigned k = 0; k < DIGITS_INPUT_0_BYTES; k++) digits_input_0(&own)[k] = (int8_t)(i - 128);
        digits_invoke(&own);
    }
    for (;;) mcuq_protocol_poll(&protocol);
}
"""


def test_an_application_is_read_over_its_port(digits_model: Path, root: Path, tmp_path: Path) -> None:
    """An application of one's own, with the protocol in it, has its own instance counted, and no other."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    done = pipeline.codegen(pipeline.load(digits_model), tmp_path, name="digits", monitors=True, protocol=True)
    (tmp_path / "app.c").write_text(APPLICATION)
    files = [f.path for f in done.sources.files if f.path.endswith(".c") and not f.path.startswith("example")]
    port_file = root / "firmware" / "port" / "host.c"
    include = f"-I{root / 'firmware' / 'include'}"
    command = ["gcc", "-std=c99", "-O1", "-I.", include, "app.c", *files, str(port_file), "-o", "app"]
    subprocess.run(command, cwd=tmp_path, check=True)
    with subprocess.Popen([str(tmp_path / "app")], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            first = pipeline.monitor(tmp_path, port=port)
            again = pipeline.monitor(tmp_path, port=port)
        finally:
            process.kill()
    assert first == again
    assert first.inferences == 5
    assert first.inputs[0].bins == (5 * 64, *(0,) * 15)


WATCHED = Watched("in", (), -1, "int8", 4, 0.1, -28)


def test_drift_is_the_stability_index() -> None:
    """Two bins that trade 60 of 100: (0.8 - 0.2) ln 4 twice; the same histogram is 0."""
    field, data = np.zeros(BINS), np.zeros(BINS)
    field[[3, 4]], data[[3, 4]] = (80, 20), (20, 80)
    assert stability_index(field, data) == pytest.approx(2 * 0.6 * np.log(4))
    assert stability_index(data, 10 * data) == 0


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
def test_moved_data_lie_where_the_field_lies(dtype: str) -> None:
    """Mean and deviation of moved data are those that the field's histogram has, within the width of its bins."""
    dice = np.random.default_rng(1)
    wide = {"int8": 0.1, "uint8": 0.1, "int16": 0.1 / 256}[dtype]
    watched = Watched("in", (), -1, dtype, 4, wide, {"int8": -28, "uint8": 100, "int16": 0}[dtype])
    data, field = dice.normal(0.0, 1.0, 20_000), dice.normal(2.0, 3.0, 20_000)
    drift = drift_of(InputReading(watched, tuple(int(n) for n in bins_of(field, watched))), data)
    assert drift.has_moved
    assert drift.field_mean == pytest.approx(2.0, abs=0.1)
    assert drift.field_deviation == pytest.approx(3.0, abs=0.1)
    shifted = moved(data, drift)
    assert shifted.mean() == pytest.approx(2.0, abs=0.3)
    assert shifted.std() == pytest.approx(3.0, rel=0.15)
    same = drift_of(InputReading(watched, tuple(int(n) for n in bins_of(data, watched))), data)
    assert not same.has_moved
    assert moved(data, same) is data


def test_from_the_field_to_a_better_model(digits_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Images brighter than those that calibrated are seen by `monitor`, and borne by the model of `recalibrate`."""
    pytest.importorskip("unicorn", reason="the simulator is not installed")
    monkeypatch.chdir(tmp_path)
    float_path = Path(demo.model_path()).with_name("digits_float.tflite")

    def mcuq(*words: str) -> Any:
        done = CliRunner().invoke(app, list(words))
        assert done.exit_code == 0, done.output
        return done

    with np.load(digits_data) as stored:
        np.savez("field.npz", x=stored["x"] * np.float32(1.5), y=stored["y"])
    mcuq("quantize", str(float_path), "-d", str(digits_data), "--samples", "100", "-o", "deployed.tflite")
    mcuq("build", "deployed.tflite", "--board", "cortex-m4", "--monitors", "-o", "out")
    said = mcuq("monitor", "out", "-d", "field.npz", "--limit", "200", "--json", "monitors.json").output
    assert "200 inferences" in said
    words = ("recalibrate", str(float_path), "-d", str(digits_data), "--samples", "100")
    said = mcuq(*words, "--deployed", "deployed.tflite", "-o", "new.tflite", "--json", "r.json").output
    assert "the proposed model is better in the field; wrote new.tflite" in said
    found = json.loads(Path("r.json").read_text())
    assert found["improves"]
    assert found["inputs"][0]["has_moved"]
    assert found["after_in_field"]["sqnr_db"] > found["before_in_field"]["sqnr_db"] + 10
    assert found["after_on_data"]["sqnr_db"] > found["before_on_data"]["sqnr_db"] - 2
    assert any(layer["after"][1] > layer["before"][1] for layer in found["layers"] if layer["after"])
    before, after = (
        pipeline.compare(pipeline.load(Path(name)), pipeline.load(float_path), "field.npz").sqnr_db
        for name in ("deployed.tflite", "new.tflite")
    )
    assert after > before + 2


def test_what_contradicts_itself_is_refused(
    tmp_path: Path, digits_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--dump with a device, --data without a build; nothing counted is said."""
    monkeypatch.chdir(tmp_path)
    pipeline.codegen(pipeline.load(digits_model), tmp_path / "c", name="digits", monitors=True)
    for words, says in (
        (("monitor", "c", "--dump", "x", "--port", "y"), "--dump is read as it is"),
        (("monitor", "c", "-d", "x.npz"), "--data are inferred by a build"),
        (("monitor", "c", "--dump", "absent"), "'absent'"),
    ):
        done = CliRunner().invoke(app, list(words))
        assert done.exit_code == 2, done.output
        assert says in " ".join(done.output.split())


def test_accuracy_decides_only_where_it_tells_apart() -> None:
    """One sample of a hundred is chance, and noise decides; twenty are not."""
    score = FieldScore

    def found(before: float, after: float, sqnr_after: float) -> Recalibration:
        same = score(0.9, 1.0, 30.0)
        return Recalibration("int8", 100, (), (), same, same, score(before, 1.0, 20.0), score(after, 1.0, sqnr_after))

    assert found(0.90, 0.89, 30.0).improves
    assert not found(0.90, 0.91, 10.0).improves
    assert not found(0.90, 0.70, 30.0).improves
    assert found(0.70, 0.90, 10.0).improves
