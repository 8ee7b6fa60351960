"""The checksum that the RP2040's boot ROM wants of the first 256 bytes of its flash."""

from __future__ import annotations

from pathlib import Path

from elftools.elf.elffile import ELFFile

from mcuq.errors import BuildFailed

BOOT2_BYTES = 256
_POLYNOMIAL = 0x04C1_1DB7


def checksum(data: bytes) -> int:
    """CRC-32 as the boot ROM computes it: most significant bit first, from all ones, not inverted (2.8.1.3.1)."""
    crc = 0xFFFF_FFFF
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (_POLYNOMIAL if crc & 1 << 31 else 0)) & 0xFFFF_FFFF
    return crc


def seal_boot2(elf: Path) -> None:
    """Put the checksum of the first 252 bytes of `.text` behind them; raises BuildFailed when its place is taken."""
    with elf.open("r+b") as file:
        text = ELFFile(file).get_section_by_name(".text")
        code = text.data()[:BOOT2_BYTES] if text is not None else b""
        if text is None or len(code) < BOOT2_BYTES or any(code[-4:]):
            raise BuildFailed(f"{elf}: the second stage of the boot takes more than {BOOT2_BYTES - 4} bytes")
        file.seek(text["sh_offset"] + BOOT2_BYTES - 4)
        file.write(checksum(code[:-4]).to_bytes(4, "little"))
