"""CMSIS-Pack: a component of class Machine Learning."""

from mcuq.codegen.layouts.layout import MAIN, Layout

LAYOUT = Layout(
    "cmsis-pack",
    "a CMSIS-Pack component",
    "src",
    "include",
    (
        ("cmsis-pack/model.pdsc.j2", "mcuq.{name}.pdsc"),
        (MAIN, "example/main.c"),
        ("shared/NOTICE.j2", "LICENSE"),
    ),
)
