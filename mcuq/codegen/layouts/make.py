"""GNU make: a static library, a fragment to include, examples that check themselves."""

from mcuq.codegen.layouts.layout import COOPERATIVE, MAIN, Layout

LAYOUT = Layout(
    "make",
    "GNU make: a static library, a .mk to include, and examples",
    "src",
    "include",
    (
        ("make/Makefile.j2", "Makefile"),
        ("make/model.mk.j2", "{name}.mk"),
        (MAIN, "example/main.c"),
        (COOPERATIVE, "example/cooperative.c"),
        ("shared/NOTICE.j2", "LICENSE"),
    ),
)
