"""Which kernel computes what, in which order, with which constants and scratch."""

from mcuq.schedule.choose import schedule
from mcuq.schedule.kernels import KERNELS, add_kernel, known_kernels, remove_kernel

__all__ = ["KERNELS", "add_kernel", "known_kernels", "remove_kernel", "schedule"]
