"""The counters of field monitors as bytes, and what they say."""

from __future__ import annotations

import struct

from mcuq.artifacts import InputReading, MonitorMap, MonitorReading, ValueReading, Watched
from mcuq.artifacts.monitors import BINS
from mcuq.errors import InvalidData

_HEAD, _BINS, _VALUE = "<III", f"<{BINS}I", "<IIhh"


def monitor_bytes(watching: MonitorMap) -> int:
    """The size of `<name>_monitors_t`."""
    counted = len(watching.inputs) * struct.calcsize(_BINS) + len(watching.values) * struct.calcsize(_VALUE)
    return struct.calcsize(_HEAD) + counted


def reading_of(data: bytes, watching: MonitorMap) -> MonitorReading:
    """What the bytes of a `<name>_monitors_t` say; raises InvalidData where they are not as many."""
    wanted = monitor_bytes(watching)
    if len(data) != wanted:
        raise InvalidData(
            f"the counters of {watching.name} have {wanted} bytes, and these are {len(data)}: they are of another "
            "model, or of another generation of this one"
        )
    inferences = struct.unpack_from(_HEAD, data)[1]
    offset = struct.calcsize(_HEAD)
    inputs = []
    for watched in watching.inputs:
        inputs.append(InputReading(watched, struct.unpack_from(_BINS, data, offset)))
        offset += struct.calcsize(_BINS)
    values = []
    for watched in watching.values:
        values.append(_value(watched, *struct.unpack_from(_VALUE, data, offset)))
        offset += struct.calcsize(_VALUE)
    return MonitorReading(watching.name, watching.model_hash, inferences, tuple(inputs), tuple(values))


def _value(watched: Watched, low: int, high: int, minimum: int, maximum: int) -> ValueReading:
    shift = 128 if watched.dtype == "uint8" else 0  # the device keeps them as int8
    if minimum > maximum:
        return ValueReading(watched, low, high, None, None)
    return ValueReading(watched, low, high, minimum + shift, maximum + shift)
