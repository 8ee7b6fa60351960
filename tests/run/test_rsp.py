"""The debugger's end of GDB's protocol against a server that misbehaves on purpose."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from mcuq.errors import BadFrame, DeviceError, DeviceTimeout, LinkLost
from mcuq.run.rsp import RspClient, checksum, escaped, expanded


class Server:
    """A GDB server over a socket pair: answers packets by a table, and keeps what it was asked."""

    def __init__(self, answers: Callable[[bytes], bytes | None], *, garble: int = 0, refuse: int = 0) -> None:
        self.client_end, self.end = socket.socketpair()
        self.asked: list[bytes] = []
        self._answers = answers
        self._garble = garble
        self._refuse = refuse
        self._acknowledges = True
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        buffer = b""
        while data := self.end.recv(4096):
            buffer += data
            while b"#" in buffer and len(buffer) >= buffer.index(b"#") + 3:
                body = buffer[buffer.index(b"$") + 1 : buffer.index(b"#")]
                buffer = buffer[buffer.index(b"#") + 3 :]
                self._answer(body)

    def _answer(self, body: bytes) -> None:
        if self._refuse:
            self._refuse -= 1
            self.end.sendall(b"-")
            return
        self.asked.append(body)
        if self._acknowledges:
            self.end.sendall(b"+")
        answer = self._answers(body)
        if answer is None:
            return
        packet = b"$" + answer + b"#" + checksum(answer)
        self.end.sendall((b"$" + answer + b"#00") * self._garble)
        self.end.sendall(packet)
        if body == b"QStartNoAckMode" and answer == b"OK":
            self._acknowledges = False


@pytest.fixture
def serve() -> Iterator[Callable[..., tuple[RspClient, Server]]]:
    """Makes a server and its client; both ends are closed after the test."""
    servers: list[Server] = []

    def make(answers: Callable[[bytes], bytes | None], **how: int) -> tuple[RspClient, Server]:
        servers.append(Server(answers, **how))
        return RspClient(servers[-1].client_end, timeout_s=0.3), servers[-1]

    yield make
    for server in servers:
        server.client_end.close()
        server.thread.join(2)
        server.end.close()


def test_escapes_and_runs_are_undone() -> None:
    """Every byte survives the way there, and runs come out as long as their count says."""
    data = bytes(range(256))
    assert not set(escaped(data)) & set(b"#$")
    assert expanded(escaped(data)) == data
    assert expanded(b"0* ") == b"0000"
    assert expanded(b'a0*"b') == b"a000000b"


def test_features_are_agreed_upon(serve) -> None:
    """The server's packet size bounds reads, and after QStartNoAckMode nobody acknowledges."""
    table = {b"QStartNoAckMode": b"OK", b"?": b"S05"}
    table[b"qSupported:swbreak+;hwbreak+"] = b"PacketSize=80;QStartNoAckMode+"
    client, server = serve(lambda body: table.get(body) or b"00" * int(body.split(b",")[1], 16))
    client.start()
    assert client.read(0x100, 100) == bytes(100)
    reads = [body for body in server.asked if body.startswith(b"m")]
    assert reads == [b"m100,28", b"m128,28", b"m150,14"]


@pytest.mark.parametrize(("garble", "refuse"), [(1, 0), (0, 1), (2, 2)])
def test_garbled_packets_are_repeated(serve, garble: int, refuse: int) -> None:
    """A wrong checksum is asked for again, and what the server takes for garbled is sent again."""
    client, _ = serve(lambda body: b"0102", garble=garble, refuse=refuse)
    assert client.read(0, 2) == b"\x01\x02"


def test_a_line_that_stays_garbled_is_told(serve) -> None:
    """After three attempts there is an error, in either direction."""
    with pytest.raises(BadFrame, match="wrong checksums"):
        serve(lambda body: b"0102", garble=9)[0].read(0, 2)
    with pytest.raises(BadFrame, match="is it a GDB server"):
        serve(lambda body: b"0102", refuse=9)[0].read(0, 2)


def test_what_the_server_lacks_is_done_otherwise(serve) -> None:
    """Without X memory is written as hex, without P all registers at once, without p all are read, without Z1 by Z0."""
    registers = [b"00000000"] * 17

    def answers(body: bytes) -> bytes:
        if body == b"g":
            return b"".join(registers)
        if body[:1] == b"G":
            registers[:] = [body[1 + 8 * i : 9 + 8 * i] for i in range(17)]
            return b"OK"
        return b"OK" if body[:1] == b"M" or body.startswith((b"Z0", b"z0")) else b""

    client, server = serve(answers)
    client.write(0x20, b"\xaa\xbb")
    client.write_register(15, 0x12345678)
    assert client.read_register(15) == 0x12345678
    client.set_breakpoint(0x40, 2)
    client.clear_breakpoint(0x40, 2)
    assert b"M20,2:aabb" in server.asked
    assert [body for body in server.asked if body[:1] in b"Zz"] == [b"Z1,40,2", b"Z0,40,2", b"z1,40,2", b"z0,40,2"]


def test_refusals_name_what_could_not_be_done(serve) -> None:
    """An error code, and a packet that the server does not know, are errors that say what was asked."""
    with pytest.raises(DeviceError, match=r"memory cannot be read \(m10,4\): the debug server answered: E14"):
        serve(lambda body: b"E14")[0].read(0x10, 4)
    with pytest.raises(DeviceError, match=r"a breakpoint cannot be set.*it does not know the packet"):
        serve(lambda body: b"")[0].set_breakpoint(0, 2)
    with pytest.raises(DeviceError, match="refuses 'monitor reset halt'"):
        serve(lambda body: b"E01")[0].monitor("reset halt")
    with pytest.raises(BadFrame, match="to a read of memory"):
        serve(lambda body: b"zz")[0].read(0, 1)


def test_silence_and_a_closed_connection_are_told_apart(serve) -> None:
    """No answer is a timeout that names the packet; an end that is gone is a lost link."""
    with pytest.raises(DeviceTimeout, match="did not answer 'm0,1'"):
        serve(lambda body: None)[0].read(0, 1)
    client, server = serve(lambda body: None)
    server.end.shutdown(socket.SHUT_RDWR)
    with pytest.raises(LinkLost):
        client.read(0, 1)


def test_a_run_ends_by_stop_by_exit_or_by_the_clock(serve) -> None:
    """Console output on the way is skipped; a target that ended is lost; one that runs on is interrupted."""
    client, _ = serve(lambda body: b"T05thread:01;")
    assert client.run(1.0) == b"T05thread:01;"
    with pytest.raises(LinkLost, match="W00"):
        serve(lambda body: b"W00")[0].run(1.0)
    client, server = serve(lambda body: None)

    def interrupted() -> None:
        while b"c" not in server.asked:
            pass
        server.end.sendall(b"$S02#" + checksum(b"S02"))

    timer = threading.Timer(0.3, interrupted)
    timer.start()
    with pytest.raises(DeviceTimeout):
        client.run(0.1)
    timer.join()


MAP = b"""<?xml version="1.0"?>
<!DOCTYPE memory-map PUBLIC "+//IDN gnu.org//DTD GDB Memory Map V1.0//EN" "http://sourceware.org/gdb/gdb-memory-map.dtd">
<memory-map>
<memory type="ram" start="0x20000000" length="0x400"/>
<memory type="flash" start="0x1000" length="0x200"><property name="blocksize">0x100</property></memory>
<memory type="flash" start="0x1200" length="0x200"><property name="blocksize">0x200</property></memory>
</memory-map>"""


class Flash:
    """A server's flash of 1 KB at 0x1000: writes only clear bits, erasing goes by blocks of 256 bytes."""

    def __init__(self, *, refuses: bytes = b"") -> None:
        self.data = bytearray(range(256)) * 4
        self.refuses = refuses

    def __call__(self, body: bytes) -> bytes:
        """The answer to a packet."""
        if self.refuses and body.startswith(self.refuses):
            return b"E.verify"
        if body.startswith(b"qXfer:memory-map:read::"):
            offset, length = (int(text, 16) for text in body.split(b":")[-1].split(b","))
            piece = MAP[offset : offset + length]
            return (b"l" if offset + length >= len(MAP) else b"m") + piece
        if body.startswith(b"m"):
            address, count = (int(text, 16) for text in body[1:].split(b","))
            return bytes(self.data[address - 0x1000 :][:count]).hex().encode()
        if body.startswith(b"vFlashErase:"):
            address, count = (int(text, 16) for text in body[12:].split(b","))
            block = 256 if address < 0x1200 else 512
            assert (address - 0x1000) % block == count % block == 0
            assert address >= 0x1200 or address + count <= 0x1200
            self.data[address - 0x1000 : address - 0x1000 + count] = b"\xff" * count
            return b"OK"
        if body.startswith(b"vFlashWrite:"):
            address, _, data = body[12:].partition(b":")
            start = int(address, 16) - 0x1000
            for offset, byte in enumerate(expanded(data)):
                self.data[start + offset] &= byte
            return b"OK"
        return b"OK" if body == b"vFlashDone" else b""


def test_flash_is_written_by_blocks(serve) -> None:
    """What is written over the border of two blocks is there, and the other bytes of both are as they were."""
    flash = Flash()
    client, server = serve(flash)
    region, second = client.flash_regions()
    assert (region.start, region.bytes, region.block_bytes) == (0x1000, 0x200, 0x100)
    assert (second.start, second.end, second.block_bytes) == (0x1200, 0x1400, 0x200)
    assert region.holds(0x11FF)
    assert not region.holds(0x1200)
    before = bytes(flash.data)
    client.flash(region, 0x10F0, b"#$}*" * 10)
    assert flash.data == before[:0xF0] + b"#$}*" * 10 + before[0x118:]
    assert server.asked[-1] == b"vFlashDone"


def test_a_program_goes_where_it_belongs(serve) -> None:
    """Over the border of regions with other blocks, and over the end of the flash into RAM."""
    flash = Flash()
    ram: dict[int, bytes] = {}

    def answer(body: bytes) -> bytes:
        if body[:1] == b"X":
            head, _, data = body[1:].partition(b":")
            ram[int(head.split(b",")[0], 16)] = expanded(data)
            return b"OK"
        return flash(body)

    client, _ = serve(answer)
    before, data = bytes(flash.data), bytes(dice % 251 for dice in range(0x330))
    client.program(0x10F0, data, client.flash_regions())
    assert flash.data == before[:0xF0] + data[:0x310]
    assert ram == {0x1400: data[0x310:]}


@pytest.mark.parametrize("refused", [b"vFlashErase", b"vFlashWrite", b"vFlashDone"])
def test_flash_that_refuses_is_told(serve, refused: bytes) -> None:
    """The error says what failed and what the server answered."""
    client, _ = serve(Flash(refuses=refused))
    region = client.flash_regions()[0]
    with pytest.raises(DeviceError, match=f"flash cannot be .*{refused.decode()}.*E.verify"):
        client.flash(region, 0x1000, bytes(4))


def test_a_server_may_tell_no_map(serve) -> None:
    """Without the packet there are no regions; a map that is no XML is an error."""
    assert serve(lambda body: b"")[0].flash_regions() == ()
    with pytest.raises(BadFrame, match="memory map cannot be read"):
        serve(lambda body: b"l<memory-map>")[0].flash_regions()
