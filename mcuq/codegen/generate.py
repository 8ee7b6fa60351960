"""From a Schedule and its MemoryPlan to Sources: everything is rendered, nothing is decided."""

from __future__ import annotations

from functools import cache

import jinja2
import numpy as np

from mcuq import resources
from mcuq.artifacts import MemoryPlan, Schedule, SourceFile, Sources
from mcuq.codegen.literals import array_body
from mcuq.codegen.monitors import monitor_map, monitor_text
from mcuq.codegen.selftest import SelfTest
from mcuq.codegen.views import FunctionView, ModelView, model_view
from mcuq.ops.softmax import ACCUMULATION_INTEGER_BITS

HEADERS = ("dot_product.h", "fixed_point.h", "parameters.h", "target.h", "window.h")
FLOAT_HEADERS = ("float_math.h", "hybrid.h")
DSP_HEADERS = ("dsp.h",)
LANES_HEADERS = ("lanes.h",)
INT4_HEADERS = ("int4.h",)
INT4_STREAM_HEADERS = ("int4_stream.h",)
INT16_HEADERS = ("int16.h",)
ROW_HEADERS = ("rows.h",)
MONITOR_HEADERS = ("monitor.h", "watch.h")


_ADDED: dict[str, str] = {}


def add_template(kernel: str, text: str) -> None:
    """The template of a kernel that mcuq does not have, for this process, until `remove_template`."""
    _ADDED[f"kernels/{kernel}.c.j2"] = text


def remove_template(kernel: str) -> None:
    """Forget a template that `add_template` added."""
    _ADDED.pop(f"kernels/{kernel}.c.j2", None)


def kernel_source(kernel: str) -> str:
    """The text of a kernel's template."""
    templates = environment()
    assert templates.loader is not None
    return templates.loader.get_source(templates, f"kernels/{kernel}.c.j2")[0]


@cache
def environment() -> jinja2.Environment:
    """The templates, strict about names, without HTML escaping."""
    templates = jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.FileSystemLoader(resources.templates()), jinja2.DictLoader(_ADDED)]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    templates.filters["bytes_body"] = lambda data: array_body(np.frombuffer(data, np.uint8))
    return templates


def _function_text(function: FunctionView) -> str:
    return (
        environment()
        .get_template(f"kernels/{function.kernel}.c.j2")
        .render(
            name=function.name,
            s=function.shape,
            requantize=function.arithmetic.c_requantize,
            multipliers=function.arithmetic.stores_multipliers,
            integer_bits=ACCUMULATION_INTEGER_BITS,
        )
    )


def _render(template: str, view: ModelView, **more: object) -> str:
    return environment().get_template(template).render(m=view, **more)


def _headers(view: ModelView) -> tuple[SourceFile, ...]:
    folder = resources.firmware() / "include" / "mcuq"
    names = [*HEADERS, *(INT4_HEADERS if view.uses_int4 else ()), *(INT16_HEADERS if view.uses_int16 else ())]
    names += [*(FLOAT_HEADERS if view.uses_float else ()), *(DSP_HEADERS if view.uses_dsp else ())]
    names += INT4_STREAM_HEADERS if view.uses_int4_stream else ()
    names += LANES_HEADERS if view.uses_lanes else ()
    names += ROW_HEADERS if view.uses_rows else ()
    names += MONITOR_HEADERS if view.has_monitors else ()
    return tuple(SourceFile(f"mcuq/{name}", (folder / name).read_text(), "header") for name in names)


def _protocol(view: ModelView) -> tuple[SourceFile, ...]:
    """The device side of the serial protocol, to be embedded into an application."""
    firmware = resources.firmware()
    paths = [*sorted((firmware / "protocol").glob("*.[ch]")), firmware / "include" / "mcuq" / "model.h"]
    return (
        SourceFile(f"{view.name}_protocol.h", _render("protocol.h.j2", view), "protocol"),
        SourceFile(f"{view.name}_protocol.c", _render("firmware.c.j2", view, embedded=True), "protocol"),
        *(SourceFile(f"mcuq/{p.name}" if p.name == "model.h" else p.name, p.read_text(), "protocol") for p in paths),
    )


def generate(
    schedule: Schedule,
    plan: MemoryPlan,
    *,
    name: str,
    model_hash: str,
    version: str,
    parameter_types: dict[str, str],
    selftest: SelfTest | None = None,
    labels: tuple[str, ...] = (),
    monitors: bool = False,
) -> Sources:
    """All C of one model: what a user embeds, the glue of mcuq's own firmware, and the self-test when asked for.

    `name` is a C identifier (`names.model_name`); `parameter_types` maps kernel names to C structs; `labels` name the
    elements of output 0; `monitors` counts what the model does in the field.
    """
    view = model_view(schedule, plan, name, model_hash, version, parameter_types, labels, monitors)
    functions = tuple(_function_text(function) for function in view.functions)
    files = [
        SourceFile(f"{name}.h", _render("model.h.j2", view), "model"),
        SourceFile(f"{name}.hpp", _render("model.hpp.j2", view), "model"),
        SourceFile(f"{name}.c", _render("model.c.j2", view, function_texts=functions), "model"),
        SourceFile(f"{name}_constants.h", _render("constants.h.j2", view), "model"),
        SourceFile(f"{name}_constants.c", _render("constants.c.j2", view), "model"),
        *_headers(view),
        SourceFile(f"{name}_firmware.c", _render("firmware.c.j2", view, embedded=False), "firmware"),
        *_protocol(view),
    ]
    if view.has_monitors:
        text = monitor_text(monitor_map(schedule, name, model_hash))
        files.append(SourceFile(f"{name}_monitors.json", text, "monitors"))
    if selftest is not None:
        files.append(SourceFile(f"{name}_selftest.h", _render("selftest.h.j2", view), "selftest"))
        files.append(SourceFile(f"{name}_selftest.c", _render("selftest.c.j2", view, test=selftest), "selftest"))
    return Sources(name, model_hash, tuple(files))
