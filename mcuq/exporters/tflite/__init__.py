"""Graph to .tflite flatbuffers."""

from mcuq.exporters.tflite.export import export_tflite

__all__ = ["export_tflite"]
