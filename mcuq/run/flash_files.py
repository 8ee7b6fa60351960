"""The image as flashing tools take it: one binary from the start of the flash, or UF2 blocks."""

from __future__ import annotations

import struct
from pathlib import Path

from elftools.elf.elffile import ELFFile

from mcuq.boards import Board
from mcuq.errors import BuildFailed

UF2_PAYLOAD_BYTES = 256
_UF2_BLOCK_BYTES = 512
_UF2_MAGIC = (0x0A32_4655, 0x9E5D_5157)
_UF2_END = 0x0AB1_6F30
_UF2_HAS_FAMILY = 0x2000
_ERASED = 0xFF


def flash_bytes(elf: Path, board: Board) -> bytes:
    """All that is programmed, from the first address of the board's flash; gaps read as erased. Raises BuildFailed."""
    flash = board.flash
    if flash is None:
        raise BuildFailed(f"board '{board.name}' has no flash; `mcuq run` runs its firmware as it is")
    data = bytearray()
    with elf.open("rb") as file:
        for segment in ELFFile(file).iter_segments("PT_LOAD"):
            part = segment.data()
            if not part:
                continue
            offset = segment["p_paddr"] - flash.address
            if offset < 0 or offset + len(part) > flash.bytes:
                raise BuildFailed(f"{elf} has bytes outside the flash of board '{board.name}'; build it again")
            data.extend([_ERASED] * (offset + len(part) - len(data)))
            data[offset : offset + len(part)] = part
    return bytes(data)


def uf2(data: bytes, address: int, family: int) -> bytes:
    """`data` as UF2 (github.com/microsoft/uf2): blocks of 512 bytes that carry 256 each."""
    data = data + bytes([_ERASED]) * (-len(data) % UF2_PAYLOAD_BYTES)
    count = len(data) // UF2_PAYLOAD_BYTES
    blocks = []
    for index in range(count):
        offset = index * UF2_PAYLOAD_BYTES
        place = (_UF2_HAS_FAMILY, address + offset, UF2_PAYLOAD_BYTES, index, count, family)
        head = struct.pack("<8I", *_UF2_MAGIC, *place)
        body = head + data[offset : offset + UF2_PAYLOAD_BYTES]
        blocks.append(body.ljust(_UF2_BLOCK_BYTES - 4, b"\0") + struct.pack("<I", _UF2_END))
    return b"".join(blocks)
