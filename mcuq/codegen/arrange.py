"""Generated files where a layout wants them, with the ecosystem's own metadata, an example and the licence."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

from mcuq import resources
from mcuq.artifacts import MemoryPlan, Region, Schedule, SourceFile, Sources
from mcuq.codegen.generate import environment
from mcuq.codegen.layouts import Layout
from mcuq.codegen.views import ModelView, PortView, model_view
from mcuq.errors import UnsupportedModel

PACKAGE_VERSION = "1.0.0"
EXAMPLE_STACK_BYTES = 4096

_EXAMPLE_FOLDERS = ("example/", "examples/", "samples/")

# Console -> what its example includes, how main is called, how it prints, and how it ends.
_CONSOLES = {
    "stdio.h": ("#include <stdio.h>\n", "int main(void)", "printf", "\\n", " 0", " 1"),
    "Zephyr": (
        "#include <zephyr/kernel.h>\n#include <zephyr/sys/printk.h>\n",
        "int main(void)",
        "printk",
        "\\n",
        " 0",
        " 1",
    ),
    "ESP-IDF": ("#include <stdio.h>\n", "void app_main(void)", "printf", "\\n", "", ""),
}


@dataclass(frozen=True, slots=True)
class LayoutView:
    """What the templates of a layout see; paths are relative to the folder that is written."""

    name: str
    macro: str
    dashed: str
    folder: str
    version: str
    package_version: str
    model_hash: str
    arena_bytes: int
    arena_alignment: int
    regions: tuple[Region, ...]
    constant_bytes: int
    steps: int
    sources: tuple[str, ...]
    public_headers: tuple[str, ...]
    inputs: tuple[PortView, ...]
    outputs: tuple[PortView, ...]
    selftest: bool
    monitors: bool
    protocol: bool
    labels: bool
    cpu_flags: str
    example_stack_bytes: int
    licence: str
    console: str
    includes: str
    entry: str
    print: str
    eol: str
    success: str
    failure: str

    @property
    def input(self) -> PortView:
        """The first input."""
        return self.inputs[0]

    @property
    def output(self) -> PortView:
        """The first output."""
        return self.outputs[0]


def _joined(folder: str, path: str) -> str:
    return f"{folder}/{path}" if folder else path


def is_public(file: SourceFile, name: str) -> bool:
    """Whether an application includes the file; everything else is included by the model's own C only."""
    public = (f"{name}.h", f"{name}.hpp", f"{name}_selftest.h", "mcuq/window.h", "mcuq/monitor.h")
    return file.path in public or (file.role == "protocol" and file.path.endswith(".h"))


def arrange(
    sources: Sources,
    schedule: Schedule,
    plan: MemoryPlan,
    layout: Layout,
    *,
    version: str,
    folder: str,
    cpu_flags: str = "",
    labels: tuple[str, ...] = (),
    protocol: bool = False,
) -> Sources:
    """The files of roles model, header and selftest at the places of `layout`, and what the layout adds.

    `folder` is the name of the folder that they will be written to, `cpu_flags` what compilers of the board are given.

    `protocol` adds the device side of the serial protocol.

    Raises UnsupportedModel where a model has nothing that an example could feed or show.
    """
    monitors = bool(sources.of_role("monitors"))
    view = model_view(schedule, plan, sources.name, sources.model_hash, version, defaultdict(str), labels, monitors)
    if not view.inputs or not view.outputs:
        raise UnsupportedModel("a layout shows an example, which needs an input and an output; the model has none")
    taken = sources.of_role("model", "header", "selftest", "monitors", *(("protocol",) if protocol else ()))
    public = [is_public(file, sources.name) for file in taken]
    moved = tuple(
        file
        if file.role == "monitors"
        else replace(file, path=_joined(layout.headers if is_header else layout.sources, file.path))
        for file, is_header in zip(taken, public, strict=True)
    )
    headers = tuple(file.path for file, is_header in zip(moved, public, strict=True) if is_header)
    shown = _view(moved, headers, sources, view, layout, folder, cpu_flags)
    own = tuple(
        SourceFile(
            path.format(name=sources.name),
            environment().get_template(f"layouts/{template}").render(v=shown),
            "example" if path.startswith(_EXAMPLE_FOLDERS) else "layout",
        )
        for template, path in layout.files
    )
    return replace(sources, files=(*moved, *own))


def _view(
    moved: tuple[SourceFile, ...],
    headers: tuple[str, ...],
    sources: Sources,
    view: ModelView,
    layout: Layout,
    folder: str,
    cpu_flags: str,
) -> LayoutView:
    includes, entry, printer, eol, success, failure = _CONSOLES[layout.console]
    return LayoutView(
        name=sources.name,
        macro=view.macro,
        dashed=sources.name.replace("_", "-"),
        folder=folder,
        version=view.version,
        package_version=PACKAGE_VERSION,
        model_hash=sources.model_hash,
        arena_bytes=view.arena_bytes,
        arena_alignment=view.arena_alignment,
        regions=view.regions,
        constant_bytes=view.constant_bytes,
        steps=len(view.steps),
        sources=tuple(file.path for file in moved if file.path.endswith(".c")),
        public_headers=headers,
        inputs=view.inputs,
        outputs=view.outputs,
        selftest=any(file.role == "selftest" for file in moved),
        monitors=view.has_monitors,
        protocol=any(file.role == "protocol" for file in moved),
        labels=bool(view.labels),
        cpu_flags=cpu_flags,
        example_stack_bytes=EXAMPLE_STACK_BYTES,
        licence=resources.licence(),
        console=layout.console,
        includes=includes,
        entry=entry,
        print=printer,
        eol=eol,
        success=success,
        failure=failure,
    )
