"""Names of models, layers and tensors are data: nothing but [A-Za-z0-9_] of them reaches C or the disk."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mcuq import pipeline, resources
from mcuq.build import write_sources
from mcuq.codegen import model_name
from mcuq.codegen.names import reduced
from mcuq.errors import UnsupportedModel
from mcuq.ir import Graph
from tests.codegen.harness import case_of, compile_program, run_program, vectors_of
from tests.networks import network, residual_block
from tests.ops.strategies import inputs_for

HOSTILE = (
    '*/ system("x"); /*',
    "../../etc/passwd",
    "while",
    "\N{SNOWMAN}\N{GREEK SMALL LETTER OMEGA}" * 5000,
    "",
    "a\nb\r\\\n#error",
    "??/",
    "\0scratch 0",
    "%s{{ 7 * 7 }}{% raw %}",
)


def renamed(graph: Graph, text: str) -> Graph:
    """The graph in which every value, every layer and the model itself have a hostile name."""

    def new(name: str) -> str:
        return f"{text}{list(graph.values).index(name)}" if text else f"{' ' * list(graph.values).index(name)}"

    return Graph(
        text,
        {new(name): replace(value, name=new(name)) for name, value in graph.values.items()},
        tuple(
            replace(node, inputs=tuple(map(new, node.inputs)), outputs=tuple(map(new, node.outputs)), origin=(text,))
            for node in graph.nodes
        ),
        tuple(map(new, graph.inputs)),
        tuple(map(new, graph.outputs)),
    )


def usable(text: str) -> bool:
    """Whether anything is left of a name."""
    return re.search(r"[A-Za-z0-9]", text) is not None


def without_comments(text: str) -> str:
    """C without its comments."""
    return re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("graph", [residual_block(), network(11)], ids=["residual", "network"])
def test_hostile_names_change_comments_only(graph: Graph, text: str) -> None:
    """Code and file names are the same whatever tensors and layers are called; comments get the reduced name."""
    plain, hostile = case_of(graph), case_of(renamed(graph, text))
    for mine, theirs in zip(hostile.sources.files, plain.sources.files, strict=True):
        assert mine.path == theirs.path
        assert without_comments(mine.text) == without_comments(theirs.text)
        if mine.role != "header":
            assert set(re.findall(r"[^\x20-\x7e\n]", mine.text)) == set()
        assert mine.text.count("/*") == mine.text.count("*/") == theirs.text.count("/*")
        assert len(max(mine.text.splitlines(), key=len)) < 400


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_model_names_stay_in_the_folder(text: str, tmp_path: Path) -> None:
    """Files are written below the folder that was asked for, under a harmless name."""
    folder = tmp_path / "deep" / "out"
    generated = pipeline.codegen(
        renamed(residual_block(), text), folder, name=text if usable(text) else "x", selftest=1
    )
    assert re.fullmatch(r"[a-z][a-z0-9_]{0,31}", generated.sources.name)
    written = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert written == {folder / file.path for file in generated.sources.files}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("KWS Ref", "kws_ref"),
        ("kws.int8.tflite", "kws_int8_tflite"),
        ("8bit", "m_8bit"),
        ("int", "m_int"),
        ("uint8", "m_uint8"),
        ("size", "m_size"),
        ("stdint", "m_stdint"),
        ("signal", "m_signal"),
        ("main", "m_main"),
        ("mcuq", "m_mcuq"),
        ("mcuq_port", "m_mcuq_port"),
        ("__leading__and__trailing__", "leading_and_trailing"),
        ("x" * 99, "x" * 32),
        ("9" * 99, "m_" + "9" * 30),
        ("m\N{LATIN SMALL LETTER O WITH DIAERESIS}del", "m_del"),
    ],
)
def test_model_names(text: str, expected: str) -> None:
    """Lower case, one underscore for whatever else was there, never a name that C or mcuq has already."""
    assert model_name(text) == expected


@pytest.mark.parametrize("text", ["", "___", "\N{SNOWMAN}", "../.."])
def test_names_of_nothing_are_refused(text: str) -> None:
    """Where no letter or digit is left, the error says how to give a name."""
    with pytest.raises(UnsupportedModel, match="--name"):
        model_name(text)


def test_reduced_text_is_short_and_harmless() -> None:
    """Text for comments keeps letters, digits and underscores, 60 characters of them."""
    assert reduced('*/ system("x"); /*') == "_system_x_"
    assert len(reduced("ab" * 5000)) == 60


@pytest.mark.parametrize("name", ["model", "net", "arena", "input", "output", "step", "x", "y", "p", "sum", "region"])
def test_plain_names_do_not_clash(name: str, tmp_path: Path) -> None:
    """Models that are called like things in the templates still compile, firmware glue and self-test included."""
    graph = residual_block()
    case = case_of(graph, model_name(name), selftest=vectors_of(graph, inputs_for(graph, 0, 1)))
    write_sources(case.sources.files, tmp_path)
    include = f"-I{resources.firmware() / 'include'}"
    files = [file.path for file in case.sources.files if file.path.endswith(".c")]
    program = compile_program("int main(void) { return 0; }\n", tmp_path / "program", flags=(include,), more=files)
    assert run_program(program) == b""


def test_random_model_names_are_identifiers() -> None:
    """Random Unicode either gives an identifier of at most 32 characters or is refused."""
    rng = np.random.default_rng(0)
    for _ in range(2000):
        text = "".join(map(chr, rng.integers(1, 0x2FF, rng.integers(0, 60))))
        try:
            name = model_name(text)
        except UnsupportedModel:
            continue
        assert re.fullmatch(r"[a-z][a-z0-9_]{0,31}", name)
