"""Trains the example networks on data of the zoo and writes each as .keras and as float .tflite beside this file.

Run it from the checkout with a Python that has TensorFlow: python -m tests.benchmarks.models.train [name ...]
The runs are seeded; MCUQ_ZOO names the folder of the data. What was measured is kept in scores.json.
"""

from __future__ import annotations

import json
import os
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.datasets import DATASETS, Dataset, Floats, anomaly_scores, area_under_curve

FOLDER = Path(__file__).resolve().parent
SEED = 11
BATCH_SAMPLES = 32


def zoo_folder() -> Path:
    """The folder that MCUQ_ZOO names, or shared/zoo beside the checkout."""
    return Path(os.environ.get("MCUQ_ZOO", FOLDER.parents[3] / "shared" / "zoo"))


def motion_network(batch: int | None = None) -> Any:
    """A 1D network for uci_har: [128, 9] -> 6 classes."""
    from keras import Input, Model, layers

    def block(x: Any, channels: int, size: int) -> Any:
        x = layers.Conv1D(channels, size, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        return layers.MaxPooling1D(2)(x)

    window = Input(batch_shape=(batch, 128, 9), name="window")
    x = block(window, 16, 7)
    x = block(x, 32, 5)
    x = block(x, 48, 5)
    x = layers.GlobalAveragePooling1D()(x)
    x = layers.Dropout(0.3)(x)
    return Model(window, layers.Dense(6, activation="softmax", name="activity")(x), name="uci_har")


def digits_network(batch: int | None = None) -> Any:
    """A 2D network with separable layers for fsdd: [40, 32, 1] -> 10 classes."""
    from keras import Input, Model, layers

    def separable(x: Any, channels: int, stride: int) -> Any:
        x = layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.Conv2D(channels, 1, use_bias=False)(x)
        return layers.ReLU()(layers.BatchNormalization()(x))

    image = Input(batch_shape=(batch, 40, 32, 1), name="log_mel")
    x = layers.Conv2D(24, 3, strides=2, padding="same", use_bias=False)(image)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = separable(x, 48, 1)
    x = separable(x, 64, 2)
    x = layers.ReLU()(layers.Add()([x, separable(x, 64, 1)]))
    x = separable(x, 96, 2)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.3)(x)
    return Model(image, layers.Dense(10, activation="softmax", name="digit")(x), name="fsdd")


def heartbeat_network(batch: int | None = None) -> Any:
    """A dense autoencoder for ecg5000: [140] -> 8 numbers -> [140]."""
    from keras import Input, Model, layers

    def block(x: Any, units: int) -> Any:
        return layers.ReLU()(layers.BatchNormalization()(layers.Dense(units)(x)))

    beat = Input(batch_shape=(batch, 140), name="beat")
    x = block(beat, 64)
    x = block(x, 32)
    x = layers.Dense(8, activation="relu", name="code")(x)
    x = block(x, 32)
    x = block(x, 64)
    return Model(beat, layers.Dense(140, name="reconstruction")(x), name="ecg5000")


def shifted_in_time(x: Floats, rng: np.random.Generator) -> Floats:
    """Images moved by up to four frames, louder or softer, with a little noise."""
    out = np.stack([np.roll(image, rng.integers(-4, 5), axis=0) for image in x])
    out += rng.uniform(-0.3, 0.3, (len(x), 1, 1, 1)) + rng.normal(0, 0.05, x.shape)
    return out.astype(np.float32)


def jittered(x: Floats, rng: np.random.Generator) -> Floats:
    """Windows or beats a little louder or softer, with a little noise."""
    gain = rng.uniform(0.9, 1.1, (len(x), *(1,) * (x.ndim - 1)))
    return (x * gain + rng.normal(0, 0.03, x.shape)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Example:
    """One network: how it is made and how long it is trained on how many distorted copies of its data."""

    make: Callable[..., Any]
    distort: Callable[[Floats, np.random.Generator], Floats]
    copies: int
    epochs: int
    is_autoencoder: bool = False


EXAMPLES = {
    "uci_har": Example(motion_network, jittered, 2, 25),
    "fsdd": Example(digits_network, shifted_in_time, 12, 25),
    "ecg5000": Example(heartbeat_network, jittered, 20, 60, is_autoencoder=True),
}


def train(example: Example, data: Dataset) -> Any:
    """The trained network."""
    import keras

    rng = np.random.default_rng(SEED)
    x = np.concatenate([data.x_train] + [example.distort(data.x_train, rng) for _ in range(example.copies)])
    y = np.tile(data.x_train if example.is_autoencoder else data.y_train, (1 + example.copies, 1))
    y = y.reshape(len(x), -1) if example.is_autoencoder else y.ravel()
    network = example.make()
    rate = keras.optimizers.schedules.CosineDecay(3e-3, example.epochs * -(-len(x) // BATCH_SAMPLES))
    loss = "mse" if example.is_autoencoder else "sparse_categorical_crossentropy"
    network.compile(optimizer=keras.optimizers.Adam(rate), loss=loss)
    network.fit(x, y, batch_size=BATCH_SAMPLES, epochs=example.epochs, verbose=2)
    return network


def for_one_sample(example: Example, network: Any) -> Any:
    """The network with a batch of 1 and without what training left on it."""
    single = example.make(batch=1)
    single.set_weights(network.get_weights())
    return single


def convert(single: Any) -> bytes:
    """The network as a float .tflite file."""
    import tensorflow as tf

    return bytes(tf.lite.TFLiteConverter.from_keras_model(single).convert())


def compress(path: Path) -> None:
    """Pack the archive that Keras leaves unpacked: much of it is empty space between weights."""
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for filename, data in members.items():
            archive.writestr(zipfile.ZipInfo(filename), data, zipfile.ZIP_DEFLATED, 9)


def score(example: Example, network: Any, data: Dataset) -> dict[str, float]:
    """Accuracy, or the area under the curve of an autoencoder, on the held-out part."""
    answers = np.asarray(network.predict(data.x_test, verbose=0))
    if example.is_autoencoder:
        return {"auc": round(area_under_curve(anomaly_scores(data.x_test, answers), data.y_test), 4)}
    return {"accuracy": round(float((answers.argmax(1) == data.y_test).mean()), 4)}


def main() -> None:
    """Train, convert, measure and write."""
    import keras
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    scores_path = FOLDER / "scores.json"
    scores = json.loads(scores_path.read_text(encoding="utf-8")) if scores_path.exists() else {}
    for name in sys.argv[1:] or EXAMPLES:
        keras.utils.set_random_seed(SEED)
        example, data = EXAMPLES[name], DATASETS[name](zoo_folder())
        network = train(example, data)
        plain = example.make()
        plain.set_weights(network.get_weights())
        plain.save(FOLDER / f"{name}.keras")
        compress(FOLDER / f"{name}.keras")
        (FOLDER / f"{name}_float.tflite").write_bytes(convert(for_one_sample(example, network)))
        scores[name] = score(example, network, data) | {"parameters": network.count_params()}
        print(name, scores[name])
    scores_path.write_text(json.dumps(scores, indent=2, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
