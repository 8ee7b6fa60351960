"""mcuq.toml is read strictly and written so that it is read back as it was."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcuq.errors import InvalidProject
from mcuq.project import FILE_NAME, Gates, Options, Project, project_text, read_project, write_project

texts = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
fractions = st.none() | st.floats(0, 1)
sizes = st.none() | st.integers(0, 1 << 40)
options = st.builds(
    Options,
    compiler=st.sampled_from([None, "gcc", "clang", "zig"]),
    keep_inputs=st.booleans(),
    remove_dead_channels=st.booleans(),
    output=texts,
    link=st.sampled_from([None, "sim", "qemu", "host"]),
    count_samples=st.integers(1, 100),
)
gates = st.builds(
    Gates,
    min_accuracy=fractions,
    max_drop=fractions,
    max_latency_ms=st.none() | st.floats(0, 1e6),
    deadline_ms=st.none() | st.floats(0, 1e6),
    max_ram=sizes,
    max_flash=sizes,
    bit_exact=st.booleans(),
)
projects = st.builds(
    Project, model=texts, name=texts, data=texts, recipe=texts, board=texts, options=options, gates=gates
)


def read(folder: Path, text: str) -> Project | None:
    """The project that `text` makes of a folder."""
    (folder / FILE_NAME).write_text(text, encoding="utf-8")
    return read_project(folder)


@given(projects)
def test_what_is_written_is_read_back(project: Project) -> None:
    """Every project survives being written and read, whatever characters its texts hold."""
    with tempfile.TemporaryDirectory() as folder:
        write_project(project, Path(folder))
        assert read_project(Path(folder)) == project


def test_a_folder_without_the_file_has_no_project(tmp_path: Path) -> None:
    """No mcuq.toml is no error."""
    assert read_project(tmp_path) is None


def test_an_empty_file_is_a_project_that_says_nothing(tmp_path: Path) -> None:
    """Every key may be left out."""
    assert read(tmp_path, "") == Project()


def test_commented_keys_can_be_uncommented(tmp_path: Path) -> None:
    """The examples that stand in a new file as comments are themselves valid."""
    text = project_text(Project()).replace("# Defaults", "## Defaults").replace("\n# ", "\n")
    project = read(tmp_path, text)
    assert project is not None
    assert project.gates.max_ram == 65536
    assert project.options.link == "sim"


def test_integers_are_accepted_where_numbers_are_asked_for(tmp_path: Path) -> None:
    """`max_latency_ms = 5` is as good as 5.0."""
    project = read(tmp_path, "[gates]\nmax_latency_ms = 5\nmin_accuracy = 1\n")
    assert project is not None
    assert (project.gates.max_latency_ms, project.gates.min_accuracy) == (5.0, 1.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("modle = 'a'", ["modle", "unknown key", "known are model, name, data"]),
        ("[gates]\nmin_acuracy = 0.9", ["gates.min_acuracy", "unknown key", "known are min_accuracy, max_drop"]),
        ("[options]\nkeep = true", ["options.keep", "unknown key", "keep_inputs"]),
        ("model = 3", ["model", "string"]),
        ("[gates]\nmin_accuracy = 90", ["gates.min_accuracy", "less than or equal to 1"]),
        ("[gates]\nmin_accuracy = '0.9'", ["gates.min_accuracy", "number"]),
        ("[gates]\nmax_ram = 1.5", ["gates.max_ram", "integer"]),
        ("[gates]\nbit_exact = 1", ["gates.bit_exact", "boolean"]),
        ("[options]\ncompiler = 'tcc'", ["options.compiler", "'gcc', 'clang' or 'zig'"]),
        ("[options]\ncount_samples = 0", ["options.count_samples", "greater than or equal to 1"]),
        ("options = 3", ["options"]),
        ("board = 2024-01-01", ["board", "string"]),
        ("model = ", ["is not TOML"]),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, words: list[str]) -> None:
    """A wrong file is refused by a message that names the file, the key and what is wrong with it."""
    with pytest.raises(InvalidProject) as caught:
        read(tmp_path, text)
    for word in [FILE_NAME, *words]:
        assert word in str(caught.value)


def test_bytes_that_are_not_text_are_refused(tmp_path: Path) -> None:
    """A binary file under that name is an InvalidProject, not a crash."""
    (tmp_path / FILE_NAME).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidProject, match="is not TOML"):
        read_project(tmp_path)


def test_an_existing_file_is_kept(tmp_path: Path) -> None:
    """Writing over a project takes `force`."""
    write_project(Project(model="a.tflite"), tmp_path)
    with pytest.raises(InvalidProject, match="--force"):
        write_project(Project(model="b.tflite"), tmp_path)
    assert read_project(tmp_path) == Project(model="a.tflite")
    write_project(Project(model="b.tflite"), tmp_path, force=True)
    assert read_project(tmp_path) == Project(model="b.tflite")
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]
