"""Graph to model files."""

from mcuq.exporters.container import save_graph
from mcuq.exporters.tflite import export_tflite

__all__ = ["export_tflite", "save_graph"]
