"""Keras models (in memory, .keras, .h5, SavedModel) to float graphs; Keras itself is imported when it is needed."""

from mcuq.importers.keras.files import load_keras_archive, load_keras_h5
from mcuq.importers.keras.framework import is_keras_model
from mcuq.importers.keras.layers import READERS
from mcuq.importers.keras.load import load_keras
from mcuq.importers.keras.saved_model import is_saved_model, load_saved_model

__all__ = [
    "READERS",
    "is_keras_model",
    "is_saved_model",
    "load_keras",
    "load_keras_archive",
    "load_keras_h5",
    "load_saved_model",
]
