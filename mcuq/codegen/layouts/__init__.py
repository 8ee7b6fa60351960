"""Layouts, one file each: the same C as each ecosystem wants to find it."""

from mcuq.codegen.layouts import arduino, cmake, cmsis_pack, esp_idf, make, plain, platformio, rust, zephyr
from mcuq.codegen.layouts.layout import Layout
from mcuq.errors import InvalidProject

LAYOUTS: tuple[Layout, ...] = (
    plain.LAYOUT,
    make.LAYOUT,
    cmake.LAYOUT,
    zephyr.LAYOUT,
    esp_idf.LAYOUT,
    platformio.LAYOUT,
    arduino.LAYOUT,
    cmsis_pack.LAYOUT,
    rust.LAYOUT,
)


def layout_named(name: str) -> Layout:
    """The layout of that name; raises InvalidProject with the names that there are."""
    for layout in LAYOUTS:
        if layout.name == name:
            return layout
    raise InvalidProject(f"there is no layout '{name}'; there are {', '.join(layout.name for layout in LAYOUTS)}")


__all__ = ["LAYOUTS", "Layout", "layout_named"]
