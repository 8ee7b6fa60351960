"""Every error that mcuq raises on purpose; each message carries the fact, the place and the next step."""

from __future__ import annotations

from typing import Any


class McuqError(Exception):
    """Anything that a user can mend: bad input, a missing tool, a device that does not answer."""


class InvalidModel(McuqError):
    """The model file is damaged or is not what it says it is."""


class UnsupportedModel(McuqError):
    """The model is sound, but asks for something that mcuq does not do (yet).

    `reasons` holds one value for each thing that stands in the way (`ops.Refusal`: op, layers, reason), where known.
    """

    def __init__(self, message: str, reasons: tuple[Any, ...] = ()) -> None:
        super().__init__(message)
        self.reasons = reasons


class IllegalGraph(McuqError):
    """A stage produced a graph that breaks a rule of `ir.verify`: a defect of mcuq, not of the model."""


class QuantizationFailed(McuqError):
    """A float model could not be turned into integers."""


class InvalidData(McuqError):
    """The validation or calibration data do not fit the model."""


class InvalidBoard(McuqError):
    """A board file is missing, malformed, or names something that does not exist."""


class InvalidProject(McuqError):
    """mcuq.toml is missing or malformed, or neither it nor the command line says what to do."""


class DoesNotFit(McuqError):
    """The model needs more flash or RAM than the board has."""


class ToolMissing(McuqError):
    """A compiler or an emulator is not installed."""


class BuildFailed(McuqError):
    """The compiler or the linker refused the firmware."""


class DeviceError(McuqError):
    """The device, or the road to it, failed."""


class LinkLost(DeviceError):
    """The device or the emulator went away."""


class DeviceTimeout(DeviceError):
    """The device did not answer within the stated time."""


class BadFrame(DeviceError):
    """Bytes arrived that are not a valid frame."""


class DeviceFault(DeviceError):
    """The firmware itself reported a fault, or touched memory that it does not have.

    `fault` is the record of the device's fault handler (`run.messages.Fault`), where there is one.
    """

    def __init__(self, message: str, fault: Any = None) -> None:
        super().__init__(message)
        self.fault = fault
