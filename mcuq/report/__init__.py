"""Reports: verdicts, JSON documents, gates, terminal tables and pictures, all as values; printing is the CLI's."""

from mcuq.report.documents import build_to_json, inspection_to_json, measurement_to_json, refused_to_json
from mcuq.report.gates import Gates, failed_gates

__all__ = [
    "Gates",
    "build_to_json",
    "failed_gates",
    "inspection_to_json",
    "measurement_to_json",
    "refused_to_json",
]
