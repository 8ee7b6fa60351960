"""From a Schedule and its MemoryPlan to C."""

from mcuq.codegen.generate import add_template, generate, remove_template
from mcuq.codegen.link_script import link_script
from mcuq.codegen.names import model_name
from mcuq.codegen.selftest import SelfTest, self_test

__all__ = ["SelfTest", "add_template", "generate", "link_script", "model_name", "remove_template", "self_test"]
