"""A model of every layer that mcuq reads, with several shapes, strides and paddings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.importers.keras.compare import functional, keras_module, sequential

keras = keras_module()
layers = keras.layers

ONE_LAYER: dict[str, tuple[tuple[int, ...], Callable[[], Any]]] = {
    "Dense": ((7,), lambda: layers.Dense(5)),
    "Dense without bias": ((7,), lambda: layers.Dense(5, use_bias=False, activation="relu")),
    "Dense on a sequence": ((6, 7), lambda: layers.Dense(5, activation="tanh")),
    "Dense on an image": ((4, 5, 3), lambda: layers.Dense(2)),
    "Conv1D same": ((11, 3), lambda: layers.Conv1D(4, 3, strides=2, padding="same", activation="relu")),
    "Conv1D valid": ((11, 3), lambda: layers.Conv1D(4, 4, padding="valid", use_bias=False)),
    "Conv1D causal": ((11, 3), lambda: layers.Conv1D(4, 3, dilation_rate=2, padding="causal")),
    "Conv2D same": ((9, 8, 3), lambda: layers.Conv2D(5, 3, strides=2, padding="same")),
    "Conv2D valid": ((9, 8, 3), lambda: layers.Conv2D(5, (3, 2), strides=(2, 1), padding="valid")),
    "Conv2D dilated": ((9, 8, 2), lambda: layers.Conv2D(3, 3, dilation_rate=(2, 1), padding="same")),
    "Conv2D even window": ((7, 7, 2), lambda: layers.Conv2D(3, (4, 2), strides=3, padding="same")),
    "Conv2D relu6": ((7, 7, 2), lambda: layers.Conv2D(3, 1, activation="relu6")),
    "DepthwiseConv2D same": ((9, 8, 3), lambda: layers.DepthwiseConv2D(3, strides=2, padding="same")),
    "DepthwiseConv2D multiplier": ((9, 8, 3), lambda: layers.DepthwiseConv2D((3, 2), depth_multiplier=2)),
    "DepthwiseConv2D sigmoid": ((5, 5, 3), lambda: layers.DepthwiseConv2D(3, activation="sigmoid", use_bias=False)),
    "DepthwiseConv1D": ((12, 3), lambda: layers.DepthwiseConv1D(3, strides=2, padding="same", depth_multiplier=2)),
    "SeparableConv1D": ((12, 3), lambda: layers.SeparableConv1D(5, 3, padding="valid", activation="relu")),
    "SeparableConv1D same": ((12, 3), lambda: layers.SeparableConv1D(5, 3, padding="same", strides=2)),
    "SeparableConv2D": ((9, 8, 3), lambda: layers.SeparableConv2D(4, 3, padding="same", activation="relu")),
    "SeparableConv2D strided": ((9, 8, 3), lambda: layers.SeparableConv2D(4, 3, strides=2, depth_multiplier=2)),
    "MaxPooling1D": ((11, 3), lambda: layers.MaxPooling1D(3, strides=2, padding="same")),
    "MaxPooling2D": ((9, 8, 3), lambda: layers.MaxPooling2D((3, 2))),
    "MaxPooling2D same": ((9, 8, 3), lambda: layers.MaxPooling2D(3, strides=2, padding="same")),
    "AveragePooling1D": ((11, 3), lambda: layers.AveragePooling1D(2)),
    "AveragePooling2D": ((9, 8, 3), lambda: layers.AveragePooling2D((2, 3), strides=1)),
    "AveragePooling2D same": ((9, 8, 3), lambda: layers.AveragePooling2D(4, strides=3, padding="same")),
    "GlobalAveragePooling1D": ((11, 3), lambda: layers.GlobalAveragePooling1D()),
    "GlobalAveragePooling2D": ((6, 5, 3), lambda: layers.GlobalAveragePooling2D()),
    "GlobalAveragePooling2D kept": ((6, 5, 3), lambda: layers.GlobalAveragePooling2D(keepdims=True)),
    "GlobalMaxPooling1D": ((11, 3), lambda: layers.GlobalMaxPooling1D(keepdims=True)),
    "GlobalMaxPooling2D": ((6, 5, 3), lambda: layers.GlobalMaxPooling2D()),
    "BatchNormalization": ((6, 5, 3), lambda: layers.BatchNormalization(epsilon=0.01)),
    "BatchNormalization plain": ((11, 3), lambda: layers.BatchNormalization(scale=False, center=False)),
    "BatchNormalization of a vector": ((9,), lambda: layers.BatchNormalization(center=False)),
    "Normalization": ((6, 3), lambda: layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[4.0, 5.0, 6.0])),
    "Normalization given": ((6, 3), lambda: layers.Normalization(axis=None, mean=2.0, variance=3.0)),
    "Rescaling": ((6, 5, 3), lambda: layers.Rescaling(1 / 127.5, offset=-1.0)),
    "Rescaling per channel": ((6, 5, 3), lambda: layers.Rescaling([1.0, 2.0, 3.0], offset=[0.5, 0.0, 1.0])),
    "Activation relu": ((6, 3), lambda: layers.Activation("relu")),
    "Activation relu6": ((6, 3), lambda: layers.Activation(keras.activations.relu6)),
    "Activation sigmoid": ((6, 3), lambda: layers.Activation("sigmoid")),
    "Activation tanh": ((6, 3), lambda: layers.Activation("tanh")),
    "Activation softmax": ((9,), lambda: layers.Activation("softmax")),
    "ReLU": ((6, 3), lambda: layers.ReLU()),
    "ReLU to 6": ((6, 3), lambda: layers.ReLU(max_value=6.0)),
    "Softmax": ((6, 3), lambda: layers.Softmax()),
    "Flatten": ((6, 5, 3), lambda: layers.Flatten()),
    "Reshape": ((6, 5, 2), lambda: layers.Reshape((3, 4, -1))),
    "Permute": ((1, 6, 5), lambda: layers.Permute((2, 1, 3))),
    "ZeroPadding1D": ((6, 3), lambda: layers.ZeroPadding1D((1, 2))),
    "ZeroPadding2D": ((6, 5, 3), lambda: layers.ZeroPadding2D(((1, 0), (2, 3)))),
    "ZeroPadding2D alike": ((6, 5, 3), lambda: layers.ZeroPadding2D(2)),
}
MERGES = ("Add", "Subtract", "Multiply", "Average", "Concatenate")


def model_of_layer(name: str) -> Any:
    """The model of one layer, with random weights."""
    shape, make = ONE_LAYER[name]
    return sequential(shape, make())


def model_of_merge(name: str, count: int) -> Any:
    """A model whose `count` branches are joined by the layer of that name, with random weights."""
    join = getattr(layers, name)()
    return functional((6, 5, 3), lambda x: join([layers.Conv2D(4, 1)(x) for _ in range(count)]))
