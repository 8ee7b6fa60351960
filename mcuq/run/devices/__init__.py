"""Register models of the simulator: UARTs, counters, clocks, and the bus on which a board has them."""

from mcuq.run.devices.bus import PAGE_BYTES, Bus, Device, bus_of
from mcuq.run.devices.marker import MarkerPin
from mcuq.run.devices.wire import Peripheral, Wire

__all__ = ["PAGE_BYTES", "Bus", "Device", "MarkerPin", "Peripheral", "Wire", "bus_of"]
