"""Where in the arena every buffer lies."""

from mcuq.memory.check import check_plan
from mcuq.memory.plan import least_bytes, peak_bytes, plan_memory

__all__ = ["check_plan", "least_bytes", "peak_bytes", "plan_memory"]
