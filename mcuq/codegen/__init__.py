"""From a Schedule and its MemoryPlan to C."""

from mcuq.codegen.arrange import arrange
from mcuq.codegen.generate import add_template, generate, kernel_source, remove_template
from mcuq.codegen.layouts import LAYOUTS, layout_named
from mcuq.codegen.link_script import link_script
from mcuq.codegen.names import model_name
from mcuq.codegen.selftest import SelfTest, self_test

__all__ = [
    "LAYOUTS",
    "SelfTest",
    "add_template",
    "arrange",
    "generate",
    "kernel_source",
    "layout_named",
    "link_script",
    "model_name",
    "remove_template",
    "self_test",
]
