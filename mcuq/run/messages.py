"""What requests and replies say: the numbers on the wire and the values that replies become."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from mcuq.errors import BadFrame, DeviceError

PROTOCOL_VERSION = 1


class Request(IntEnum):
    """What the host may ask; the same numbers as `enum mcuq_request`."""

    HELLO = 1
    NAME = 2
    DESCRIBE = 3
    LOAD = 4
    INVOKE = 5
    STEPS = 6
    READ_OUTPUT = 7
    READ_ARENA = 8
    STATS = 9
    FAULT = 10
    RESET = 11
    CHECK = 12
    BOOT = 0x7E
    REJECT = 0x7F


class Status(IntEnum):
    """How the device answers; the same numbers as `enum mcuq_status`."""

    OK = 0
    STARTED = 1
    BAD_FRAME = 2
    WRONG_SESSION = 3
    UNKNOWN_REQUEST = 4
    BAD_LENGTH = 5
    BAD_INDEX = 6
    OUT_OF_RANGE = 7
    NOT_INSTRUMENTED = 8
    INIT_FAILED = 9
    UNSUPPORTED = 10


class HelloFlag(IntEnum):
    """Bits of HELLO; the same numbers as `enum mcuq_hello_flags`."""

    KEEPS_INPUTS = 1
    IS_INSTRUMENTED = 2


ARENA = 0xFFFF_FFFF
"""What CHECK calls the arena."""

MONITORS = 1
"""What READ_ARENA calls the counters of the field; 0 is the arena."""

DTYPES = {1: "int8", 2: "uint8", 3: "int16", 4: "int32", 5: "float32", 6: "int64", 7: "bool"}
"""`enum mcuq_dtype` as numpy's names."""

_MEANING = {
    Status.UNKNOWN_REQUEST: "its firmware does not know this request; rebuild it with this version of mcuq",
    Status.BAD_LENGTH: "its firmware expects other fields in this request; rebuild it with this version of mcuq",
    Status.BAD_INDEX: "there is no tensor or step of that number; hello() tells how many there are",
    Status.OUT_OF_RANGE: "offset, length or count lies outside what the model has",
    Status.NOT_INSTRUMENTED: "single steps need an instrumented build; build the firmware with per-step support",
    Status.UNSUPPORTED: "this firmware has no hook for it",
}


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One input or output: real = scale * (q - zero_point); `scale` is 0 where nothing is quantized."""

    dtype: str
    shape: tuple[int, ...]
    bytes: int
    scale: float
    zero_point: int


@dataclass(frozen=True, slots=True)
class Hello:
    """Who the device is. `model_hash` has 16 hex digits; `clock_hz` is the clock reached, 0 where unknown.

    `init_code` is 0, or why the model could not start; the device then answers only what needs no model.
    `firmware_version` is the version of mcuq that built it, or what the user's own firmware says, maybe nothing.
    """

    protocol_version: int
    board: str
    model: str
    model_hash: str
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    step_count: int
    arena_bytes: int
    clock_hz: int
    ticks_hz: int
    load_chunk_bytes: int
    read_chunk_bytes: int
    window: int
    keep_inputs: bool
    instrumented: bool
    init_code: int
    firmware_version: str = ""


@dataclass(frozen=True, slots=True)
class Ticks:
    """Ticks of the device's counter over `times` runs (or steps): the sum, the fewest and the most of one."""

    times: int
    total: int
    fewest: int
    most: int


@dataclass(frozen=True, slots=True)
class Inference:
    """What `Client.infer` brings back: one output each as bytes, and the ticks of the invoke."""

    outputs: tuple[bytes, ...]
    ticks: int


@dataclass(frozen=True, slots=True)
class Stats:
    """RAM of the device in bytes; 0 where it does not know. `stack_peak_bytes` is the most since power-on.

    `clock_hz` is what the core runs at now, `temperature_mk` the die's in thousandths of a kelvin.
    """

    stack_bytes: int
    stack_peak_bytes: int
    static_bytes: int
    arena_bytes: int
    clock_hz: int = 0
    temperature_mk: int = 0
    supply_mv: int = 0


@dataclass(frozen=True, slots=True)
class Fault:
    """The fault that caused the last reset: exception number, registers, CFSR and the address touched (0: unknown)."""

    exception: int
    pc: int
    lr: int
    cfsr: int
    address: int

    def __str__(self) -> str:
        return (
            f"exception {self.exception} at pc 0x{self.pc:08x} (lr 0x{self.lr:08x}, CFSR 0x{self.cfsr:08x}, "
            f"address 0x{self.address:08x})"
        )


def words(*values: int) -> bytes:
    """The body of a request."""
    return struct.pack(f"<{len(values)}I", *values)


def unpack(layout: str, body: bytes, request: Request) -> tuple[Any, ...]:
    """The fields of a reply. Raises BadFrame when the body has another length."""
    if struct.calcsize(layout) != len(body):
        raise BadFrame(
            f"the reply to {request.name} has {len(body)} bytes instead of {struct.calcsize(layout)}; "
            "rebuild the firmware with this version of mcuq"
        )
    return struct.unpack(layout, body)


def parse_tensor(body: bytes) -> TensorInfo:
    """The reply to DESCRIBE. Raises BadFrame when it says what cannot be."""
    if len(body) < 16 or len(body) % 4:
        raise BadFrame(f"the reply to DESCRIBE has {len(body)} bytes; rebuild the firmware with this version of mcuq")
    count, dtype, scale, zero_point = struct.unpack_from("<IIfi", body)
    if dtype not in DTYPES:
        raise BadFrame(f"the device names an element type {dtype} that mcuq does not know; update mcuq")
    shape = struct.unpack_from(f"<{len(body) // 4 - 4}I", body, 16)
    return TensorInfo(DTYPES[dtype], shape, count, scale, zero_point)


def parse_fault(body: bytes, request: Request) -> Fault | None:
    """The record in FAULT and BOOT; None where there was no fault."""
    is_there, *record = unpack("<IIIIII", body, request)
    return Fault(*record) if is_there else None


def parse_ticks(body: bytes, times: int, request: Request) -> Ticks:
    """The ticks in the reply to INVOKE and STEPS."""
    total, fewest, most = unpack("<QII", body, request)
    return Ticks(times, total, fewest, most)


class Refused(DeviceError):
    """The device understood the request and will not do it."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def refusal(what: str, status: int, body: bytes) -> Refused:
    """The error for a reply whose status is not OK."""
    return Refused(_refusal_text(what, status, body), status)


def _refusal_text(what: str, status: int, body: bytes) -> str:
    if status == Status.INIT_FAILED and len(body) == 4:
        code = struct.unpack("<i", body)[0]
        return f"{what}: the model did not start on the device: init returned {code}; see the header"
    if status not in _MEANING:
        return f"{what}: the device refused with an unknown status {status}; update mcuq"
    return f"{what}: the device refused ({Status(status).name}): {_MEANING[Status(status)]}"
