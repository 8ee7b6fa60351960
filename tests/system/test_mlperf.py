"""MLPerf Tiny: the protocol byte for byte on host and simulator, in both modes, and the procedures on every link."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mcuq import interpreter, pipeline
from mcuq.artifacts import BenchmarkFirmware, Build, Samples
from mcuq.build import find_toolchain
from mcuq.cli.app import app
from mcuq.errors import (
    BadFrame,
    DeviceError,
    DeviceTimeout,
    InvalidBoard,
    InvalidData,
    InvalidProject,
    ToolMissing,
    UnsupportedModel,
)
from mcuq.ir import Graph
from mcuq.run.link import Link
from mcuq.run.links import open_link
from mcuq.run.mlperf import MlperfClient
from mcuq.run.sim import SimLink

READY = b"m-ready\r\n"
LAP = rb"m-lap-us-\d+\r\n"


@pytest.fixture(scope="module")
def digits(digits_model: Path) -> Graph:
    """The demo's model: 64 bytes in, ten classes out."""
    return pipeline.load(digits_model)


@pytest.fixture(scope="module")
def samples(digits: Graph, digits_data: Path) -> Samples:
    """The demo's held-out samples."""
    return pipeline.load_samples(digits_data, digits)


@pytest.fixture(scope="module")
def build_of(digits: Graph, tmp_path_factory: pytest.TempPathFactory) -> object:
    """Builds of the demo by board, benchmark and mode, each made once."""
    made: dict[tuple[str, str, bool], Build] = {}

    def build(board: str, benchmark: str = "kws01", energy_mode: bool = False) -> Build:
        key = (board, benchmark, energy_mode)
        if key not in made:
            try:
                find_toolchain(pipeline.find_board(board), None)
            except ToolMissing as error:
                pytest.skip(str(error))
            folder = tmp_path_factory.mktemp("mlperf")
            firmware = BenchmarkFirmware(benchmark, energy_mode)
            made[key] = pipeline.build(digits, pipeline.find_board(board), folder, name="digits", mlperf=firmware)
        return made[key]

    return build


class Wire:
    """Raw bytes to and from a device."""

    def __init__(self, link: Link) -> None:
        self.link = link

    def hear(self, until: bytes = READY) -> bytes:
        """All bytes up to the end of a reply."""
        data, deadline = b"", time.monotonic() + 20
        while not data.endswith(until):
            assert time.monotonic() < deadline, data
            data += self.link.read(0.2)
        return data

    def ask(self, command: bytes) -> bytes:
        """The reply to a command, less its last line, which every reply has."""
        self.link.write(command + b"%")
        reply = self.hear()
        assert reply.count(READY) == 1
        return reply.removesuffix(READY)


@pytest.fixture(params=["host", "sim"])
def wire_of(request: pytest.FixtureRequest, build_of) -> Iterator:  # type: ignore[no-untyped-def]
    """Opens the firmware of a benchmark on the host or in the simulator."""
    if request.param == "sim":
        pytest.importorskip("unicorn")
    opened: list[Link] = []

    def start(benchmark: str = "kws01", energy_mode: bool = False) -> Wire:
        made = build_of("host" if request.param == "host" else "cortex-m4", benchmark, energy_mode)
        opened.append(open_link(request.param, made.image, made.board, made.name, len(made.schedule.steps)))
        while opened[-1].read(0.1):  # what it says first; a serial port may have been opened too late for it
            pass
        return Wire(opened[-1])

    yield start
    for link in opened:
        link.close()


@pytest.mark.parametrize("where", ["host", "sim"])
@pytest.mark.parametrize(("energy_mode", "mode"), [(False, b"performance"), (True, b"energy")])
def test_the_device_says_its_mode_and_that_it_is_ready(build_of, where: str, energy_mode: bool, mode: bytes) -> None:
    """The first words are the timestamp mode, m-init-done and m-ready, and nothing else."""
    said = b"m-timestamp-mode-" + mode + b"\r\nm-init-done\r\n" + READY
    if where == "host":
        made = build_of("host", "kws01", energy_mode)
        with subprocess.Popen([str(made.image.path)], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            terminal = os.open(process.stdout.readline().strip(), os.O_RDWR | os.O_NOCTTY)
            data = b""
            while len(data) < len(said):
                data += os.read(terminal, 100)
            os.close(terminal)
            process.kill()
        assert data == said
        return
    pytest.importorskip("unicorn")
    made = build_of("cortex-m4", "kws01", energy_mode)
    with closing(open_link("sim", made.image, made.board, made.name, len(made.schedule.steps))) as link:
        assert Wire(link).hear() == said


def test_replies_are_those_of_the_protocol(wire_of) -> None:
    """Each command that computes nothing has the reply of the reference firmware, errors with their spelling."""
    wire = wire_of()
    full = b"Supplied buffer size 27649 exceeds maximum of 27648\n"
    for command, reply in (
        (b"name", b"m-name-dut-[mcuq]\r\n"),
        (b"profile", b"m-profile-[ULPMark for tinyML Firmware V0.0.1]\r\nm-model-[kws01]\r\n"),
        (b"nonsense", b"e-[Unknown command: nonsense]\r\n"),
        (b"NAME", b"e-[Unknown command: NAME]\r\n"),
        (b"start", b"e-[Unknown command: start]\r\n"),
        (b"", b"e-[Unknown command: ]\r\n"),
        (b"x" * 100, b"e-[Unknown command: " + b"x" * 80 + b"]\r\n"),
        (b"db", b"e-[Command 'db' requires a subcommand]\r\n"),
        (b"db load", b"e-[Command 'db load' requires the # of bytes]\r\n"),
        (b"db load 0", b"e-[Command 'db load' must be >0 bytes]\r\n"),
        (b"db load -3", b"e-[Command 'db load' must be >0 bytes]\r\n"),
        (b"db load ten", b"e-[Command 'db load' must be >0 bytes]\r\n"),
        (b"db load 27649", full),
        (b"db load 27648", b"m-[Expecting 27648 bytes]\r\n"),
        (b"db load 10", b"m-[Expecting 10 bytes]\r\n"),
        (b"db 000", b"e-[Insufficent number of hex digits]\r\n"),
        (b"db 0g", b"e-[Invalid hex digit '0g']\r\n"),
        (b"db 00010203", b""),
        (b"db   aBcDeF10fffe0000", b"m-load-done\r\n"),
        (b"db print", b"m-buffer-00-01-02-03-ab-cd-ef-10\r\nm-buffer-ff-fe\r\n\r\n"),
        (b"db load 8", b"m-[Expecting 8 bytes]\r\n"),
        (b"db print", b"m-buffer-00-01-02-03-ab-cd-ef-10\r\n"),
        (b"infer 0", b"e-[Inference iterations must be >0]\r\n"),
        (b"infer -1", b"e-[Inference iterations must be >0]\r\n"),
        (b"infer 1 -1", b"e-[Inference warmup must be >=0]\r\n"),
    ):
        assert wire.ask(command) == reply, command
    assert b"infer" in wire.ask(b"help")


def test_a_command_may_come_in_pieces_and_several_at_once(wire_of) -> None:
    """Only the terminator ends a command, and what follows it is the next."""
    wire = wire_of()
    wire.link.write(b"na")
    assert wire.link.read(0.1) == b""
    wire.link.write(b"me%name%")
    data = wire.hear()
    while data.count(READY) < 2:
        data += wire.hear()
    assert data == 2 * (b"m-name-dut-[mcuq]\r\n" + READY)


def test_infer_replies_in_performance_mode(wire_of, digits: Graph, samples: Samples) -> None:
    """Warm-up, start, two timestamps, done, and results to three digits: in this order; 10 warm-ups by default."""
    wire = wire_of()
    load(wire, samples, 3)
    expected = results_of(digits, samples, 3)
    for command, warm_up, times in ((b"infer 2 3", 3, 2), (b"infer 4", 10, 4), (b"infer", 10, 1)):
        head = b"m-warmup-start-%d\r\nm-warmup-done\r\nm-infer-start-%d\r\n" % (warm_up, times)
        pattern = re.escape(head) + LAP + LAP + b"m-infer-done\r\n" + re.escape(expected)
        assert re.fullmatch(pattern, wire.ask(command)), command
    assert wire.ask(b"results") == expected


def test_timestamps_grow_in_microseconds(wire_of) -> None:
    """Two timestamps lie as far apart as the time between them, as the device counts it."""
    wire = wire_of()
    first = wire.ask(b"timestamp")
    assert re.fullmatch(LAP, first)
    time.sleep(0.2)
    second = wire.ask(b"timestamp")
    apart_us = int(second[9:]) - int(first[9:])
    assert 150_000 < apart_us < 5_000_000


def test_energy_mode_moves_a_pin_in_place_of_lines(wire_of, digits: Graph, samples: Samples) -> None:
    """No timestamp is a line; in the simulator each is one falling edge and the return."""
    wire = wire_of(energy_mode=True)
    load(wire, samples, 5)
    head = b"m-warmup-start-0\r\nm-warmup-done\r\nm-infer-start-1\r\nm-infer-done\r\n"
    assert wire.ask(b"infer 1 0") == head + results_of(digits, samples, 5)
    assert wire.ask(b"timestamp") == b""
    if isinstance(wire.link, SimLink):
        assert wire.link.marker_edges() == (False, True) * 3


def test_pixels_are_shifted_to_the_models_type(wire_of, digits: Graph, samples: Samples) -> None:
    """ic01 and vww01 send pixels of 0 to 255, which an int8 model takes less 128."""
    wire = wire_of("ic01")
    data = (samples.inputs[0][7].reshape(-1).view(np.uint8) ^ 0x80).tobytes()
    wire.ask(b"db load %d" % len(data))
    for start in range(0, len(data), 31):
        wire.ask(b"db " + data[start : start + 31].hex().encode())
    assert wire.ask(b"infer 1 0").endswith(results_of(digits, samples, 7))


def test_streaming_takes_frames_and_tells_activations(wire_of) -> None:
    """Between start and stop each loaded frame is one activation, told as the reference tells them."""
    wire = wire_of("strww01")
    assert wire.ask(b"stop") == b"Streaming is already stopped.\r\n"
    assert re.fullmatch(LAP + b"Streaming started.\r\n", wire.ask(b"start"))
    assert wire.ask(b"db 00") == b"e-[Command 'db load' must come before the bytes of a frame]\r\n"
    assert wire.ask(b"db load 2") == b"e-[Streaming takes frames of 1 bytes]\r\n"
    for _ in range(18):
        assert wire.ask(b"db load 1") == b"m-[Expecting 1 bytes]\r\n"
        assert wire.ask(b"db 7f") == b"m-load-done\r\n"
    reply = wire.ask(b"stop")
    assert re.fullmatch(
        LAP + rb"Streaming stopped.\r\ntarget activations: \r\n\[(-?\d+, ){16}\r\n-?\d+, -?\d+  \r\n\]\r\n", reply
    )
    told = wire.ask(b"print_detections")
    assert re.fullmatch(rb"Detection Timestamps \(ms\)\r\n(\d+,\r\n)*", told)


def load(wire: Wire, samples: Samples, index: int) -> None:
    """One sample over `db`, 31 bytes a command."""
    data = samples.inputs[0][index].tobytes()
    assert wire.ask(b"db load %d" % len(data)) == b"m-[Expecting %d bytes]\r\n" % len(data)
    for start in range(0, len(data), 31):
        is_last = start + 31 >= len(data)
        assert wire.ask(b"db " + data[start : start + 31].hex().encode()) == (b"m-load-done\r\n" if is_last else b"")


def results_of(graph: Graph, samples: Samples, index: int) -> bytes:
    """The line of results that C's "%0.3f" makes of the reference's outputs."""
    (stored,) = interpreter.run(graph, [samples.inputs[0][index : index + 1]])
    quantization = graph.tensor(graph.outputs[0]).quantization
    assert quantization is not None
    reals = (stored[0].reshape(-1).astype(np.int32) - quantization.zero_points[0]) * np.float32(quantization.scales[0])
    return b"m-results-[" + ",".join(f"{value:.3f}" for value in reals.astype(np.float32)).encode() + b"]\r\n"


@pytest.mark.parametrize(
    ("board", "link"), [("host", "host"), ("cortex-m4", "sim"), ("cortex-m4", "qemu"), ("cortex-m0", "qemu")]
)
def test_the_procedures_give_the_benchmarks_figures(build_of, samples: Samples, board: str, link: str) -> None:
    """Five windows and the accuracy; every result is the reference's; no link sells its clock as another's."""
    if link == "sim":
        pytest.importorskip("unicorn")
    if link == "qemu" and shutil.which("qemu-system-arm") is None:
        pytest.skip("qemu-system-arm is not installed")
    result = pipeline.mlperf(build_of(board), samples.take(slice(8)), link=link, least_seconds=0.05)
    assert (len(result.windows), result.samples, result.agreeing) == (5, 8, 8)
    assert result.quality is not None
    assert result.quality >= 0.85
    if link == "qemu":
        assert (result.throughput, result.latency_ms) == (None, None)
        assert result.instructions is not None
        assert "no latency" in result.time_base
        return
    assert result.throughput == sorted(window.throughput or 0 for window in result.windows)[2]
    assert ("estimated" if link == "sim" else "this computer") in result.time_base
    if link == "sim":
        runtime = result.windows[0].runtime_s
        assert runtime is not None
        assert 70 * 2000 < runtime * 25e6 < 70 * 1_000_000
        assert any("less than" in note or runtime > 1 for note in result.notes) or runtime * 5 >= 0.05


def test_least_time_raises_the_iterations(build_of, samples: Samples) -> None:
    """On a link in real time the windows together last as long as is asked."""
    result = pipeline.mlperf(build_of("host"), samples.take(slice(1)), least_seconds=0.4)
    assert result.windows[0].inferences > 70
    assert sum(window.runtime_s or 0 for window in result.windows) > 0.2
    assert any("in place of 70" in note for note in result.notes)


def test_energy_mode_has_no_performance_but_accuracy(build_of, samples: Samples) -> None:
    """Without lines there are no windows, and the result says why."""
    result = pipeline.mlperf(build_of("host", "kws01", True), samples.take(slice(2)))
    assert (result.windows, result.throughput, result.agreeing) == ((), None, 2)
    assert "energy mode" in result.notes[0]


def test_the_verb_builds_runs_and_writes_json(
    digits_model: Path, digits_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`mcuq build --firmware mlperf-tiny` and `mcuq mlperf DIR` go from model file to figures; `mcuq run` refuses."""
    pytest.importorskip("unicorn")
    monkeypatch.chdir(tmp_path)
    asked = ["build", str(digits_model), "-b", "cortex-m4", "-o", "out", "--firmware", "mlperf-tiny"]
    none = CliRunner().invoke(app, asked)
    assert none.exit_code == 2
    assert "no benchmark has an input of 64 elements" in none.output
    assert CliRunner().invoke(app, [*asked, "--benchmark", "kws01"]).exit_code == 0
    done = CliRunner().invoke(
        app, ["mlperf", "out", "-d", str(digits_data), "--limit", "3", "--windows", "1", "--json", "r.json"]
    )
    assert done.exit_code == 0, done.output
    assert "inf./s (median)" in done.output
    assert "1 windows, where a valid run has exactly 5" in done.output
    written = json.loads((tmp_path / "r.json").read_text())
    assert (written["agreeing"], written["benchmark"], len(written["windows"])) == (3, "kws01", 1)
    refused = CliRunner().invoke(app, ["run", "out", "-d", str(digits_data)])
    assert refused.exit_code == 2
    assert "mcuq mlperf out" in refused.output


def test_what_cannot_be_benchmarked_is_refused(build_of, digits: Graph, samples: Samples, tmp_path: Path) -> None:
    """Unknown benchmarks, wrong types and shapes, boards without a pin, other firmware: each with what to do."""
    host = pipeline.find_board("host")
    with pytest.raises(InvalidProject, match="there is no benchmark 'mnist'"):
        pipeline.benchmark_named("mnist", digits)
    with pytest.raises(UnsupportedModel, match="reconstruct"):
        pipeline.build(digits, host, tmp_path, mlperf=BenchmarkFirmware("ad01"))
    plain = pipeline.build(digits, host, tmp_path / "plain", name="digits")
    with pytest.raises(InvalidProject, match="--firmware mlperf-tiny"):
        pipeline.mlperf(plain, samples)
    with pytest.raises(InvalidData, match="no samples"):
        pipeline.mlperf(build_of("host"), samples.take(slice(0)))
    board = pipeline.find_board("cortex-m4")
    no_pin = replace(board, port=replace(board.port, marker=None))
    with pytest.raises(InvalidBoard, match=r"\[port.marker\]"):
        pipeline.build(digits, no_pin, tmp_path, mlperf=BenchmarkFirmware("kws01", True))


class Script:
    """A link whose device says what it is told to."""

    name = "script"

    def __init__(self, *replies: bytes) -> None:
        self.replies = list(replies)

    def write(self, data: bytes) -> None:
        """Commands are ignored."""

    def read(self, timeout_s: float) -> bytes:
        """The next reply."""
        return self.replies.pop(0) if self.replies else b""

    def last_words(self) -> str:
        """Nothing is known."""
        return "a script"


def test_a_device_that_breaks_the_protocol_is_told_so() -> None:
    """Silence, refusals, missing lines and odd timestamps each end in a named error."""
    good = b"m-warmup-start-0\r\nm-warmup-done\r\nm-infer-start-1\r\n"
    with pytest.raises(DeviceTimeout, match="no MLPerf Tiny device answered"):
        MlperfClient(Script()).connect(deadline_s=0.05)  # type: ignore[arg-type]
    with pytest.raises(DeviceTimeout, match="its last line is 'm-half'"):
        MlperfClient(Script(b"m-half\r\n"), deadline_s=0.05).command("x")  # type: ignore[arg-type]
    with pytest.raises(DeviceError, match="refused: e-"):
        MlperfClient(Script(b"e-[no]\r\n" + READY)).command("x")  # type: ignore[arg-type]
    with pytest.raises(BadFrame, match="m-infer-done is missing"):
        MlperfClient(Script(good + READY)).infer(1, 0)  # type: ignore[arg-type]
    with pytest.raises(BadFrame, match="1 timestamps"):
        MlperfClient(Script(good + b"m-lap-us-1\r\nm-infer-done\r\n" + READY)).infer(1, 0)  # type: ignore[arg-type]
    with pytest.raises(DeviceError, match="exceeds"):
        MlperfClient(Script(b"Supplied buffer size 9 exceeds maximum of 8\n" + READY)).load(bytes(9))  # type: ignore[arg-type]


def test_a_timestamp_that_wraps_still_tells_the_time() -> None:
    """Timestamps are 32 bits wide, and their difference is taken modulo 2^32."""
    head = b"m-warmup-start-0\r\nm-warmup-done\r\nm-infer-start-1\r\n"
    reply = head + b"m-lap-us-4294967290\r\nm-lap-us-4\r\nm-infer-done\r\nm-results-[1.0]\r\n" + READY
    assert MlperfClient(Script(reply)).infer(1, 0).elapsed_us == 10  # type: ignore[arg-type]


@pytest.mark.parametrize("model", ["ad_toycar_int8", "ad_toycar_float"])
def test_anomaly_detection_scores_recordings(zoo: Path, tmp_path: Path, model: str) -> None:
    """ad01 sends floats, answers the mean squared error, and is judged by the area under the curve over recordings."""
    graph = pipeline.load(zoo / "models" / f"{model}.tflite")
    generator = np.random.default_rng(3)
    x = np.concatenate([generator.normal(0, 20, (4, 640)), generator.normal(0, 30, (4, 640))]).astype(np.float32)
    np.savez(tmp_path / "ad.npz", x=x, y=[0, 0, 0, 0, 1, 1, 1, 1], clip=[0, 0, 1, 1, 2, 2, 3, 3])
    samples = pipeline.load_samples(tmp_path / "ad.npz", graph)
    made = pipeline.build(graph, pipeline.find_board("host"), tmp_path / "out", mlperf=BenchmarkFirmware("ad01"))
    result = pipeline.mlperf(made, samples, data=tmp_path / "ad.npz", least_seconds=0.01, windows=1)
    assert result.agreeing >= (8 if model.endswith("int8") else 6)
    assert result.quality == 1.0


def test_keyword_spotting_reaches_its_target_on_the_simulator(zoo: Path, tmp_path: Path) -> None:
    """The reference model on the first samples of the benchmark's own set answers as the reference does."""
    pytest.importorskip("unicorn")
    graph = pipeline.load(zoo / "models" / "kws_ref_int8.tflite")
    samples = pipeline.load_samples(zoo / "data" / "kws01.npz", graph, 12).take(slice(12))
    benchmark = pipeline.benchmark_named(None, graph)
    firmware = BenchmarkFirmware(benchmark.name)
    made = pipeline.build(graph, pipeline.find_board("cortex-m4"), tmp_path / "out", mlperf=firmware)
    result = pipeline.mlperf(made, samples, link="sim", windows=2)
    assert (benchmark.name, result.agreeing) == ("kws01", 12)
    assert result.latency_ms is not None
    assert 50 < result.latency_ms < 1000


def test_visual_wake_words_run_on_the_simulator(zoo: Path, tmp_path: Path) -> None:
    """The largest of the benchmark's inputs goes over the line in its chunks, and answers as the reference does."""
    pytest.importorskip("unicorn")
    graph = pipeline.load(zoo / "models" / "vww_mobilenet025_int8.tflite")
    images = np.random.default_rng(4).integers(-128, 128, (3, 1, 96, 96, 3), np.int8)
    samples = Samples((images,), np.array([0, 1, 0]), "random")
    benchmark = pipeline.benchmark_named(None, graph)
    firmware = BenchmarkFirmware(benchmark.name)
    made = pipeline.build(graph, pipeline.find_board("cortex-m4"), tmp_path / "out", mlperf=firmware)
    result = pipeline.mlperf(made, samples, link="sim", windows=1, least_seconds=0.5)
    assert (benchmark.name, result.agreeing) == ("vww01", 3)
    assert result.latency_ms is not None
    assert 100 < result.latency_ms < 1000


def test_pixels_of_a_file_are_the_benchmarks_own_bytes(build_of, samples: Samples, tmp_path: Path) -> None:
    """For ic01 and vww01 an .npz of uint8 pixels needs no scale: an int8 model takes each less 128."""
    pixels = samples.inputs[0][:5].view(np.uint8) ^ 0x80
    np.savez(tmp_path / "pixels.npz", images=pixels, labels=samples.labels[:5])
    read = pipeline.benchmark_samples(tmp_path / "pixels.npz", build_of("host", "ic01"), 4)
    assert read.count == 4
    assert np.array_equal(read.inputs[0], samples.inputs[0][:4])
    assert read.labels is not None
    assert np.array_equal(read.labels, samples.labels[:4])
    with pytest.raises(InvalidData):
        pipeline.benchmark_samples(tmp_path / "pixels.npz", build_of("host", "kws01"))
