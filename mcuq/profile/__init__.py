"""Traces priced by core timing tables and memory models: cycles without a board."""

from mcuq.profile.memory import Event, MemoryModel, all_memory_models, memory_model, memory_model_of_board
from mcuq.profile.price import Line, Priced, Pricer, price
from mcuq.profile.timing import HeldOut, Timing, all_timings, timing_of
from mcuq.profile.watch import MemoryWatch

__all__ = [
    "Event",
    "HeldOut",
    "Line",
    "MemoryModel",
    "MemoryWatch",
    "Priced",
    "Pricer",
    "Timing",
    "all_memory_models",
    "all_timings",
    "memory_model",
    "memory_model_of_board",
    "price",
    "timing_of",
]
