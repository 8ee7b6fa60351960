"""From a Schedule and its MemoryPlan to C."""

from mcuq.codegen.generate import generate
from mcuq.codegen.names import model_name
from mcuq.codegen.selftest import SelfTest, self_test

__all__ = ["SelfTest", "generate", "model_name", "self_test"]
