"""Ops of the user: the example of the guide, from a TFLite file to C, and every way to get such a file wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mcuq import pipeline
from mcuq.errors import InvalidProject, ToolMissing, UnsupportedModel
from mcuq.exporters import save_graph
from mcuq.exporters.tflite.writer import Cell
from mcuq.importers import load_container, load_tflite
from mcuq.interpreter import run
from mcuq.ir import Graph, Node
from mcuq.ops import is_known
from mcuq.pipeline.engine import engine_for
from mcuq.pipeline.extensions import read_user_op, user_ops
from tests.importers.files import FLOAT32, FileModel, FileOperator, FileQuantization, FileTensor

Array = npt.NDArray[Any]

LEAKY_RELU, LEAKY_RELU_OPTIONS = 98, 75


@pytest.fixture(scope="session")
def example(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that the guide shows."""
    guide = (root / "mcuq" / "ops" / "README.md").read_text(encoding="utf-8")
    blocks = [block for block in re.findall(r"```python\n(.*?)```", guide, re.DOTALL) if "LEAKY_RELU:" in block]
    path = tmp_path_factory.mktemp("user") / "leaky_relu.py"
    path.write_text(blocks[0], encoding="utf-8")
    return path


def model_bytes(dtype: int | None = None) -> bytes:
    """One LEAKY_RELU of alpha 0.2 on 64 elements, int8 unless a type is given."""
    quantized = dtype is None
    x, y = FileQuantization((0.05,), (-7,)), FileQuantization((0.031,), (-50,))
    more = {} if quantized else {"dtype": dtype}
    tensors = (
        FileTensor("x", (1, 64), quantization=x if quantized else None, **more),  # type: ignore[arg-type]
        FileTensor("y", (1, 64), quantization=y if quantized else None, **more),  # type: ignore[arg-type]
    )
    code = {0: Cell("int8", LEAKY_RELU), 3: Cell("int32", LEAKY_RELU)}
    operator = FileOperator((0,), (1,), code, LEAKY_RELU_OPTIONS, {0: Cell("float32", 0.2)})
    return FileModel(tensors, (operator,)).to_bytes()


@pytest.fixture
def inputs() -> Array:
    """Every int8 value, in four samples."""
    return np.arange(-128, 128, dtype=np.int8).reshape(4, 1, 64)


@pytest.fixture
def leaky(example: Path) -> Iterator[Graph]:
    """The int8 model, loaded while its op is known."""
    with user_ops(example):
        yield load_tflite(model_bytes(), "leaky")


def test_without_the_op_the_model_is_refused() -> None:
    """Nothing knows LEAKY_RELU by itself."""
    with pytest.raises(UnsupportedModel, match="LEAKY_RELU"):
        load_tflite(model_bytes(), "leaky")


def test_the_example_equals_tflm(leaky: Graph, inputs: Array) -> None:
    """The card of the example gives TensorFlow Lite Micro's bytes for every input."""
    runtime = pytest.importorskip("tflite_micro.python.tflite_micro.runtime")
    interpreter = runtime.Interpreter.from_bytes(model_bytes(), arena_size=100_000)
    (ours,) = run(leaky, (inputs,))
    for sample, expected in zip(inputs, ours, strict=True):
        interpreter.set_input(sample, 0)
        interpreter.invoke()
        np.testing.assert_array_equal(interpreter.get_output(0), expected)


@pytest.mark.parametrize("arithmetic", ["tflm", "single"])
def test_the_c_of_the_example_equals_its_card(leaky: Graph, inputs: Array, arithmetic: str) -> None:
    """The user's template gives the bytes of the user's numpy, in either rounding."""
    (node,) = leaky.nodes
    changed = Node(node.op, node.inputs, node.outputs, node.attrs, arithmetic, node.origin)
    graph = Graph(leaky.name, leaky.values, (changed,), leaky.inputs, leaky.outputs)
    with engine_for(graph) as engine:
        if engine.note:
            pytest.skip(engine.note)
        np.testing.assert_array_equal(engine.run((inputs,), None)[0], run(graph, (inputs,))[0])


def test_the_float_form_runs_too(example: Path) -> None:
    """The same op computes in float where the model is float."""
    x = np.linspace(-2, 2, 64, dtype=np.float32).reshape(1, 1, 64)
    with user_ops(example):
        graph = load_tflite(model_bytes(FLOAT32), "leaky")
        with engine_for(graph) as engine:
            if engine.note:
                pytest.skip(engine.note)
            np.testing.assert_allclose(engine.run((x,), None)[0], np.where(x >= 0, x, 0.2 * x), rtol=1e-6)


def test_a_float_model_with_the_op_is_quantized(example: Path) -> None:
    """The card's quantization rule is enough for the quantizer."""
    x = np.random.default_rng(0).normal(size=(80, 1, 64)).astype(np.float32)
    with user_ops(example):
        graph = pipeline.quantize(load_tflite(model_bytes(FLOAT32), "leaky"), x, "int8").graph
        comparison = pipeline.compare(graph, load_tflite(model_bytes(FLOAT32), "leaky"), {"x": x}, use_interpreter=True)
    assert [node.op for node in graph.nodes] == ["LEAKY_RELU"]
    assert comparison.sqnr_db > 30


def test_attributes_survive_a_container(leaky: Graph) -> None:
    """A saved graph keeps the op's own attributes."""
    assert load_container(save_graph(leaky)).nodes[0].attrs == leaky.nodes[0].attrs
    assert leaky.nodes[0].attrs.alpha == pytest.approx(0.2)


def test_afterwards_the_op_is_forgotten(example: Path) -> None:
    """Outside of the context nothing is left, even after an error."""

    def fail() -> None:
        with user_ops(example):
            assert is_known("LEAKY_RELU")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert not is_known("LEAKY_RELU")
    with pytest.raises(UnsupportedModel):
        load_tflite(model_bytes(), "leaky")


def test_an_op_that_mcuq_has_cannot_be_replaced(example: Path, tmp_path: Path) -> None:
    """A taken name is an error that says so, and leaves nothing behind."""
    taken = tmp_path / "taken.py"
    taken.write_text(
        example.read_text().replace('name="LEAKY_RELU"', 'name="RELU"').replace('("LEAKY_RELU",)', '("RELU",)')
    )
    with pytest.raises(InvalidProject, match="RELU already"), user_ops(taken):
        pass
    with pytest.raises(InvalidProject, match="already"), user_ops(example, example):
        pass
    assert not is_known("LEAKY_RELU")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("x = 1", "no variable OP"),
        ("OP = 3", "no variable OP"),
        ("import no_such_module", "ModuleNotFoundError"),
        ("x = 1\n1 / 0", r"ZeroDivisionError.*line 2"),
        ("def (", "SyntaxError"),
    ],
)
def test_a_broken_file_is_an_error_of_the_user(tmp_path: Path, text: str, word: str) -> None:
    """Whatever the file does wrong, the message names the file and the fact."""
    path = tmp_path / "mine.py"
    path.write_text(text)
    with pytest.raises(InvalidProject, match=word):
        read_user_op(path)


def test_a_missing_file_is_an_error_of_the_user(tmp_path: Path) -> None:
    """So is a path that is none."""
    with pytest.raises(InvalidProject, match="no file"):
        read_user_op(tmp_path / "nothing.py")


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ('Kernel("leaky_relu/int8"', 'Kernel("Leaky-Relu"', "must be called like"),
        ('templates={"leaky_relu/int8"', 'templates={"other/int8"', "no text"),
        ('("LEAKY_RELU",), "", only(plan_int8)', '("ELU",), "", only(plan_int8)', "does not say that it computes"),
    ],
)
def test_parts_that_do_not_go_together_are_named(example: Path, tmp_path: Path, old: str, new: str, word: str) -> None:
    """Kernel names, templates and ops are checked before anything is added."""
    path = tmp_path / "mine.py"
    text = example.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(InvalidProject, match=word):
        read_user_op(path)


def test_the_firmware_runs_the_op(example: Path, inputs: Array, tmp_path: Path) -> None:
    """From the file to a simulated Cortex-M4, bit for bit."""
    pytest.importorskip("unicorn", reason="The simulator needs unicorn.")
    np.savez(tmp_path / "x.npz", x=inputs)
    with user_ops(example):
        graph = load_tflite(model_bytes(), "leaky")
        try:
            build = pipeline.build(graph, pipeline.find_board("cortex-m4"), tmp_path / "out")
        except ToolMissing as missing:
            pytest.skip(str(missing))
        verdict = pipeline.run(build, pipeline.load_samples(tmp_path / "x.npz", graph))
    assert verdict.bit_exact
