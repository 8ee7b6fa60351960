"""Model files to Graph."""

from mcuq.importers.container import load_container
from mcuq.importers.load import FORMATS, load_model
from mcuq.importers.tflite import load_tflite

__all__ = ["FORMATS", "load_container", "load_model", "load_tflite"]
