"""The GDB remote serial protocol, as a debugger speaks it: packets, acknowledgements, memory, registers, breakpoints.

Source: GDB manual, appendix "GDB Remote Serial Protocol". Servers: QEMU, pyOCD, OpenOCD, J-Link, probe-rs, Renode.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from mcuq.errors import BadFrame, DeviceError, DeviceTimeout, LinkLost

_ATTEMPTS = 3
_LEAST_PACKET_BYTES = 128
_FRAME_BYTES = 48  # of a packet: command, address, length, checksum
_ESCAPED = b"#$}*"
_INTERRUPT = b"\x03"
_FLASH_TIMEOUT_S = 60.0  # for what is erased or written at once


def checksum(body: bytes) -> bytes:
    """Two hex digits: the sum of the body's bytes modulo 256."""
    return f"{sum(body) & 0xFF:02x}".encode()


def escaped(data: bytes) -> bytes:
    """Binary data as a packet may carry it."""
    return b"".join(b"}" + bytes([byte ^ 0x20]) if byte in _ESCAPED else bytes([byte]) for byte in data)


def expanded(body: bytes) -> bytes:
    """What a packet's body stands for: escapes undone, runs (`*` and a count) written out."""
    out, index = bytearray(), 0
    while index < len(body):
        byte = body[index]
        if byte == ord("}") and index + 1 < len(body):
            out.append(body[index + 1] ^ 0x20)
            index += 2
        elif byte == ord("*") and out and index + 1 < len(body):
            out += out[-1:] * (body[index + 1] - 29)
            index += 2
        else:
            out.append(byte)
            index += 1
    return bytes(out)


@dataclass(frozen=True, slots=True)
class FlashRegion:
    """Flash that the server can write; it is erased by blocks."""

    start: int
    bytes: int
    block_bytes: int

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.start + self.bytes

    def holds(self, address: int) -> bool:
        """Whether it lies there."""
        return self.start <= address < self.end


class RspClient:
    """A debugger's end of an open stream socket; the target is halted whenever a method but `resume` returns.

    Raises DeviceTimeout (no answer within `timeout_s`), DeviceError (the server refuses, `E..`, or does not know the
    packet), BadFrame (checksums that stay wrong), LinkLost (the server closed the connection).
    """

    def __init__(self, stream: socket.socket, *, timeout_s: float = 5.0) -> None:
        self._stream = stream
        self._timeout_s = timeout_s
        self._arrived = bytearray()
        self._acknowledges = True
        self._sets_registers = True
        self._packet_bytes = 1024

    def start(self) -> None:
        """Agree on packet size and acknowledgements, and learn why the target stands still."""
        features = self.ask(b"qSupported:swbreak+;hwbreak+").split(b";")
        sizes = [feature[11:] for feature in features if feature.startswith(b"PacketSize=")]
        if sizes:
            self._packet_bytes = max(int(sizes[0], 16), _LEAST_PACKET_BYTES)
        if b"QStartNoAckMode+" in features and self.ask(b"QStartNoAckMode") == b"OK":
            self._acknowledges = False
        self.ask(b"?")

    def ask(self, body: bytes, *, timeout_s: float | None = None) -> bytes:
        """The reply to a packet; empty where the server does not know it."""
        self._send(body)
        reply = self._receive(timeout_s or self._timeout_s, body)
        while reply[:1] == b"O" and reply != b"OK":  # output of the target's console
            reply = self._receive(timeout_s or self._timeout_s, body)
        return reply

    def read(self, address: int, count: int) -> bytes:
        """`count` bytes of memory."""
        data = b""
        while len(data) < count:
            piece = min(count - len(data), (self._packet_bytes - _FRAME_BYTES) // 2)
            reply = self._checked(b"m%x,%x" % (address + len(data), piece), "memory cannot be read")
            try:
                got = bytes.fromhex(reply.decode())
            except ValueError as error:
                raise BadFrame(f"the debug server answered {reply[:40]!r} to a read of memory") from error
            if not got:
                raise DeviceError(f"the debug server gave nothing at {address + len(data):#010x}; is it memory?")
            data += got[:piece]
        return data

    def write(self, address: int, data: bytes) -> None:
        """Write memory: RAM, or registers of the chip where the server lets through."""
        step = (self._packet_bytes - _FRAME_BYTES) // 2
        for start in range(0, len(data), step):
            piece = data[start : start + step]
            head = b"%x,%x:" % (address + start, len(piece))
            if self.ask(b"X" + head + escaped(piece)) != b"OK":
                self._confirmed(b"M" + head + piece.hex().encode(), "memory cannot be written")

    def flash_regions(self) -> tuple[FlashRegion, ...]:
        """The flash that the server says it can write (`qXfer:memory-map:read`); none where it tells no map."""
        text = b""
        while True:
            reply = self.ask(b"qXfer:memory-map:read::%x,%x" % (len(text), self._packet_bytes - _FRAME_BYTES))
            if reply[:1] not in (b"m", b"l"):
                return ()
            text += reply[1:]
            if reply[:1] == b"l" or len(reply) == 1:
                break
        try:
            described = ElementTree.fromstring(text)
            return tuple(
                FlashRegion(
                    int(memory.get("start", ""), 0),
                    int(memory.get("length", ""), 0),
                    int(memory.findtext("property[@name='blocksize']", "0"), 0),
                )
                for memory in described.iter("memory")
                if memory.get("type") == "flash"
            )
        except (ElementTree.ParseError, ValueError) as error:
            raise BadFrame(f"the debug server's memory map cannot be read: {error}") from error

    def program(self, address: int, data: bytes, regions: Sequence[FlashRegion]) -> None:
        """Write `data`: as flash where it lies in one of `regions`, which may differ in their blocks, else as RAM."""
        while data:
            region = next((region for region in regions if region.holds(address)), None)
            behind = [r.start for r in regions if r.start > address] if region is None else [region.end]
            piece = data[: min(behind, default=address + len(data)) - address]
            if region is None:
                self.write(address, piece)
            else:
                self.flash(region, address, piece)
            address, data = address + len(piece), data[len(piece) :]

    def flash(self, region: FlashRegion, address: int, data: bytes) -> None:
        """Erase and write flash (`vFlashErase`, `vFlashWrite`, `vFlashDone`); other bytes of its blocks stay."""
        block = max(1, region.block_bytes)
        start = region.start + (address - region.start) // block * block
        end = region.start + -(-(address + len(data) - region.start) // block) * block
        whole = self.read(start, address - start) + data + self.read(address + len(data), end - address - len(data))
        self._programmed(b"vFlashErase:%x,%x" % (start, end - start), "flash cannot be erased")
        step = (self._packet_bytes - _FRAME_BYTES) // 2
        for offset in range(0, len(whole), step):
            head = b"vFlashWrite:%x:" % (start + offset)
            self._programmed(head + escaped(whole[offset : offset + step]), "flash cannot be written")
        self._programmed(b"vFlashDone", "flash cannot be written")

    def _programmed(self, body: bytes, fact: str) -> None:
        reply = self.ask(body, timeout_s=_FLASH_TIMEOUT_S)
        if reply != b"OK":
            said = reply.decode("ascii", "replace") or "it does not know the packet"
            what = b":".join(body.split(b":")[:2]).decode("ascii", "replace")
            raise DeviceError(f"{fact} ({what}): the debug server answered: {said}")

    def read_register(self, number: int) -> int:
        """A 32-bit register by its number in GDB's description of the core."""
        reply = self.ask(b"p%x" % number)
        if not reply or reply[:1] == b"E":
            reply = self._checked(b"g", "registers cannot be read")[8 * number : 8 * number + 8]
        try:
            return int.from_bytes(bytes.fromhex(reply.decode())[:4], "little")
        except ValueError as error:
            raise DeviceError(f"the debug server does not know register {number}: {reply[:40]!r}") from error

    def write_register(self, number: int, value: int) -> None:
        """Set a 32-bit register; all of them at once where the server cannot set one."""
        text = value.to_bytes(4, "little").hex().encode()
        if self._sets_registers:
            if self.ask(b"P%x=" % number + text) == b"OK":
                return
            self._sets_registers = False
        every = self._checked(b"g", "registers cannot be read")
        self._confirmed(b"G" + every[: 8 * number] + text + every[8 * number + 8 :], "registers cannot be written")

    def set_breakpoint(self, address: int, size: int) -> None:
        """Stop before the instruction at `address`; in hardware (flash cannot be changed), else in software."""
        if self.ask(b"Z1,%x,%x" % (address, size)) != b"OK":
            self._confirmed(b"Z0,%x,%x" % (address, size), "a breakpoint cannot be set")

    def clear_breakpoint(self, address: int, size: int) -> None:
        """Undo `set_breakpoint`."""
        if self.ask(b"z1,%x,%x" % (address, size)) != b"OK":
            self.ask(b"z0,%x,%x" % (address, size))

    def run(self, deadline_s: float) -> bytes:
        """Let the target run until it stops; returns why. Interrupts it after `deadline_s`: DeviceTimeout."""
        self._send(b"c")
        end = time.monotonic() + deadline_s
        try:
            reply = self._receive(deadline_s, b"c")
            while reply[:1] == b"O":
                reply = self._receive(max(end - time.monotonic(), 0.01), b"c")
        except DeviceTimeout:
            self._stream.sendall(_INTERRUPT)
            self._receive(self._timeout_s, b"interrupt")
            raise
        if reply[:1] in (b"W", b"X", b"E"):
            raise LinkLost(f"the target ended: the debug server answered {reply.decode('ascii', 'replace')!r}")
        return reply

    def resume(self) -> None:
        """Let the target go on, and go away from it."""
        self.ask(b"D")

    def monitor(self, command: str) -> None:
        """A command in the server's own language, for instance `reset halt`; raises DeviceError when it refuses."""
        reply = self.ask(b"qRcmd," + command.encode().hex().encode())
        if reply != b"OK" and reply[:1] in (b"", b"E"):
            raise DeviceError(f"the debug server refuses 'monitor {command}': {reply.decode('ascii', 'replace')!r}")

    def _checked(self, body: bytes, fact: str) -> bytes:
        reply = self.ask(body)
        if not reply or (reply[:1] == b"E" and len(reply) == 3):
            said = reply.decode("ascii", "replace") or "it does not know the packet"
            raise DeviceError(f"{fact} ({body[:24].decode('ascii', 'replace')}): the debug server answered: {said}")
        return reply

    def _confirmed(self, body: bytes, fact: str) -> None:
        reply = self._checked(body, fact)
        if reply != b"OK":
            raise DeviceError(f"{fact}: the debug server answered {reply[:40]!r}")

    def _send(self, body: bytes) -> None:
        packet = b"$" + body + b"#" + checksum(body)
        for _ in range(_ATTEMPTS):
            try:
                self._stream.sendall(packet)
            except OSError as error:
                raise LinkLost(f"the debug server went away: {error}") from error
            if not self._acknowledges or self._is_acknowledged(body):
                return
        raise BadFrame("the debug server refuses packets as garbled; is it a GDB server?")

    def _is_acknowledged(self, body: bytes) -> bool:
        """Whether `+` comes, not `-`; what was on its way before (a stop that another debugger caused) is skipped."""
        while (byte := self._byte(self._timeout_s, body)) not in (b"+", b"-"):
            pass
        return byte == b"+"

    def _receive(self, timeout_s: float, asked: bytes) -> bytes:
        """The body of the next packet; asks again for one whose checksum is wrong."""
        end = time.monotonic() + timeout_s
        for _ in range(_ATTEMPTS):
            while self._byte(end - time.monotonic(), asked) != b"$":
                pass
            body = bytearray()
            while (byte := self._byte(end - time.monotonic(), asked)) != b"#":
                body += byte
            told = self._byte(end - time.monotonic(), asked) + self._byte(end - time.monotonic(), asked)
            is_good = told.lower() == checksum(bytes(body))
            if self._acknowledges:
                self._stream.sendall(b"+" if is_good else b"-")
            if is_good:
                return expanded(bytes(body))
            if not self._acknowledges:
                break
        raise BadFrame("packets of the debug server have wrong checksums")

    def _byte(self, left_s: float, asked: bytes) -> bytes:
        if not self._arrived:
            if not select.select([self._stream], [], [], max(left_s, 0.0))[0]:
                what = asked[:24].decode("ascii", "replace")
                raise DeviceTimeout(f"the debug server did not answer '{what}' in time")
            try:
                data = self._stream.recv(65536)
            except OSError as error:
                raise LinkLost(f"the debug server went away: {error}") from error
            if not data:
                raise LinkLost("the debug server closed the connection")
            self._arrived += data
        byte = bytes(self._arrived[:1])
        del self._arrived[:1]
        return byte
