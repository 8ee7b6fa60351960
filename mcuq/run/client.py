"""The host side of the protocol: what one can ask a device that runs mcuq's firmware, over any Link."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any

from mcuq.errors import BadFrame, DeviceError, DeviceFault, InvalidData
from mcuq.run.exchange import Exchange, SessionLost
from mcuq.run.link import Link
from mcuq.run.messages import (
    ARENA,
    MONITORS,
    PROTOCOL_VERSION,
    Fault,
    Hello,
    HelloFlag,
    Inference,
    Refused,
    Request,
    Stats,
    Status,
    TensorInfo,
    Ticks,
    parse_fault,
    parse_tensor,
    parse_ticks,
    unpack,
    words,
)
from mcuq.run.patience import QUICK_S
from mcuq.run.transfer import Pace, Transfer

_HELLO_LAYOUT = "<BBBBHBxHH8sIIIi"
_EARLY_STATS_BYTES = 16
_TICKS_BYTES = 16
# Below that a LOAD costs hardly more than asking.
_WORTH_ASKING_BYTES = 64


class Client:
    """Speaks to one device; a context manager that opens and closes its link.

    `timeout_s` is how long one request may stay unanswered before it is sent again, less where the device has been
    answering sooner; `retries` is how often it is asked again at that pace. A silent device is given up after
    (2 * retries + 1) * timeout_s. `chunk_bytes` and `window` are the most to use of what the device offers, `byte_s` is
    the time of a byte on the line. `describe_fault` says where in the firmware a fault lies. Every method raises
    DeviceTimeout, DeviceError (the device refuses), DeviceFault (it restarted after a fault), BadFrame (a reply that
    cannot be), and what the link raises.
    """

    def __init__(
        self,
        link: Link,
        *,
        timeout_s: float = 1.0,
        retries: int = 3,
        chunk_bytes: int = 4096,
        window: int = 16,
        byte_s: float = 0.0,
        describe_fault: Callable[[Fault], str] = str,
    ) -> None:
        self._link = link
        self._exchange = Exchange(link, timeout_s=timeout_s, retries=retries)
        self._exchange.describe_fault = describe_fault
        self._chunk_bytes = chunk_bytes
        self._window = window
        self._byte_s = byte_s
        self._hello: Hello | None = None
        self._pace = Pace(chunk_bytes, 1)
        self._loaded: dict[int, bytes] = {}
        self._overwritten: set[int] = set()

    def __enter__(self) -> Client:
        self._link.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._link.close()

    def hello(self, *, deadline_s: float = 10.0) -> Hello:
        """Who the device is; asked once a session, within `deadline_s`, which includes the start of the device.

        The other methods say hello themselves where nobody did.
        """
        if self._hello is None:
            self._exchange.start_session()
            self._loaded.clear()
            self._hello = self._ask_hello(deadline_s)
            self._exchange.round_trip.least_s = QUICK_S + self._hello.load_chunk_bytes * self._byte_s
            self._pace = Pace(self._chunk_bytes, min(self._window, self._hello.window))
        return self._hello

    @property
    def ticks_hz(self) -> int:
        """The rate of the device's counter, 0 where it has none."""
        return self._ready().ticks_hz

    def load(self, index: int, data: bytes) -> None:
        """Fill input `index` with all of its bytes, unless they lie there still: the device is asked for their CRC.

        Raises InvalidData where input or length do not exist.
        """
        hello = self._ready()
        wanted = _tensor(hello.inputs, index, "input").bytes
        if len(data) != wanted:
            raise InvalidData(f"input {index} of {hello.model} takes {wanted} bytes, not {len(data)}")
        if self._is_there(index, data):
            return
        transfer = self._transfer(Request.LOAD, hello.load_chunk_bytes, f"LOAD of input {index}")
        self._loaded.pop(index, None)
        with self._explaining():
            transfer.load(index, data)
        self._loaded[index] = data

    def invoke(self, times: int = 1, *, deadline_s: float = 120.0) -> Ticks:
        """Run the model; without `keep_inputs` only the first run computes from the inputs that were loaded.

        `deadline_s` is for all runs together.
        """
        ticks, _ = self._invoke(times, 0, deadline_s)
        return ticks

    def output(self, index: int) -> bytes:
        """All bytes of output `index`. Raises InvalidData where it does not exist."""
        return self._read_output(index, 0)

    def infer(self, inputs: Sequence[bytes], *, deadline_s: float = 120.0) -> Inference:
        """Load every input, invoke once, read every output: two round trips for a small model."""
        hello = self._ready()
        if len(inputs) != len(hello.inputs):
            raise InvalidData(f"{hello.model} has {len(hello.inputs)} inputs, not {len(inputs)}")
        for index, data in enumerate(inputs):
            self.load(index, data)
        head_bytes = min(hello.outputs[0].bytes, hello.read_chunk_bytes, self._pace.chunk_bytes)
        ticks, head = self._invoke(1, head_bytes, deadline_s)
        first = head + self._read_output(0, head_bytes)
        others = (self.output(index) for index in range(1, len(hello.outputs)))
        return Inference((first, *others), ticks.total)

    def run_to(self, step: int, *, deadline_s: float = 120.0) -> int:
        """Run steps 0 to `step` inclusive; returns their ticks. Needs an instrumented build."""
        return self._steps(0, step, deadline_s)

    def run_step(self, step: int, *, deadline_s: float = 120.0) -> int:
        """Run one step; returns its ticks. Only steps in order make an inference. Needs an instrumented build."""
        return self._steps(step, step, deadline_s)

    def read_arena(self, offset_bytes: int, count: int) -> bytes:
        """`count` bytes of the arena. Raises InvalidData where they do not exist."""
        hello = self._ready()
        if offset_bytes < 0 or count < 0 or offset_bytes + count > hello.arena_bytes:
            raise InvalidData(
                f"bytes {offset_bytes} to {offset_bytes + count} lie outside the arena of {hello.arena_bytes} bytes"
            )
        transfer = self._transfer(Request.READ_ARENA, hello.read_chunk_bytes, f"READ_ARENA of {count} bytes")
        with self._explaining():
            return transfer.read(0, offset_bytes, count)

    def read_monitors(self, count: int) -> bytes:
        """The `count` bytes of the model's counters. Raises Refused where it has fewer, or none."""
        transfer = self._transfer(Request.READ_ARENA, self._ready().read_chunk_bytes, "READ_ARENA of the counters")
        with self._explaining():
            return transfer.read(MONITORS, 0, count)

    def arena_crc(self, offset_bytes: int, count: int) -> int:
        """CRC-32 of `count` bytes of the arena, computed by the device."""
        (crc,) = unpack("<I", self._call(Request.CHECK, words(ARENA, offset_bytes, count)), Request.CHECK)
        return int(crc)

    def stats(self) -> Stats:
        """Stack, static RAM and arena as the device knows them; firmware of earlier versions has no sensors."""
        body = self._call(Request.STATS)
        return Stats(*unpack("<IIII" if len(body) == _EARLY_STATS_BYTES else "<IIIIIII", body, Request.STATS))

    def fault(self) -> Fault | None:
        """The fault that caused the device's last reset, told once; None where there was none."""
        return parse_fault(self._call(Request.FAULT), Request.FAULT)

    def reset(self) -> None:
        """Start the device over; the next request says hello again."""
        self._ready()
        with suppress(SessionLost):  # then it has restarted, and only the answer went astray
            self._exchange.call(Request.RESET, b"", what="RESET")
        self._hello = None

    def _is_there(self, index: int, data: bytes) -> bool:
        """Whether what was loaded before is the same and no step has written over it; asked while that pays."""
        if len(data) < _WORTH_ASKING_BYTES or index in self._overwritten or self._loaded.get(index) != data:
            return False
        (crc,) = unpack("<I", self._call(Request.CHECK, words(index, 0, len(data))), Request.CHECK)
        if crc != zlib.crc32(data):
            self._overwritten.add(index)
            return False
        return True

    def _ready(self) -> Hello:
        return self._hello or self.hello()

    def _call(self, request: Request, body: bytes = b"", *, deadline_s: float | None = None) -> bytes:
        self._ready()
        with self._explaining():
            return self._exchange.call(request, body, what=request.name, deadline_s=deadline_s)

    def _transfer(self, request: Request, limit_bytes: int, what: str) -> Transfer:
        return Transfer(self._exchange, self._pace, request, limit_bytes=limit_bytes, what=what)

    def _invoke(self, times: int, head_bytes: int, deadline_s: float) -> tuple[Ticks, bytes]:
        if not 0 < times < 2**32:
            raise InvalidData(f"the model cannot be invoked {times} times; the least is 1")
        body = self._call(Request.INVOKE, words(times, 0, head_bytes), deadline_s=deadline_s)
        if len(body) != _TICKS_BYTES + head_bytes:
            raise BadFrame(
                f"INVOKE brought {len(body)} bytes instead of {_TICKS_BYTES + head_bytes}; rebuild the firmware"
            )
        return parse_ticks(body[:_TICKS_BYTES], times, Request.INVOKE), body[_TICKS_BYTES:]

    def _steps(self, first: int, last: int, deadline_s: float) -> int:
        hello = self._ready()
        if not 0 <= first <= last < hello.step_count:
            raise InvalidData(f"{hello.model} has no step {last}; its steps are 0 to {hello.step_count - 1}")
        body = self._call(Request.STEPS, words(first, last), deadline_s=deadline_s)
        return parse_ticks(body, last - first + 1, Request.STEPS).total

    def _read_output(self, index: int, offset_bytes: int) -> bytes:
        hello = self._ready()
        tensor = _tensor(hello.outputs, index, "output")
        transfer = self._transfer(Request.READ_OUTPUT, hello.read_chunk_bytes, f"READ_OUTPUT of output {index}")
        with self._explaining():
            return transfer.read(index, offset_bytes, tensor.bytes - offset_bytes)

    def _ask_hello(self, deadline_s: float) -> Hello:
        ask = self._exchange.call
        body = ask(Request.HELLO, words(PROTOCOL_VERSION), what="HELLO", deadline_s=deadline_s)
        if body[:1] != bytes([PROTOCOL_VERSION]):
            raise DeviceError(
                f"the device speaks version {body[0] if body else 0} of the protocol, this mcuq {PROTOCOL_VERSION}; "
                "rebuild and flash its firmware"
            )
        fields = unpack(_HELLO_LAYOUT, body, Request.HELLO)
        self._exchange.establish()
        names = [ask(Request.NAME, words(which), what="NAME").decode("utf-8", "replace") for which in (0, 1)]
        tensors = [
            tuple(
                parse_tensor(ask(Request.DESCRIBE, words(is_output, index), what="DESCRIBE")) for index in range(count)
            )
            for is_output, count in enumerate(fields[2:4])
        ]
        return _assemble_hello(fields, names[0], names[1], self._ask_version(), tensors[0], tensors[1])

    def _ask_version(self) -> str:
        """The version of the firmware; that of the first ones, which cannot tell, is "0"."""
        try:
            return self._exchange.call(Request.NAME, words(2), what="NAME").decode("utf-8", "replace")
        except Refused as error:
            if error.status == Status.BAD_INDEX:
                return "0"
            raise

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        """Where the device restarted, ask it why."""
        try:
            yield
        except SessionLost as error:
            self._hello = None
            fault = self._last_fault() if error.has_restarted else None
            if fault is None:
                raise
            where = self._exchange.describe_fault(fault)
            raise DeviceFault(f"{error} Before it restarted it ran into {where}.", fault) from error

    def _last_fault(self) -> Fault | None:
        try:
            self.hello()
            return parse_fault(self._exchange.call(Request.FAULT, b"", what="FAULT"), Request.FAULT)
        except DeviceError:
            return None


def _tensor(tensors: tuple[TensorInfo, ...], index: int, word: str) -> TensorInfo:
    if not 0 <= index < len(tensors):
        raise InvalidData(f"the model has no {word} {index}, only {len(tensors)}")
    return tensors[index]


def _assemble_hello(
    fields: tuple[Any, ...],
    board: str,
    model: str,
    firmware_version: str,
    inputs: tuple[TensorInfo, ...],
    outputs: tuple[TensorInfo, ...],
) -> Hello:
    version, flags, _, _, steps, window, load_chunk, read_chunk, digest, arena, clock, ticks, init_code = fields
    if 0 in (window, load_chunk, read_chunk):
        raise BadFrame("the device offers a window or a chunk of 0; mend the hooks of its firmware")
    return Hello(
        protocol_version=version,
        board=board,
        model=model,
        model_hash=digest.hex(),
        inputs=inputs,
        outputs=outputs,
        step_count=steps,
        arena_bytes=arena,
        clock_hz=clock,
        ticks_hz=ticks,
        load_chunk_bytes=load_chunk,
        read_chunk_bytes=read_chunk,
        window=window,
        keep_inputs=bool(flags & HelloFlag.KEEPS_INPUTS),
        instrumented=bool(flags & HelloFlag.IS_INSTRUMENTED),
        init_code=init_code,
        firmware_version=firmware_version,
    )
