"""Samples come out of an .npz in the model's own type and shape, or the message says what is wrong with the file."""

from __future__ import annotations

import contextlib
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcuq.errors import InvalidData
from mcuq.importers.samples import load_samples
from mcuq.importers.tflite import load_tflite
from mcuq.ir import FLOAT32, INT8, DType, Graph, Quantization, Tensor

SHAPE = (1, 4, 3, 1)
IMAGE = (1, 2, 3, 2)


def graph_of(*inputs: Tensor, classes: int = 3) -> Graph:
    """A graph without nodes: what is read depends on inputs and the output's size only."""
    output = Tensor("out", (1, classes), INT8, Quantization((0.1,), (0,)))
    values = {tensor.name: tensor for tensor in (*inputs, output)}
    return Graph("g", values, (), tuple(tensor.name for tensor in inputs), ("out",))


def tensor(name: str = "in", shape: tuple[int, ...] = SHAPE, dtype: DType = INT8) -> Tensor:
    """An input of scale 0.5 and zero point -3, or a float one."""
    return Tensor(name, shape, dtype, Quantization((0.5,), (-3,)) if dtype == INT8 else None)


INT8_GRAPH = graph_of(tensor())
FLOAT_GRAPH = graph_of(tensor(dtype=FLOAT32))
X = np.arange(24, dtype=np.int8).reshape(2, *SHAPE)


def saved(folder: Path, **arrays: Any) -> Path:
    """An .npz with these arrays."""
    path = folder / "data.npz"
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("key", ["x", "inputs", "images", "in", "x0"])
def test_each_name_of_the_input_is_found(tmp_path: Path, key: str) -> None:
    """The model's own integers pass through unchanged, whatever the array is called."""
    samples = load_samples(saved(tmp_path, **{key: X}), INT8_GRAPH)
    assert samples.inputs[0].dtype == np.int8
    assert np.array_equal(samples.inputs[0], X)
    assert (samples.labels, samples.count) == (None, 2)


@pytest.mark.parametrize("key", ["y", "labels"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.int16])
def test_labels_are_class_numbers(tmp_path: Path, key: str, dtype: type) -> None:
    """Labels of any integer type, also as a column, come out as int64 [samples]."""
    path = saved(tmp_path, x=X, **{key: np.array([[2], [0]], dtype)})
    labels = load_samples(path, INT8_GRAPH).labels
    assert labels is not None
    assert labels.dtype == np.int64
    assert labels.tolist() == [2, 0]


@pytest.mark.parametrize("shape", [(2, 12), (2, 4, 3), (2, 4, 3, 1), (2, 1, 4, 3, 1), (2, 1, 4, 3), (2, 4, 1, 3, 1)])
def test_axes_of_length_one_may_come_and_go(tmp_path: Path, shape: tuple[int, ...]) -> None:
    """A sample may be flat, or have more or fewer axes of length 1 than the model's input."""
    samples = load_samples(saved(tmp_path, x=X.reshape(shape)), INT8_GRAPH)
    assert np.array_equal(samples.inputs[0], X)


def test_reals_are_quantized_with_the_models_own_parameters(tmp_path: Path) -> None:
    """Halves round away from zero and what is out of range saturates, as the QUANTIZE op does it."""
    real = np.array([0.0, 0.25, -0.25, 0.24, 1000.0, -1000.0, 1, 2, 3, 4, 5, 6], np.float64).reshape(1, 12)
    got = load_samples(saved(tmp_path, x=real), INT8_GRAPH).inputs[0].reshape(-1)
    assert got.tolist() == [-3, -2, -4, -3, 127, -128, -1, 1, 3, 5, 7, 9]


def test_reals_stay_reals_for_a_float_model(tmp_path: Path) -> None:
    """float64 becomes the model's float32."""
    inputs = load_samples(saved(tmp_path, x=np.full((2, 12), 0.1)), FLOAT_GRAPH).inputs
    assert inputs[0].dtype == np.float32
    assert inputs[0].shape == (2, *SHAPE)


@pytest.mark.parametrize("scale_key", ["x_scale", "images_scale"])
def test_integers_in_another_quantization_are_requantized(tmp_path: Path, scale_key: str) -> None:
    """uint8 with scale 1 and zero point 0 becomes int8 with the model's scale 0.5 and zero point -3."""
    images = np.arange(24, dtype=np.uint8).reshape(2, 12)
    zero_key = scale_key.replace("scale", "zero_point")
    path = saved(tmp_path, images=images, **{scale_key: 1.0, zero_key: np.int64(0)})
    expected = (images.astype(int) * 2 - 3).clip(-128, 127)
    assert np.array_equal(load_samples(path, INT8_GRAPH).inputs[0].reshape(2, 12), expected)


def test_integers_with_a_scale_feed_a_float_model(tmp_path: Path) -> None:
    """real = x_scale * (x - x_zero_point), and the zero point is 0 when it is left out."""
    path = saved(tmp_path, x=X, x_scale=np.float32(0.25))
    assert np.array_equal(load_samples(path, FLOAT_GRAPH).inputs[0], X.astype(np.float32) * 0.25)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(-128, 127), min_size=12, max_size=12))
def test_the_models_own_quantization_changes_nothing(tmp_path: Path, numbers: list[int]) -> None:
    """Integers that are said to be quantized as the model's input is come out as they went in."""
    path = saved(tmp_path, x=np.array([numbers], np.int8), x_scale=0.5, x_zero_point=-3)
    assert load_samples(path, INT8_GRAPH).inputs[0].reshape(-1).tolist() == numbers


def test_the_limit_takes_the_first_samples(tmp_path: Path) -> None:
    """Inputs and labels are cut alike, and what lies beyond the limit is not judged."""
    x = np.array([[1.0] * 12, [np.nan] * 12])
    samples = load_samples(saved(tmp_path, x=x, y=[1, 2]), INT8_GRAPH, limit=1)
    assert samples.count == 1
    assert samples.labels is not None
    assert samples.labels.tolist() == [1]


def test_big_endian_files_are_read(tmp_path: Path) -> None:
    """The byte order of the file does not matter."""
    graph = graph_of(tensor(dtype=FLOAT32))
    inputs = load_samples(saved(tmp_path, x=np.full((1, 12), 2.5, ">f4")), graph).inputs
    assert inputs[0].dtype == np.dtype("float32")
    assert (inputs[0] == 2.5).all()


@pytest.mark.parametrize("keys", [("x0", "x1"), ("first", "second"), ("x0", "second")])
def test_several_inputs_go_by_number_or_name(tmp_path: Path, keys: tuple[str, str]) -> None:
    """Each input finds its own array, with its own shape and its own scale."""
    graph = graph_of(tensor("first"), tensor("second", IMAGE))
    path = saved(tmp_path, **{keys[0]: X, keys[1]: np.ones((2, 12), np.uint8), f"{keys[1]}_scale": 2.0})
    first, second = load_samples(path, graph).inputs
    assert np.array_equal(first, X)
    assert second.shape == (2, *IMAGE)
    assert (second == 1).all()


def wrong(*words: str, graph: Graph = INT8_GRAPH, **arrays: Any) -> Any:
    """A case of the test below: what stands in the file, and which words the message must hold."""
    return pytest.param(arrays, graph, words, id=words[0].replace(" ", "-"))


NAN = np.array([[0.0] * 12, [0.0] * 7 + [np.nan] * 5])
TWO = graph_of(tensor("first"), tensor("second"))


@pytest.mark.parametrize(
    ("arrays", "graph", "words"),
    [
        wrong("lacks input 0", "'z'", "'x', 'inputs', 'images'", z=X),
        wrong("several names", "'x', 'inputs'", x=X, inputs=X),
        wrong("labels under several names", x=X, y=[0, 0], labels=[0, 0]),
        wrong("uint8 and the model's input is int8", "x_scale", x=X.astype(np.uint8)),
        wrong("int64 and the model's input is int8", "float32", x=X.astype(np.int64)),
        wrong("int8 and the model's input is float32", "x_scale", graph=FLOAT_GRAPH, x=X),
        wrong("type bool", x=X > 3),
        wrong("type complex128", x=X.astype(complex)),
        wrong("type <U1", x=np.full((2, 12), "a")),
        wrong("shape [2, 11]", "[1, 4, 3, 1]", "[samples, 12]", x=X.reshape(2, 12)[:, :11]),
        wrong("order of the axes", "[2, 3, 4]", x=X.reshape(2, 3, 4)),
        wrong("shape [4, 3, 1]", x=X[0, 0]),
        wrong("shape [24]", x=X.reshape(-1)),
        wrong("single number", x=np.int8(3)),
        wrong("is empty", x=X[:0]),
        wrong("5 elements that are NaN", "[1, 2, 1]", x=NAN.reshape(2, 4, 3)),
        wrong("1 elements that are NaN or too large", x=np.array([[np.inf] + [0.0] * 11])),
        wrong("elements that are NaN or too large", graph=FLOAT_GRAPH, x=np.full((1, 12), 1e300)),
        wrong("go with integers", x=np.zeros((1, 12)), x_scale=1.0),
        wrong("a scale must be greater than 0", x=X, x_scale=0.0),
        wrong("it must be a number", x=X, x_scale=[1.0, 2.0]),
        wrong("x_scale' is nan; it must be a finite number", x=X, x_scale=np.nan),
        wrong("must be an integer", x=X, x_scale=1.0, x_zero_point=0.5),
        wrong("without a scale", x=X, x_zero_point=0),
        wrong("3 labels for 2 samples", x=X, y=[0, 0, 0]),
        wrong("labels must be integers", x=X, y=[0.0, 1.0]),
        wrong("one class number a sample", "argmax", x=X, y=np.eye(3, dtype=int)[:2]),
        wrong("label 3 at sample 1", "0 to 2", x=X, y=[0, 3]),
        wrong("label -1 at sample 0", x=X, y=[-1, 0]),
        wrong("is a single number", x=X, y=1),
        wrong("lacks input 1", "'x1', 'second'", graph=TWO, x0=X, x=X),
        wrong("different numbers of samples", graph=TWO, x0=X, x1=X[:1]),
        wrong("holds Python objects", x=np.array([{}, {}])),
    ],
)
def test_wrong_files_are_refused(tmp_path: Path, arrays: dict[str, Any], graph: Graph, words: tuple[str, ...]) -> None:
    """The message names the file, what is wrong and what to do."""
    path = saved(tmp_path, **arrays)
    with pytest.raises(InvalidData) as caught:
        load_samples(path, graph)
    for word in (str(path), *words):
        assert word in str(caught.value)


def test_too_few_labels_are_refused_whatever_the_limit(tmp_path: Path) -> None:
    """Labels that do not go with the samples are not saved by a limit."""
    with pytest.raises(InvalidData, match="1 labels for 2 samples"):
        load_samples(saved(tmp_path, x=X, y=[0]), INT8_GRAPH, limit=1)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """No file is an InvalidData that says what is expected."""
    with pytest.raises(InvalidData, match=r"no file .*nowhere\.npz"):
        load_samples(tmp_path / "nowhere.npz", INT8_GRAPH)


def test_a_single_array_is_refused(tmp_path: Path) -> None:
    """An .npy is no .npz."""
    np.save(tmp_path / "x.npy", X)
    with pytest.raises(InvalidData, match=r"numpy\.savez"):
        load_samples(tmp_path / "x.npy", INT8_GRAPH)


def test_other_zip_files_are_refused(tmp_path: Path) -> None:
    """A zip whose members are not arrays is refused by the names that it lacks or by what they are."""
    path = tmp_path / "other.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x", b"text")
    with pytest.raises(InvalidData, match="not an array"):
        load_samples(path, INT8_GRAPH)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damaged_files_are_refused_or_read(tmp_path: Path, data: st.DataObject) -> None:
    """Changed or cut bytes give InvalidData or samples of the right shape, and never anything else."""
    whole = io.BytesIO()
    np.savez_compressed(whole, x=X, y=np.array([0, 1]))
    content = bytearray(whole.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged.npz"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content)
    with contextlib.suppress(InvalidData):
        assert load_samples(path, INT8_GRAPH).inputs[0].shape[1:] == SHAPE


def test_images_of_a_real_model(zoo: Path, tmp_path: Path) -> None:
    """uint8 images with scale 1 and zero point 0 become exactly the int8 numbers that the model was made for."""
    graph = load_tflite((zoo / "models" / "ic_resnet8_int8.tflite").read_bytes(), "ic")
    with np.load(zoo / "data" / "cifar10_ic01.npz") as stored:
        images, labels = stored["images"], stored["labels"]
    path = saved(tmp_path, images=images, labels=labels, x_scale=np.float32(1), x_zero_point=np.uint8(0))
    samples = load_samples(path, graph)
    assert np.array_equal(samples.inputs[0].reshape(images.shape), images.astype(int) - 128)
    assert samples.labels is not None
    assert np.array_equal(samples.labels, labels)


def test_flat_features_of_a_real_model(zoo: Path) -> None:
    """int8 [1000, 490] feeds an input of [1, 49, 10, 1] as it is."""
    graph = load_tflite((zoo / "models" / "kws_ref_int8.tflite").read_bytes(), "kws")
    samples = load_samples(zoo / "data" / "kws01.npz", graph)
    assert samples.inputs[0].shape == (1000, 1, 49, 10, 1)
    assert samples.labels is not None
    assert samples.labels.max() == 11
