"""Data of every kind become the same samples: arrays, batches, folders of images and of .wav files."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mcuq.artifacts import Samples
from mcuq.errors import InvalidData
from mcuq.importers.data import Preprocessing, calibration_batches, load_samples
from mcuq.ir import FLOAT32, INT8, DType, Graph, Quantization, Tensor

Array = npt.NDArray[Any]


def graph_of(*shapes: tuple[int, ...], dtype: DType = FLOAT32, classes: int = 3) -> Graph:
    """A graph without nodes whose inputs are called a, b, ..."""
    q = None if dtype == FLOAT32 else Quantization((0.5,), (0,))
    inputs = [Tensor(name, shape, dtype, q) for name, shape in zip("abc", shapes, strict=False)]
    output = Tensor("out", (1, classes), FLOAT32)
    values = {tensor.name: tensor for tensor in (*inputs, output)}
    return Graph("g", values, (), tuple(tensor.name for tensor in inputs), ("out",))


FLAT = graph_of((1, 4))
X = np.arange(40, dtype=np.float32).reshape(10, 4)
Y = np.arange(10) % 3


def batches(*parts: Any) -> Iterator[Any]:
    """A generator, which passes by once."""
    yield from parts


@pytest.mark.parametrize(
    "data",
    [
        X,
        {"x": X},
        {"a": X},
        [X[:6], X[6:]],
        [(X[:6],), (X[6:],)],
        [{"a": X[:6]}, {"a": X[6:]}],
        [X[:6].tolist(), X[6:].tolist()][:0] or [X],
    ],
    ids=["array", "mapping", "named", "batches", "tuples", "dictionaries", "one batch"],
)
def test_arrays_and_batches_are_the_same_samples(data: Any) -> None:
    """However the inputs come, they come out as [samples, *shape]."""
    samples = load_samples(data, FLAT)
    np.testing.assert_array_equal(samples.inputs[0], X.reshape(10, 1, 4))
    assert samples.labels is None


@pytest.mark.parametrize(
    "parts",
    [
        [(X[:6], Y[:6]), (X[6:], Y[6:])],
        [((X[:6],), Y[:6]), ((X[6:],), Y[6:])],
        [({"a": X[:6]}, Y[:6]), ({"a": X[6:]}, Y[6:])],
    ],
    ids=["flat", "nested", "named"],
)
def test_labels_of_batches_are_found(parts: Any) -> None:
    """As tf.data gives them: (inputs, labels)."""
    samples = load_samples(batches(*parts), FLAT)
    np.testing.assert_array_equal(samples.inputs[0].reshape(10, 4), X)
    assert samples.labels is not None
    assert samples.labels.tolist() == Y.tolist()


def test_two_inputs_are_told_from_inputs_and_labels() -> None:
    """A tuple as long as the inputs is the inputs; one longer ends in labels."""
    graph = graph_of((1, 4), (1, 4))
    assert load_samples([(X, X + 1)], graph).labels is None
    samples = load_samples([(X, X + 1, Y)], graph)
    np.testing.assert_array_equal(samples.inputs[1].reshape(10, 4), X + 1)
    assert samples.labels is not None


@pytest.mark.parametrize(
    ("data", "word"),
    [
        ([(X, X, X)], "3 inputs"),
        ([{"b": X}], "lacks the input 'a'"),
        (batches(), "no batch"),
        ([np.array(["text"])], "array of numbers"),
        ({"x": X[:, :3]}, "shape"),
        ({"x": X * np.nan}, "NaN"),
    ],
)
def test_wrong_data_are_named(data: Any, word: str) -> None:
    """The message says which part is wrong."""
    with pytest.raises(InvalidData, match=word):
        load_samples(data, FLAT)


def test_a_generator_streams_to_calibration() -> None:
    """Each batch is asked for when it is needed, and none is kept."""
    asked = []

    def stream() -> Iterator[Array]:
        for index in range(3):
            asked.append(index)
            yield X

    found = calibration_batches(stream(), FLAT)
    next(found)
    assert asked == [0]
    assert len(list(found)) == 2


def test_samples_are_cut_into_batches() -> None:
    """Everything else is too."""
    parts = list(calibration_batches(np.zeros((70, 4), np.float32), FLAT))
    assert [len(inputs[0]) for inputs in parts] == [32, 32, 6]


def test_several_files_are_one_after_the_other(tmp_path: Path) -> None:
    """With labels where each has some."""
    for index in range(2):
        np.savez(tmp_path / f"{index}.npz", x=X + index, y=Y)
    samples = load_samples([tmp_path / "0.npz", str(tmp_path / "1.npz")], FLAT)
    assert samples.count == 20
    assert samples.labels is not None
    assert samples.inputs[0][10, 0].tolist() == (X[0] + 1).tolist()
    np.savez(tmp_path / "1.npz", x=X)
    assert load_samples([tmp_path / "0.npz", tmp_path / "1.npz"], FLAT, 3).labels is None


def test_samples_and_functions_pass_through() -> None:
    """What is loaded already is not loaded again."""
    samples = Samples((X.reshape(10, 1, 4),), None, "mine")
    assert load_samples(samples, FLAT) is samples
    assert load_samples(lambda graph: samples, FLAT, 2).count == 2


def test_preprocessing_makes_real_numbers_of_integers(tmp_path: Path) -> None:
    """(raw - mean) * scale, in an .npz as in memory; afterwards the model's own quantization."""
    raw = np.array([[0, 10, 20, 30]], np.uint8)
    np.savez(tmp_path / "raw.npz", x=raw)
    prepared = Preprocessing(scale=0.1, mean=(10.0,))
    real = load_samples(tmp_path / "raw.npz", FLAT, None, prepared).inputs[0]
    np.testing.assert_allclose(real.ravel(), [-1, 0, 1, 2], rtol=1e-6)
    stored = load_samples({"x": raw}, graph_of((1, 4), dtype=INT8), None, prepared).inputs[0]
    assert stored.ravel().tolist() == [-2, 0, 2, 4]
    np.testing.assert_allclose(load_samples([raw], FLAT, None, prepared).inputs[0].ravel(), [-1, 0, 1, 2], rtol=1e-6)


def test_one_mean_a_channel() -> None:
    """Or one for all; anything else is an error."""
    images = np.zeros((1, 2, 2, 3), np.uint8)
    graph = graph_of((1, 2, 2, 3))
    found = load_samples({"x": images}, graph, None, Preprocessing(mean=(1.0, 2.0, 3.0))).inputs[0]
    assert found[0, 0, 0, 0].tolist() == [-1, -2, -3]
    with pytest.raises(InvalidData, match="3 channels"):
        load_samples({"x": images}, graph, None, Preprocessing(mean=(1.0, 2.0)))


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Two classes of 4x6 images, in colour and grey."""
    image = pytest.importorskip("PIL.Image")
    for kind, level in (("cat", 40), ("dog", 200)):
        (tmp_path / kind).mkdir()
        for index in range(3):
            pixels = np.full((4, 6, 3), level + index, np.uint8)
            image.fromarray(pixels).save(tmp_path / kind / f"{index}.png")
    image.fromarray(np.full((4, 6), 7, np.uint8)).save(tmp_path / "cat" / "grey.png")
    return tmp_path


def test_a_folder_of_images_has_its_sub_folders_as_classes(pictures: Path) -> None:
    """In the order of their names; pixels are 0 .. 255, and sizes and channels are the model's."""
    samples = load_samples(pictures, graph_of((1, 4, 6, 3)))
    assert samples.labels is not None
    assert samples.labels.tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert samples.inputs[0].shape == (7, 1, 4, 6, 3)
    assert samples.inputs[0][:, 0, 0, 0, 0].tolist() == [40, 41, 42, 7, 200, 201, 202]


def test_images_are_resized_and_made_grey(pictures: Path) -> None:
    """As the model wants them, or as is said."""
    assert load_samples(pictures, graph_of((1, 8, 8, 1))).inputs[0].shape == (7, 1, 8, 8, 1)
    flat = load_samples(pictures, graph_of((1, 12)), None, Preprocessing(resize=(2, 6), colors="gray", scale=0.5))
    assert flat.inputs[0][0, 0].tolist() == [20.0] * 12


def test_a_damaged_image_is_named(pictures: Path) -> None:
    """The message says which file."""
    (pictures / "dog" / "9.png").write_bytes(b"no image")
    with pytest.raises(InvalidData, match=r"9\.png"):
        load_samples(pictures, graph_of((1, 4, 6, 3)))


def test_files_beside_sub_folders_are_refused(pictures: Path) -> None:
    """It would not be clear what their class is."""
    (pictures / "0.png").write_bytes((pictures / "cat" / "0.png").read_bytes())
    with pytest.raises(InvalidData, match="beside them"):
        load_samples(pictures, graph_of((1, 4, 6, 3)))


def write_wav(path: Path, values: Array, rate: int = 8000, channels: int = 1, width: int = 2) -> None:
    """A PCM file."""
    path.parent.mkdir(exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(values.astype("<i2" if width == 2 else np.uint8).tobytes())


def test_a_folder_of_wav_files_is_cut_and_padded_around_the_middle(tmp_path: Path) -> None:
    """Stereo is averaged, 8 bits are scaled to 16, and --scale makes them real numbers."""
    write_wav(tmp_path / "a" / "long.wav", np.arange(8) * 100)
    write_wav(tmp_path / "a" / "short.wav", np.array([1000, 2000]))
    write_wav(tmp_path / "b" / "stereo.wav", np.array([0, 200, 100, 300, 0, 0, 0, 0]), channels=2)
    write_wav(tmp_path / "b" / "eight.wav", np.array([128, 129, 0, 255]), width=1)
    samples = load_samples(tmp_path, FLAT)
    found = {tuple(row.ravel().tolist()) for row in samples.inputs[0]}
    assert found == {(200, 300, 400, 500), (0, 1000, 2000, 0), (100, 200, 0, 0), (0, 256, -32768, 32512)}
    assert samples.labels is not None
    assert samples.labels.tolist() == [0, 0, 1, 1]
    scaled = load_samples(tmp_path, FLAT, None, Preprocessing(scale=2.0**-15)).inputs[0]
    assert np.abs(scaled).max() == 1.0


def test_wav_files_that_do_not_fit_are_named(tmp_path: Path) -> None:
    """Different rates, damaged files, and models that want features."""
    write_wav(tmp_path / "a.wav", np.zeros(4))
    with pytest.raises(InvalidData, match="one row of samples"):
        load_samples(tmp_path, graph_of((1, 49, 10, 1)))
    write_wav(tmp_path / "b.wav", np.zeros(4), rate=16000)
    with pytest.raises(InvalidData, match=r"8000 Hz .* 16000 Hz"):
        load_samples(tmp_path, FLAT)
    (tmp_path / "b.wav").write_bytes(b"RIFF")
    with pytest.raises(InvalidData, match=r"b\.wav"):
        load_samples(tmp_path, FLAT)


def test_a_folder_without_data_says_what_it_may_hold(tmp_path: Path) -> None:
    """Nothing, or both kinds at once, is an error."""
    with pytest.raises(InvalidData, match="neither images nor"):
        load_samples(tmp_path, FLAT)
    write_wav(tmp_path / "a.wav", np.zeros(4))
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(InvalidData, match="both images and"):
        load_samples(tmp_path, FLAT)
