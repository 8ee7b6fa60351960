"""The order of the stages, as readable functions: mcuq's Python API."""

from mcuq.artifacts import Goal
from mcuq.importers.data import Preprocessing, load_samples
from mcuq.pipeline.analysis import analyze
from mcuq.pipeline.boards import all_boards, board_folders, find_board, write_board
from mcuq.pipeline.choosing import trade
from mcuq.pipeline.evaluation import compare, evaluate, robustness
from mcuq.pipeline.extensions import UserOp, user_ops
from mcuq.pipeline.firmware import Generated, build, codegen, open_build
from mcuq.pipeline.flashing import Programmed, flash, flash_tools
from mcuq.pipeline.mlperf import benchmark_named, benchmark_samples, mlperf
from mcuq.pipeline.models import inspect, load
from mcuq.pipeline.monitoring import (
    load_reading,
    monitor,
    reading_to_json,
    recalibrate,
    recalibration_to_json,
    watching,
)
from mcuq.pipeline.profiling import profile, random_samples
from mcuq.pipeline.quantization import (
    held_out,
    is_float,
    quantization_report,
    quantize,
    save,
    split_of,
)
from mcuq.pipeline.rendering import VERSION
from mcuq.pipeline.validation import default_link, fault_map, run
from mcuq.quantize import Quantized, Recipe, load_recipe
from mcuq.run.connect import answering_ports
from mcuq.run.gdb import GdbOptions
from mcuq.run.instruments import EnergyMonitor, monitor_named

__all__ = [
    "VERSION",
    "EnergyMonitor",
    "GdbOptions",
    "Generated",
    "Goal",
    "Preprocessing",
    "Programmed",
    "Quantized",
    "Recipe",
    "UserOp",
    "all_boards",
    "analyze",
    "answering_ports",
    "benchmark_named",
    "benchmark_samples",
    "board_folders",
    "build",
    "codegen",
    "compare",
    "default_link",
    "evaluate",
    "fault_map",
    "find_board",
    "flash",
    "flash_tools",
    "held_out",
    "inspect",
    "is_float",
    "load",
    "load_reading",
    "load_recipe",
    "load_samples",
    "mlperf",
    "monitor",
    "monitor_named",
    "open_build",
    "profile",
    "quantization_report",
    "quantize",
    "random_samples",
    "reading_to_json",
    "recalibrate",
    "recalibration_to_json",
    "robustness",
    "run",
    "save",
    "split_of",
    "trade",
    "user_ops",
    "watching",
    "write_board",
]
