"""The layers that mcuq reads, in one visible list, and the reasons why it does not read others."""

from __future__ import annotations

from collections.abc import Iterator

from mcuq.importers.keras.layers.activation import ACTIVATION, KNOWN, RELU_LAYER, SOFTMAX
from mcuq.importers.keras.layers.convolution import CONVOLUTIONS
from mcuq.importers.keras.layers.dense import DENSE
from mcuq.importers.keras.layers.layout import LAYOUTS
from mcuq.importers.keras.layers.merging import MERGES
from mcuq.importers.keras.layers.pooling import POOLINGS
from mcuq.importers.keras.layers.scaling import BATCH_NORMALIZATION, NORMALIZATION, RESCALING
from mcuq.importers.keras.site import Config, LayerReader

READERS: tuple[LayerReader, ...] = (
    DENSE,
    *CONVOLUTIONS,
    *POOLINGS,
    BATCH_NORMALIZATION,
    NORMALIZATION,
    RESCALING,
    ACTIVATION,
    RELU_LAYER,
    SOFTMAX,
    *MERGES,
    *LAYOUTS,
)
READER_OF = {reader.name: reader for reader in READERS}


def add_layer(reader: LayerReader) -> None:
    """Read one more class of layers in this process, until `remove_layer`; ValueError when it is read already."""
    if reader.name in READER_OF:
        raise ValueError(f"mcuq reads the Keras layer {reader.name} already")
    READER_OF[reader.name] = reader


def remove_layer(reader: LayerReader) -> None:
    """Forget a reader that `add_layer` added."""
    if reader not in READERS:
        READER_OF.pop(reader.name, None)


_ACTIVATIONS = f"mcuq has the activations {', '.join(KNOWN)}"
_WRAPPED = "mcuq reads no wrapped layers; use the layer itself"
_RECURRENT = "mcuq keeps no state between time steps; use convolutions over a window"
_UPSAMPLING = "mcuq does not enlarge images"
_CODE = "it is a piece of Python and not a layer; use layers of Keras"
HINTS = {
    "Lambda": _CODE,
    "TFOpLambda": _CODE,
    "SlicingOpLambda": _CODE,
    **dict.fromkeys(("LeakyReLU", "PReLU", "ELU", "ThresholdedReLU"), _ACTIVATIONS),
    **dict.fromkeys(("LSTM", "GRU", "SimpleRNN", "RNN", "ConvLSTM1D", "ConvLSTM2D"), _RECURRENT),
    **dict.fromkeys(("TimeDistributed", "Bidirectional", "SpectralNormalization"), _WRAPPED),
    **dict.fromkeys(("QuantizeWrapper", "QuantizeWrapperV2", "QuantizeLayer"), "export it as an int8 .tflite file"),
    **dict.fromkeys(("UpSampling1D", "UpSampling2D", "Conv1DTranspose", "Conv2DTranspose"), _UPSAMPLING),
    **dict.fromkeys(("LayerNormalization", "GroupNormalization", "UnitNormalization"), "use BatchNormalization"),
}
# Operators on tensors (x + y, ops.add) that are the layers of the same name.
OPERATIONS = ("Add", "Subtract", "Multiply")


def reasons_against(class_name: str, module: str, config: Config) -> Iterator[str]:
    """Why a layer of that class and configuration cannot be read, as far as these two tell."""
    if ".ops." in f".{module}." and class_name not in OPERATIONS:
        yield "it is an operation on tensors and not a layer; use the layer that does the same"
    elif class_name not in READER_OF:
        hint = HINTS.get(class_name)
        yield "mcuq does not do this layer" + (f": {hint}" if hint else "")
    else:
        yield from READER_OF[class_name].refusals(config)
    policy = config.get("dtype")
    if isinstance(policy, dict) and "Quantized" in str(policy.get("class_name")):
        yield "Keras has quantized it already; give mcuq the float model"
