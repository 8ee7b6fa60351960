""".tflite flatbuffers: file bytes to Graph."""

from mcuq.importers.tflite.load import load_tflite

__all__ = ["load_tflite"]
