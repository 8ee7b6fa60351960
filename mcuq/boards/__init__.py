"""Boards as data: a TOML file in, a frozen Board out."""

from mcuq.boards.board import (
    Board,
    CompilerFlags,
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
from mcuq.boards.load import all_boards, find_board, load_board

__all__ = [
    "Board",
    "CompilerFlags",
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
    "find_board",
    "load_board",
]
