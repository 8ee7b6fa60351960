"""From a Schedule and its MemoryPlan to C."""

from mcuq.codegen.generate import generate
from mcuq.codegen.link_script import link_script
from mcuq.codegen.names import model_name
from mcuq.codegen.selftest import SelfTest, self_test

__all__ = ["SelfTest", "generate", "link_script", "model_name", "self_test"]
