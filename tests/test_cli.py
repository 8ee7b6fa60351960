"""The command line: what it prints, what it writes, and how it ends."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from mcuq import cli, demo, pipeline, resources
from mcuq.build import find_toolchain
from mcuq.cli import terminal
from mcuq.errors import InvalidModel, ToolMissing
from mcuq.project import Gates, Options, Project, write_project

VERBS = (
    "demo",
    "inspect",
    "quantize",
    "build",
    "run",
    "eval",
    "analyze",
    "compare",
    "codegen",
    "init",
    "boards",
    "ports",
    "doctor",
)
LINKS = pytest.mark.parametrize("link", ["sim", "qemu"])


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, in which every test of this file runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def model(folder: Path) -> Path:
    """The demo model, as a user would have it."""
    return Path(shutil.copy(demo.model_path(), folder / "digits.tflite"))


@pytest.fixture
def data(folder: Path) -> Path:
    """Twenty samples of the demo."""
    with np.load(demo.data_path()) as stored:
        np.savez(folder / "digits.npz", x=stored["x"][:20], y=stored["y"][:20])
    return folder / "digits.npz"


@pytest.fixture(scope="session")
def compiler() -> None:
    """Skips where nothing can build for a Cortex-M4."""
    try:
        find_toolchain(pipeline.find_board("cortex-m4"))
    except ToolMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, compiler: None) -> Path:
    """The folder of a build of the demo model for cortex-m4."""
    path = tmp_path_factory.mktemp("built")
    result = mcuq("build", demo.model_path(), "--board", "cortex-m4", "-o", path, "--name", "digits")
    assert result.exit_code == 0, result.output
    return path


def mcuq(*arguments: object) -> Result:
    """What the command answers."""
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def failed(result: Result, *words: str, status: int = 2) -> str:
    """The error text; checks that it is one, with all of `words` in it, and no traceback."""
    assert result.exit_code == status, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    for word in words:
        assert word in result.stderr
    return result.stderr


def test_version_is_told() -> None:
    """--version prints name and version."""
    assert re.fullmatch(r"mcuq \d+\.\d+\.\d+\n", mcuq("--version").stdout)


def test_help_lists_every_verb() -> None:
    """--help names every verb, and so does no argument at all."""
    text = mcuq("--help").output
    assert [verb for verb in VERBS if not re.search(rf"\b{verb}\b", text)] == []
    assert "Usage: mcuq" in mcuq().output


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_each_verb_reads_alone(verb: str) -> None:
    """The help of a verb says what it does and explains every option in words."""
    result = mcuq(verb, "--help")
    assert result.exit_code == 0
    assert f"Usage: mcuq {verb}" in result.output
    assert len(result.output) > 400


def test_help_loads_nothing_heavy() -> None:
    """The verbs import what they need when they run, so that --help is quick."""
    program = (
        "import sys, mcuq.cli; heavy = {'numpy', 'pydantic', 'jinja2', 'unicorn', 'elftools', 'serial'}; "
        "print(*sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("arguments", [("inspect",), ("build",), ("run", "--data", "x.npz"), ("codegen", "-o", "c")])
def test_without_a_model_the_error_says_what_to_do(arguments: tuple[str, ...]) -> None:
    """Neither a model nor a project file: name one, or write one."""
    failed(mcuq(*arguments, *(["--board", "cortex-m4"] * (arguments[0] == "run"))), "no model", "mcuq init")


def test_without_a_board_the_error_says_what_to_do(model: Path) -> None:
    """`build` needs a board, and says how to give one."""
    failed(mcuq("build", model), "no board", "--board cortex-m4", "mcuq boards")


def test_without_data_the_error_says_what_to_do(model: Path) -> None:
    """`run` needs data, and says which."""
    failed(mcuq("run", model, "--board", "cortex-m4"), "no data", "--data")


def test_an_unknown_board_is_named(model: Path) -> None:
    """The message lists the boards that there are."""
    failed(mcuq("build", model, "--board", "cortex-m99"), "cortex-m99", "cortex-m4", "host")


def test_a_missing_or_damaged_model_is_an_error(folder: Path) -> None:
    """One line on standard error and exit status 2."""
    (folder / "bad.tflite").write_bytes(b"\x1c\0\0\0TFL3" + bytes(40))
    assert failed(mcuq("inspect", "bad.tflite"), "bad.tflite").startswith("error: ")
    failed(mcuq("inspect", "nowhere.tflite"), "nowhere.tflite")


def test_messages_are_not_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    """Brackets in an error are printed as they are."""

    def refuse(path: Path) -> None:
        raise InvalidModel("tensor [bold]x[/bold] has shape [1, 2]")

    monkeypatch.setattr(pipeline, "load", refuse)
    failed(mcuq("inspect", "x"), "tensor [bold]x[/bold] has shape [1, 2]")


def test_an_interrupted_verb_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C is no traceback."""

    def interrupt(path: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "load", interrupt)
    failed(mcuq("inspect", "x"), "interrupted", status=130)


def test_a_terminated_command_tidies_up() -> None:
    """SIGTERM unwinds, so that links close their devices, and ends with 143."""
    program = """
import os, signal, sys
from mcuq import pipeline
from mcuq.cli import main
def load(path):
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        signal.pause()
    finally:
        print("tidy")
pipeline.load = load
sys.argv = ["mcuq", "inspect", "x"]
main()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (143, "tidy\n", "")


def test_an_output_folder_that_is_a_file_is_an_error(model: Path) -> None:
    """Where a folder should be made and a file is, the error says so and what to do."""
    failed(mcuq("codegen", model, "-o", model), "digits.tflite", "exists", "another place")


def test_a_file_that_cannot_be_written_is_an_error(model: Path) -> None:
    """The operating system's reason, the file, exit status 2."""
    failed(mcuq("inspect", model, "--json", "nowhere/out.json"), "No such file or directory")


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_closed_streams_do_no_harm(closed: str) -> None:
    """A command whose standard output or error is closed ends as it would otherwise."""
    command = f"import os; os.close({1 if closed == 'stdout' else 2}); os.execv(r'{sys.executable}', "
    code = "[r'" + sys.executable + "', '-c', 'from mcuq import cli; cli.main()', 'boards', '--json'])"
    ended = subprocess.run([sys.executable, "-c", command + code], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert bool(ended.stdout) == (closed == "stderr")


def test_json_files_are_whole_or_as_before(folder: Path) -> None:
    """A document that cannot be written leaves the old file."""
    path = folder / "out.json"
    terminal.write_json(path, {"a": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        terminal.write_json(path, {"a": float("nan")})
    assert json.loads(path.read_text()) == {"a": 1}
    assert [entry.name for entry in folder.iterdir()] == ["out.json"]


def test_inspect_shows_layers_and_arena(model: Path) -> None:
    """Every op of the model, its exact arena, and what is left on the board."""
    result = mcuq("inspect", model, "--board", "cortex-m4", "--json", "out.json")
    assert result.exit_code == 0
    document = json.loads(Path("out.json").read_text())
    assert document["fits"] is True
    assert f"{document['arena_bytes']:,} bytes, exactly (for cortex-m4)" in result.stdout
    for layer in document["layers"]:
        assert layer["op"] in result.stdout


def test_inspect_needs_no_board(model: Path) -> None:
    """Without a board the arena is that of the portable kernels."""
    result = mcuq("inspect", model, "--json", "-")
    document = json.loads(result.stdout)
    assert (document["board"], document["fits"]) == (None, None)
    assert f"{document['arena_bytes']:,} bytes, exactly (of the portable kernels)" in result.stderr


def test_goals_side_by_side(model: Path) -> None:
    """`inspect --goals` has a row for each goal; an unknown goal is refused with those that there are."""
    result = mcuq("inspect", model, "--board", "cortex-m4", "--goals")
    assert result.exit_code == 0, result.output
    rows = {line.split()[0] for line in result.stdout.splitlines() if line.strip()}
    assert {"speed", "size", "balanced", "ram"} <= rows
    failed(mcuq("inspect", model, "--optimize", "quickly"), "'quickly'", "speed, size, balanced, ram")


def test_goals_of_the_project(model: Path) -> None:
    """`optimize` of mcuq.toml is heeded, the command line has the last word, and the C says which it was."""
    write_project(Project(model=str(model), options=Options(optimize="size")), Path())
    for arguments, expected in (((), "size"), (("--optimize", "speed"), "speed")):
        result = mcuq("codegen", "-o", "c", "--board", "cortex-m4", *arguments)
        assert result.exit_code == 0, result.output
        assert f"optimize={expected}" in Path("c/digits.c").read_text()


def test_limits_that_cannot_be_kept(model: Path, compiler: None) -> None:
    """A build beyond --max-flash is refused with what is missing, and leaves nothing behind."""
    skip_without("sim")
    result = mcuq("build", model, "--board", "cortex-m4", "-o", "out", "--max-flash", 1000)
    failed(result, "--max-flash 1000", "too many", "what would help")
    assert not Path("out").exists()


def test_inspect_lists_all_that_is_unsupported(zoo: Path) -> None:
    """Each op with its reason, at once, as table and as JSON; exit status 2."""
    path = zoo / "models" / "audio_preprocessor_int8.tflite"
    text = failed(mcuq("inspect", path, "--json", "out.json"), "does not support 'audio_preprocessor_int8'")
    document = json.loads(Path("out.json").read_text())
    assert len(document["unsupported"]) > 10
    for refusal in document["unsupported"]:
        assert refusal["op"] in text
        assert refusal["reason"] in text


def test_init_writes_a_project(model: Path, data: Path) -> None:
    """The only model and the only data of the folder are taken, and other verbs then need no arguments."""
    assert mcuq("init").exit_code == 0
    assert 'model = "digits.tflite"' in Path("mcuq.toml").read_text()
    assert 'data = "digits.npz"' in Path("mcuq.toml").read_text()
    assert mcuq("inspect").exit_code == 0
    failed(mcuq("init"), "exists already", "--force")
    assert mcuq("init", "--force", "--board", "host").exit_code == 0
    assert 'board = "host"' in Path("mcuq.toml").read_text()


def test_init_refuses_what_does_not_exist(folder: Path) -> None:
    """A project that could not work is not written."""
    failed(mcuq("init", "nowhere.tflite"), "nowhere.tflite")
    failed(mcuq("init", "--board", "nowhere"), "no board 'nowhere'")
    assert list(folder.iterdir()) == []


def test_a_wrong_project_is_an_error(model: Path) -> None:
    """Every verb that reads mcuq.toml names the file and the key."""
    Path("mcuq.toml").write_text("modle = 'x'\n")
    failed(mcuq("inspect", model), "mcuq.toml", "modle")


@pytest.mark.usefixtures("compiler")
def test_a_project_says_what_to_build(model: Path) -> None:
    """Name, board and folder come from mcuq.toml; the name only for the project's own model."""
    options = Options(keep_inputs=True, output="out")
    write_project(Project(model="digits.tflite", name="numbers", board="cortex-m3", options=options), Path())
    assert mcuq("build").exit_code == 0
    document = json.loads(Path("out/build.json").read_text())
    assert (document["name"], document["board"]) == ("numbers", "cortex-m3")
    assert document["options"]["keep_inputs"] is True
    other = shutil.copy(model, "other.tflite")
    assert mcuq("build", other, "--board", "cortex-m4", "-o", "out2", "--no-keep-inputs").exit_code == 0
    document = json.loads(Path("out2/build.json").read_text())
    assert (document["name"], document["board"]) == ("other", "cortex-m4")
    assert document["options"]["keep_inputs"] is False


@pytest.mark.usefixtures("compiler")
def test_build_writes_and_draws(model: Path) -> None:
    """Sources, ELF, graph and build.json appear in build/<name>-<board>, and the picture has the same figures."""
    result = mcuq("build", model, "--board", "cortex-m4")
    assert result.exit_code == 0
    made = Path("build/digits-cortex-m4")
    assert {"src", "firmware.elf", "graph.mcuq", "build.json"} <= {path.name for path in made.iterdir()}
    document = json.loads((made / "build.json").read_text())
    for figure in (document["arena_bytes"], document["flash_bytes"]["code"], document["static_ram_bytes"]):
        assert f"{figure:,}" in result.stdout
    for name, size_bytes in document["sections"].items():
        assert re.search(rf"{re.escape(name)} +{size_bytes:,}", result.stdout)
    assert {"constants", "kernels", "firmware", "free", "arena", "static"} <= set(
        re.findall(r"[█▓▒·] (\w+)", result.stdout)
    )


def test_build_json_has_the_promised_fields(built: Path) -> None:
    """Model hash, versions, options, sizes and steps, under the names that a run's JSON uses."""
    document = json.loads((built / "build.json").read_text())
    assert re.fullmatch("[0-9a-f]{64}", document["model_hash"])
    assert set(document["versions"]) == {"mcuq", "compiler", "python"}
    flash = document["flash_bytes"]
    assert flash["total"] == flash["constants"] + flash["code"]
    sizes = [document[key] for key in ("arena_bytes", "static_ram_bytes", "stack_bytes")]
    assert document["ram_bytes"] == sum(sizes)
    assert sum(step["constant_bytes"] for step in document["steps"]) == flash["constants"]
    assert (built / document["elf"]).is_file()


@LINKS
def test_run_judges_a_build(built: Path, data: Path, link: str) -> None:
    """The verdict of a build's folder: every sample, every figure, as table and as JSON."""
    skip_without(link)
    result = mcuq("run", built, "--data", data, "--link", link, "--bit-exact", "--json", "out.json", "--per-step")
    assert result.exit_code == 0, result.output
    document = json.loads(Path("out.json").read_text())
    assert (document["samples"], document["bit_exact"], document["first_difference"]) == (20, True, None)
    assert (document["model"], document["board"], document["link"]) == ("digits", "cortex-m4", link)
    assert document["accuracy"] >= 0.9
    assert document["instructions"]["min"] > 50_000
    assert document["ram_bytes"] == sum(document[key] for key in ("arena_bytes", "static_ram_bytes", "stack_bytes"))
    assert "bit-exact" in result.stdout
    assert f"{document['flash_bytes']['total']:,} bytes" in result.stdout
    assert all(step["instructions"] for step in document["steps"])
    assert result.stderr == ""


def skip_without(link: str) -> None:
    """Skip where the emulator of the link is missing."""
    if link == "sim":
        pytest.importorskip("unicorn", reason="The simulator needs unicorn.")
    elif shutil.which("qemu-system-arm") is None:
        pytest.skip("qemu-system-arm is not installed.")


def test_run_builds_a_model(model: Path, data: Path, compiler: None) -> None:
    """A model file is built first, into the same folder as by `mcuq build`; the limit is kept."""
    skip_without("sim")
    result = mcuq("run", model, "--board", "cortex-m4", "--data", data, "--limit", 3, "--json", "-")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["samples"] == 3
    assert Path("build/digits-cortex-m4/firmware.elf").is_file()


def test_a_failed_gate_ends_with_1(built: Path, data: Path) -> None:
    """Every failed gate is named, gates that hold are not, and gates of the project count too."""
    skip_without("sim")
    write_project(Project(gates=Gates(max_ram=10, max_flash=10)), Path())
    result = mcuq("run", built, "--data", data, "--min-accuracy", 0.5, "--max-flash", 1_000_000, "--limit", 2)
    text = failed(result, "gate failed: --max-ram", "more than 10 bytes", status=1)
    assert "--max-flash" not in text
    assert "--min-accuracy" not in text
    assert "RAM" in result.stdout


def test_a_gate_on_an_unknown_figure_fails(built: Path, folder: Path) -> None:
    """Without labels there is no accuracy to meet any gate."""
    skip_without("sim")
    np.savez(folder / "x.npz", x=np.zeros((1, 64), np.float32))
    failed(mcuq("run", built, "--data", "x.npz", "--min-accuracy", 0), "--min-accuracy", "no labels", status=1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--link", "host"], ["no link 'host'", "sim, qemu"]),
        (["--board", "cortex-m3"], ["built for board 'cortex-m4'", "mcuq build --board cortex-m3"]),
        (["--data", "nowhere.npz"], ["nowhere.npz"]),
        (["--min-accuracy", "90"], ["--min-accuracy"]),
        (["--limit", "0"], ["--limit"]),
        (["--qemu-args", "'-s"], ["--qemu-args", "quotation"]),
    ],
)
def test_wrong_arguments_of_run(built: Path, data: Path, arguments: list[str], words: list[str]) -> None:
    """What cannot work is refused before anything runs, with the reason."""
    failed(mcuq("run", built, "--data", data, *arguments), *words)


def test_options_of_a_build_are_refused_for_what_is_built(built: Path, data: Path) -> None:
    """A folder runs as it was built: options that would change that are an error and are not passed over."""
    failed(mcuq("run", built, "--data", data, "--compiler", "zig", "--keep-inputs"), "--compiler, --keep-inputs")


def test_a_folder_that_is_no_build(folder: Path, data: Path) -> None:
    """A folder without build.json is not a build, and the message says how to make one."""
    (folder / "empty").mkdir()
    failed(mcuq("run", "empty", "--data", data), "empty", "mcuq build")


def test_codegen_prints_the_line_that_compiles(model: Path) -> None:
    """The last line of the output, pasted into a shell in the folder, compiles what was written."""
    if shutil.which("cc") is None:
        pytest.skip("There is no cc.")
    result = mcuq("codegen", model, "-o", "c", "--name", "net", "--selftest", 2)
    assert result.exit_code == 0
    line = result.stdout.splitlines()[-1]
    subprocess.run(line, shell=True, cwd="c", check=True)
    assert {"net.o", "net_constants.o", "net_selftest.o"} <= {path.name for path in Path("c").iterdir()}


def test_boards_are_listed() -> None:
    """As a table and as JSON, the user's own ./boards among them."""
    Path("boards").mkdir()
    text = (resources.boards() / "cortex-m4.toml").read_text().replace('"cortex-m4"', '"mine"', 1)
    Path("boards/mine.toml").write_text(text)
    boards = json.loads(mcuq("boards", "--json").stdout)
    assert {"mine", "cortex-m4", "host"} <= {board["name"] for board in boards}
    table = mcuq("boards").stdout
    for board in boards:
        assert board["name"] in table


def test_doctor_names_every_tool() -> None:
    """What is found has a version, and everything has a command that installs it."""
    result = mcuq("doctor", "--json")
    document = json.loads(result.stdout)
    assert result.exit_code == (0 if document["ready"] else 1)
    for tool in document["tools"]:
        assert tool["install"]
        assert tool["found"] == (tool["version"] is not None)
    table = mcuq("doctor").stdout
    for tool in document["tools"]:
        assert tool["name"] in table
        assert (tool["version"] if tool["found"] else tool["install"]) in table
    assert {"pyocd", "openocd", "jlink", "esptool"} <= {tool["name"] for tool in document["flashing"]}
    for tool in document["flashing"]:
        assert tool["name"] in table
        assert tool["install"]
    (openocd,) = (tool for tool in document["flashing"] if tool["name"] == "openocd")
    assert "nucleo-l4r5zi" in openocd["boards"]


def test_doctor_says_when_nothing_can_be_built(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a compiler the exit status is 1 and the next step is told."""
    monkeypatch.setattr(sys.modules["mcuq.build"], "find_tools", lambda: ())
    result = mcuq("doctor")
    assert result.exit_code == 1
    assert "pip install 'mcuq[all]'" in result.stdout


@pytest.mark.usefixtures("compiler")
def test_the_demo_runs_anywhere(folder: Path) -> None:
    """It needs no model, leaves nothing behind, and keeps its build only when asked to."""
    skip_without("sim")
    result = mcuq("demo")
    assert result.exit_code == 0, result.output
    assert "bit-exact: every output byte" in result.stdout
    assert re.search(r"accuracy +9[78]\.\d\d %", result.stdout)
    assert list(folder.iterdir()) == []
    assert mcuq("demo", "-o", "kept", "--board", "cortex-m3").exit_code == 0
    assert (folder / "kept" / "firmware.elf").is_file()


def output_on_a_terminal(command: list[str], environment: dict[str, str]) -> str:
    """What the command writes when its output is a terminal."""
    main, other = pty.openpty()
    process = subprocess.Popen(command, stdout=other, stderr=other, env={**os.environ, **environment})
    os.close(other)
    text = b"".join(_read_all(main))
    os.close(main)
    assert process.wait() == 0
    return text.decode()


def _read_all(descriptor: int) -> Iterator[bytes]:
    while True:
        try:
            piece = os.read(descriptor, 65536)
        except OSError:  # the other end is closed
            return
        if not piece:
            return
        yield piece


def test_colors_are_for_terminals_that_want_them(model: Path) -> None:
    """Styles on a terminal, none with NO_COLOR's colors, no escapes at all in a pipe."""
    command = [sys.executable, "-c", "from mcuq.cli import main; main()", "inspect", str(model), "-b", "cortex-m4"]
    plain: dict[str, Any] = {"TERM": "xterm-256color", "COLUMNS": "100"}
    assert "\x1b[32m" in output_on_a_terminal(command, plain)
    assert "\x1b[32m" not in output_on_a_terminal(command, {**plain, "NO_COLOR": "1"})
    piped = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "\x1b" not in piped.stdout + piped.stderr
