"""Boards as data: a TOML file in, a frozen Board out."""

from mcuq.boards.board import (
    Board,
    CompilerFlags,
    Flash,
    GdbRun,
    HostRun,
    Marker,
    MemoryRegion,
    Placement,
    Port,
    QemuRun,
    RenodeRun,
    Run,
    SerialRun,
    SimDevice,
    SimRun,
    Timer,
    Uart,
)
from mcuq.boards.chip import Chip, board_name, board_text, with_said
from mcuq.boards.cores import CORES
from mcuq.boards.linker import read_linker_script
from mcuq.boards.load import all_boards, find_board, load_board
from mcuq.boards.pack import read_pack

__all__ = [
    "CORES",
    "Board",
    "Chip",
    "CompilerFlags",
    "Flash",
    "GdbRun",
    "HostRun",
    "Marker",
    "MemoryRegion",
    "Placement",
    "Port",
    "QemuRun",
    "RenodeRun",
    "Run",
    "SerialRun",
    "SimDevice",
    "SimRun",
    "Timer",
    "Uart",
    "all_boards",
    "board_name",
    "board_text",
    "find_board",
    "load_board",
    "read_linker_script",
    "read_pack",
    "with_said",
]
