"""Which kernel computes what, in which order, with which constants and scratch."""

from mcuq.schedule.candidates import Candidate
from mcuq.schedule.choose import reassembled, schedule
from mcuq.schedule.kernels import KERNELS, add_kernel, known_kernels, remove_kernel
from mcuq.schedule.residence import constants_into_ram

__all__ = [
    "KERNELS",
    "Candidate",
    "add_kernel",
    "constants_into_ram",
    "known_kernels",
    "reassembled",
    "remove_kernel",
    "schedule",
]
