"""Temperature and supply: converters that give what a die of a stated temperature, at a stated supply, would give."""

from __future__ import annotations

from mcuq.run.devices.registers import Follow, RegisterFile

NRF_QUARTERS = 95
"""23.75 degrees Celsius."""

STM32_SUPPLY_MV = 3000
STM32_CELSIUS = 45
STM32_FACTORY = (1500, 950, 1200)
"""Reference, temperature at 30 and at 110 degrees, as converted at 3.3 V in the factory."""

RP2040_RESULT = 859
"""0.692 V of 3.3 V: 35 degrees Celsius."""


def nrf_temp() -> RegisterFile:
    """nRF51 and nRF52 TEMP: EVENTS_DATARDY (0x100) follows TASKS_START (0x000), TEMP (0x508) is in quarters."""
    return RegisterFile((Follow(0x100, 1, 0x000, 0),), {0x508: NRF_QUARTERS})


def stm32_factory_words() -> RegisterFile:
    """The half-words of the datasheets (VREFIN_CAL, TS_CAL1, TS_CAL2), from two bytes behind its address on."""
    return RegisterFile((), {2 * (index + 1): word for index, word in enumerate(STM32_FACTORY)})


class Stm32f4Adc(RegisterFile):
    """RM0090 13: SR 0x00 (EOC 1), CR2 0x08 (ADON 0, SWSTART 30), SQR3 0x34, DR 0x4C, CCR 0x304 (TSVREFE 23, VBATE 22).

    Channel 17 is the reference, 16 and 18 the temperature, as far as the converter and the sensors are switched on.
    """

    def read(self, offset: int) -> int:
        """DR, which ends the conversion, or what was written."""
        if offset != 0x4C:
            return super().read(offset)
        self._values[0x00] = self._values.get(0x00, 0) & ~2
        return self._converted(self._values.get(0x34, 0) & 31)

    def write(self, offset: int, value: int) -> None:
        """SWSTART of a converter that is on converts at once."""
        super().write(offset, value)
        if offset == 0x08 and value & (1 << 30):
            self._values[0x08] = value & ~(1 << 30)
            if value & 1:
                self._values[0x00] = self._values.get(0x00, 0) | 2

    def _converted(self, channel: int) -> int:
        if not self._values.get(0x304, 0) & (1 << 23):
            return 0
        reference, at_30, at_110 = STM32_FACTORY
        if channel == 17:
            return reference * 3300 // STM32_SUPPLY_MV
        if channel == 18 and self._values[0x304] & (1 << 22):
            return 2048  # half of a battery that is not there
        return (at_30 + (STM32_CELSIUS - 30) * (at_110 - at_30) // 80) * 3300 // STM32_SUPPLY_MV if channel > 15 else 0


class Rp2040Adc(RegisterFile):
    """RP2040 datasheet 4.9.6: CS 0x00 (EN 0, TS_EN 1, READY 8, AINSEL 12), RESULT 0x04."""

    def read(self, offset: int) -> int:
        """A converter that is on is ready; the sensor is input 4, and has to be on as well."""
        control = self._values.get(0x00, 0)
        if offset == 0x04:
            return RP2040_RESULT if control & 3 == 3 and control >> 12 & 7 == 4 else 0
        return super().read(offset) | (1 << 8 if offset == 0x00 and control & 1 else 0)
