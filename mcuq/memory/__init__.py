"""Where in the arena every buffer lies."""

from mcuq.memory.check import check_plan
from mcuq.memory.plan import plan_memory

__all__ = ["check_plan", "plan_memory"]
