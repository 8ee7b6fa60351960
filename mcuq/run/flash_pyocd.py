"""pyOCD through its Python API: the one place that knows it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from mcuq.errors import DeviceError, LinkLost, ToolMissing

_CHUNK_BYTES = 4096


def has_pyocd() -> str | None:
    """Where pyOCD is installed, None where it is not."""
    spec = importlib.util.find_spec("pyocd")
    return None if spec is None else spec.origin or "pyocd"


def program_with_pyocd(target: str, elf: Path, binary: Path, address: int, probe: str | None) -> None:
    """Write `elf`, read the bytes of `binary` back, reset; raises LinkLost without a probe, DeviceError."""
    helper, programmer, known = _import_pyocd()
    try:
        session = helper.session_with_chosen_probe(
            unique_id=probe, blocking=False, return_first=True, options={"target_override": target}
        )
        if session is None:
            which = f"probe {probe}" if probe else "debug probe"
            raise LinkLost(f"pyOCD finds no {which}; plug it in, and see `pyocd list`")
        with session:
            programmer(session, chip_erase="sector").program(str(elf), file_format="elf")
            _verify(session.target, binary.read_bytes(), address)
            session.target.reset()
    except known as error:
        raise DeviceError(
            f"pyOCD failed: {error}; if it does not know '{target}', try `pyocd pack install {target}`"
        ) from error


def _verify(target: Any, data: bytes, address: int) -> None:
    for start in range(0, len(data), _CHUNK_BYTES):
        part = data[start : start + _CHUNK_BYTES]
        found = bytes(target.read_memory_block8(address + start, len(part)))
        if found != part:
            wrong = next(index for index, pair in enumerate(zip(found, part, strict=True)) if pair[0] != pair[1])
            raise DeviceError(
                f"the flash does not read back what pyOCD wrote: it differs at {address + start + wrong:#010x}; check "
                "power and cable, and that the chip is not write-protected, then flash again"
            )


def _import_pyocd() -> tuple[Any, Any, type[Exception]]:
    try:
        from pyocd.core.exceptions import Error
        from pyocd.core.helpers import ConnectHelper
        from pyocd.flash.file_programmer import FileProgrammer
    except ImportError as error:
        raise ToolMissing("pyOCD is not installed; install it: pip install 'mcuq[flash]'") from error
    return ConnectHelper, FileProgrammer, Error
