"""Which kernel computes what, in which order, with which constants and scratch."""

from mcuq.schedule.choose import schedule
from mcuq.schedule.kernels import KERNELS

__all__ = ["KERNELS", "schedule"]
