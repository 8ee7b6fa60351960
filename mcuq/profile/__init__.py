"""Traces priced by core timing tables: cycles without a board."""

from mcuq.profile.price import Priced, price
from mcuq.profile.timing import Timing, all_timings, timing_of

__all__ = ["Priced", "Timing", "all_timings", "price", "timing_of"]
