"""Trains the demo network on scikit-learn's digits and writes both models and the held-out samples beside this file.

Run it with a Python that has the `train` extra: python -m mcuq.demo.train
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Labels = NDArray[np.uint8]

FOLDER = Path(__file__).resolve().parent
SEED = 7
HELD_OUT_SAMPLES = 360
DISTORTED_COPIES = 8
EPOCHS = 40
BATCH_SAMPLES = 64


class Digits(NamedTuple):
    """Samples are (n, 8, 8, 1) in 0 .. 1, labels are 0 .. 9."""

    x_train: Floats
    y_train: Labels
    x_test: Floats
    y_test: Labels


def load_digits() -> Digits:
    """The 1797 digits, split once and for all; the held-out part is never trained, tuned or calibrated on."""
    from sklearn.datasets import load_digits as bundled
    from sklearn.model_selection import train_test_split

    data = bundled()
    x = (data.images[..., np.newaxis] / 16.0).astype(np.float32)
    y = data.target.astype(np.uint8)
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=HELD_OUT_SAMPLES, random_state=SEED, stratify=y)
    return Digits(x_train, y_train, x_test, y_test)


def distort(x: Floats, rng: np.random.Generator) -> Floats:
    """Every image turned, scaled and shifted a little: 1437 images alone are few for a network."""
    from scipy.ndimage import affine_transform

    out = np.empty_like(x)
    for i, image in enumerate(x[..., 0]):
        angle, zoom = rng.uniform(-0.17, 0.17), rng.uniform(0.9, 1.1)
        matrix = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        centre = np.array([3.5, 3.5])
        offset = centre - matrix @ centre + rng.uniform(-0.7, 0.7, 2)
        out[i, ..., 0] = affine_transform(image, matrix, offset, order=1)
    return out


def make_network(batch: int | None = None) -> Any:
    """A small residual network with most of the layers that microcontroller vision models are made of."""
    from keras import Input, Model, layers

    def conv(x: Any, channels: int, size: int) -> Any:
        x = layers.Conv2D(channels, size, padding="same", use_bias=False)(x)
        return layers.BatchNormalization()(x)

    def depthwise(x: Any) -> Any:
        x = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
        return layers.ReLU()(layers.BatchNormalization()(x))

    image = Input(batch_shape=(batch, 8, 8, 1), name="image")
    x = layers.ReLU()(conv(image, 12, 3))
    x = layers.ReLU()(layers.Add()([x, conv(depthwise(x), 12, 1)]))
    x = layers.MaxPooling2D(2)(x)
    x = layers.ReLU()(conv(depthwise(x), 24, 1))
    x = layers.ReLU()(layers.Add()([x, conv(depthwise(x), 24, 1)]))
    x = layers.AveragePooling2D(2)(x)
    x = layers.Flatten()(x)
    x = layers.Dropout(0.2)(x)
    return Model(image, layers.Dense(10, activation="softmax", name="digit")(x))


def train(data: Digits) -> Any:
    """The trained Keras network."""
    import keras

    rng = np.random.default_rng(SEED)
    x = np.concatenate([data.x_train] + [distort(data.x_train, rng) for _ in range(DISTORTED_COPIES)])
    y = np.tile(data.y_train, 1 + DISTORTED_COPIES)
    network = make_network()
    steps = EPOCHS * -(-len(x) // BATCH_SAMPLES)
    rate = keras.optimizers.schedules.CosineDecay(4e-3, steps)
    network.compile(optimizer=keras.optimizers.Adam(rate), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    network.fit(x, y, batch_size=BATCH_SAMPLES, epochs=EPOCHS, verbose=2)
    return network


def convert(network: Any, samples: Floats | None) -> bytes:
    """The network as a .tflite file with batch 1: float, or int8 throughout when calibration samples are given."""
    import tensorflow as tf

    # A fixed batch of 1 keeps the converter from leaving shape arithmetic in the file.
    single = make_network(batch=1)
    single.set_weights(network.get_weights())
    converter = tf.lite.TFLiteConverter.from_keras_model(single)
    if samples is not None:

        def representative() -> Iterator[list[Floats]]:
            for sample in samples:
                yield [sample[np.newaxis]]

        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = representative
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def accuracy(model: bytes, x: Floats, y: Labels) -> float:
    """The share of samples that TensorFlow Lite's reference kernels get right."""
    import tensorflow as tf

    reference = tf.lite.experimental.OpResolverType.BUILTIN_REF
    interpreter = tf.lite.Interpreter(model_content=model, experimental_op_resolver_type=reference)
    interpreter.allocate_tensors()
    source, sink = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    scale, zero_point = source["quantization"]
    right = 0
    for sample, label in zip(x, y, strict=True):
        if scale:
            sample = np.clip(np.round(sample / scale) + zero_point, -128, 127)
        interpreter.set_tensor(source["index"], sample[np.newaxis].astype(source["dtype"]))
        interpreter.invoke()
        right += int(np.argmax(interpreter.get_tensor(sink["index"])) == label)
    return right / len(y)


def main() -> None:
    """Train, convert, measure and write."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(SEED)
    tf.config.experimental.enable_op_determinism()
    data = load_digits()
    network = train(data)
    np.savez_compressed(FOLDER / "digits_test.npz", x=data.x_test, y=data.y_test)
    for name, samples in (("float", None), ("int8", data.x_train[:500])):
        model = convert(network, samples)
        (FOLDER / f"digits_{name}.tflite").write_bytes(model)
        share = accuracy(model, data.x_test, data.y_test)
        print(f"{name}: {len(model)} bytes, {share:.2%} of the held-out samples right")


if __name__ == "__main__":
    main()
