"""Where in the arena every buffer lies."""

from mcuq.memory.check import check_plan
from mcuq.memory.plan import peak_bytes, plan_memory

__all__ = ["check_plan", "peak_bytes", "plan_memory"]
