"""The order of the stages, as readable functions: mcuq's Python API."""

from mcuq.importers.samples import load_samples
from mcuq.pipeline.boards import all_boards, board_folders, find_board
from mcuq.pipeline.firmware import VERSION, Generated, build, codegen, open_build
from mcuq.pipeline.models import inspect, load
from mcuq.pipeline.validation import default_link, run

__all__ = [
    "VERSION",
    "Generated",
    "all_boards",
    "board_folders",
    "build",
    "codegen",
    "default_link",
    "find_board",
    "inspect",
    "load",
    "load_samples",
    "open_build",
    "run",
]
