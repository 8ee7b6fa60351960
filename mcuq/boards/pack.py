"""CMSIS-Pack -> Chip: core, FPU, clock and memories of a device, as its vendor's .pdsc tells them.

Source: Open-CMSIS-Pack specification, elements devices, family, subFamily, device, variant, processor, memory.
"""

from __future__ import annotations

import difflib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from mcuq.boards.chip import Chip, regions_of
from mcuq.errors import InvalidBoard

_CORES = {
    "Cortex-M0": "cortex-m0",
    "Cortex-M0+": "cortex-m0plus",
    "Cortex-M3": "cortex-m3",
    "Cortex-M4": "cortex-m4",
    "Cortex-M7": "cortex-m7",
    "Cortex-M33": "cortex-m33",
}
_LEVELS = ("family", "subFamily", "device", "variant")
_MOST_BYTES = 64 << 20  # of a .pdsc; the largest in the field have some 20 MB


@dataclass(frozen=True, slots=True)
class _Described:
    """What the levels above and a device itself say: each level adds, or says better."""

    name: str = ""
    processors: dict[str, dict[str, str]] = field(default_factory=dict)
    memories: dict[str, dict[str, str]] = field(default_factory=dict)

    def refined(self, element: ElementTree.Element) -> _Described:
        """This, and what a level below says."""
        processors = {name: dict(values) for name, values in self.processors.items()}
        memories = dict(self.memories)
        for child in element:
            if child.tag == "processor":
                name = child.get("Pname", "")
                processors[name] = {**processors.get(name, {}), **child.attrib}
            elif child.tag == "memory":
                key = child.get("name") or child.get("id") or ""
                memories[key] = {**memories.get(key, {}), **child.attrib}
        name = element.get("Dvariant") or element.get("Dname") or self.name
        return _Described(name, processors, memories)


def read_pack(path: Path, device: str) -> Chip:
    """The chip `device` (`NAME`, or `NAME:CORE` where it has several) of a .pack or .pdsc.

    Raises InvalidBoard for a file that is none, an unknown device, a core that mcuq does not know.
    """
    wanted, _, processor = device.partition(":")
    known = []
    for found in _devices(_description(path), _Described()):
        known.append(found.name)
        if found.name.lower() == wanted.lower():
            return _chip(found, processor, path)
    near = difflib.get_close_matches(wanted.upper(), known, 5, 0.5) or sorted(known)[:5]
    raise InvalidBoard(f"{path} has no device '{wanted}' among its {len(known)}; near are {', '.join(near) or 'none'}")


def _description(path: Path) -> ElementTree.Element:
    """The .pdsc, read from its pack where it is in one."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as pack:
                names = [name for name in pack.namelist() if name.lower().endswith(".pdsc") and "/" not in name]
                if not names:
                    raise InvalidBoard(f"{path} is no CMSIS-Pack: it holds no .pdsc")
                with pack.open(names[0]) as file:
                    text = file.read(_MOST_BYTES + 1)
        else:
            with path.open("rb") as file:
                text = file.read(_MOST_BYTES + 1)
    except (OSError, zipfile.BadZipFile) as error:
        raise InvalidBoard(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if len(text) > _MOST_BYTES:
        raise InvalidBoard(f"{path} is no CMSIS-Pack: its description has over {_MOST_BYTES >> 20} MB")
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise InvalidBoard(f"{path} is no CMSIS-Pack: its description has a DOCTYPE, which no pack has")
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise InvalidBoard(f"{path} is no CMSIS-Pack: {error}") from error


def _devices(element: ElementTree.Element, above: _Described) -> Iterator[_Described]:
    """Every device and variant below `element`, with what it inherits."""
    for child in element:
        if child.tag == "devices":
            yield from _devices(child, above)
        elif child.tag in _LEVELS:
            here = above.refined(child)
            if child.tag in ("device", "variant"):
                yield here
            yield from _devices(child, here)


def _chip(found: _Described, processor: str, path: Path) -> Chip:
    names = [name for name in found.processors if name]
    if len(names) > 1 and processor not in names:
        choices = " or ".join(f"--device {found.name}:{name}" for name in names)
        raise InvalidBoard(f"{found.name} has several cores; say which: {choices}")
    said = dict(found.processors.get("", {}))
    said |= found.processors.get(processor or (names[0] if names else ""), {})
    core = _CORES.get(said.get("Dcore", ""))
    if core is None:
        raise InvalidBoard(
            f"{path}: {found.name} has the core '{said.get('Dcore', 'of no name')}', which mcuq does not know; "
            f"known are {', '.join(_CORES)}"
        )
    memories = [
        m for m in found.memories.values() if m.get("Pname", processor) in ("", processor or m.get("Pname", ""))
    ]
    try:
        regions = regions_of(_in_order(memories))
        clock_hz = int(said.get("Dclock", "0"), 0)
    except ValueError as error:
        raise InvalidBoard(f"{path}: {found.name}: {error}") from error
    return Chip(
        name=found.name,
        source=path.name,
        core=core,
        memory=regions,
        has_fpu=said.get("Dfpu", "0") not in ("0", "NO_FPU"),
        has_dsp=said.get("Ddsp", "NO_DSP") == "DSP",
        clock_hz=clock_hz,
    )


def _in_order(memories: list[dict[str, str]]) -> Iterator[tuple[str, int, int, str]]:
    """Regions: those that start up and those that are linked into by default first, then the larger ones."""
    found = []
    for memory in memories:
        name = memory.get("name") or memory.get("id", "")
        access = memory.get("access", "")
        if "p" in access or memory.get("alias"):
            continue  # registers, and second views of what is named already
        is_ram = "w" in access if access else "RAM" in name.upper()
        start, size = int(memory.get("start", "0"), 0), int(memory.get("size", "0"), 0)
        is_first = memory.get("startup") == "1", memory.get("default") == "1"
        found.append((not is_first[0], not is_first[1], -size, (name, start, size, "ram" if is_ram else "flash")))
    yield from (region for *_, region in sorted(found, key=lambda item: item[:3]))
