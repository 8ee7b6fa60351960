"""Model files to Graph."""

from mcuq.importers.container import load_container
from mcuq.importers.keras import is_keras_model, load_keras
from mcuq.importers.load import FORMATS, load_model
from mcuq.importers.tflite import load_tflite

__all__ = ["FORMATS", "is_keras_model", "load_container", "load_keras", "load_model", "load_tflite"]
