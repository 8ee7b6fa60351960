"""UARTs by the registers that a polled port uses; each sends at once and receives without loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mcuq.run.devices.registers import RegisterFile
from mcuq.run.devices.wire import Peripheral, Wire


class CmsdkUart:
    """CMSDK APB UART, always ready to send."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def read(self, offset: int) -> int:
        """DATA takes a byte, STATE tells whether one waits (bit 1)."""
        if offset == 0x04:
            return bool(self._wire.received) << 1
        return self._wire.take() if offset == 0x00 else 0

    def write(self, offset: int, value: int) -> None:
        """DATA sends a byte."""
        if offset == 0x00:
            self._wire.send(value)


class NrfUart:
    """UART of the nRF51 and nRF52, which works while it is enabled (ENABLE = 4) and its tasks are started."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._sent = 0
        self._registers = RegisterFile()

    def read(self, offset: int) -> int:
        """RXDRDY (0x108), TXDRDY (0x11C), RXD (0x518)."""
        if offset == 0x108:
            return int(self._is_on(0x000) and bool(self._wire.received))
        if offset == 0x518:
            return self._wire.take()
        return self._sent if offset == 0x11C else self._registers.read(offset)

    def write(self, offset: int, value: int) -> None:
        """TXD (0x51C) sends a byte and sets TXDRDY."""
        if offset == 0x11C:
            self._sent = value & 1
        elif offset == 0x51C and self._is_on(0x008):
            self._wire.send(value)
            self._sent = 1
        else:
            self._registers.write(offset, value)

    def _is_on(self, task: int) -> bool:
        return self._registers.read(0x500) == 4 and self._registers.read(task) == 1


class _Registers:
    """A UART of plain registers: one takes a byte, one sends, one tells the state, the others are kept."""

    receive = send = state = 0

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.registers = RegisterFile()

    def is_on(self) -> bool:
        """Whether the port has switched it on, so that a port that forgets to does not seem to work."""
        return True

    def state_bits(self, waiting: bool) -> int:
        """The state register while a byte is, or is not, waiting."""
        raise NotImplementedError

    def read(self, offset: int) -> int:
        """The byte that waits, the state, or what was written."""
        if offset == self.state:
            return self.state_bits(bool(self._wire.received)) if self.is_on() else 0
        if offset == self.receive:
            return self._wire.take()
        return self.registers.read(offset)

    def write(self, offset: int, value: int) -> None:
        """Send a byte, or keep the setting."""
        if offset == self.send and self.is_on():
            self._wire.send(value)
        else:
            self.registers.write(offset, value)


class Stm32Usart1(_Registers):
    """USART of STM32F1 and F4: SR 0x00 (RXNE 5, TXE 7), DR 0x04, CR1 0x0C (UE 13, TE 3, RE 2)."""

    state, receive, send = 0x00, 0x04, 0x04

    def is_on(self) -> bool:
        """Enabled in both directions, with a divider."""
        return self.registers.read(0x0C) & 0x200C == 0x200C and self.registers.read(0x08) > 0

    def state_bits(self, waiting: bool) -> int:
        """Ready to send; RXNE."""
        return 0xC0 | waiting << 5


class Stm32Usart2(_Registers):
    """USART of STM32F7, L4, U5 and LPUART: ISR 0x1C (RXNE 5, TXE 7), RDR 0x24, TDR 0x28, CR1 0x00 (UE, TE, RE)."""

    state, receive, send = 0x1C, 0x24, 0x28

    def is_on(self) -> bool:
        """Enabled in both directions, with a divider."""
        return self.registers.read(0x00) & 0xD == 0xD and self.registers.read(0x0C) > 0

    def state_bits(self, waiting: bool) -> int:
        """Ready to send, both directions acknowledged; RXNE."""
        return 0x6000C0 | waiting << 5


class Pl011(_Registers):
    """Arm PL011 (Stellaris, RP2040): DR 0x00, FR 0x18 (RXFE 4, TXFF 5), CR 0x30 (UARTEN 0, TXE 8, RXE 9)."""

    state, receive, send = 0x18, 0x00, 0x00

    def is_on(self) -> bool:
        """Enabled in both directions, with a divider."""
        return self.registers.read(0x30) & 0x301 == 0x301 and self.registers.read(0x24) > 0

    def state_bits(self, waiting: bool) -> int:
        """Empty FIFO to send; RXFE unless a byte waits."""
        return 0x80 | (not waiting) << 4


class SifiveUart:
    """UART of the FE310: TXDATA 0x00 (bit 31 full), RXDATA 0x04 (bit 31 empty), TXCTRL 0x08, RXCTRL 0x0C, DIV 0x18."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._registers = RegisterFile()

    def read(self, offset: int) -> int:
        """RXDATA takes a byte."""
        if offset == 0x04:
            waits = self._wire.received and self._registers.read(0x0C) & 1
            return self._wire.take() if waits else 1 << 31
        return 0 if offset == 0x00 else self._registers.read(offset)

    def write(self, offset: int, value: int) -> None:
        """TXDATA sends a byte."""
        if offset == 0x00 and self._registers.read(0x08) & 1:
            self._wire.send(value)
        else:
            self._registers.write(offset, value)


class Ns16550(_Registers):
    """16550 with byte registers: RBR/THR 0, LCR 3 (DLAB 7), LSR 5 (DR 0, THRE 5, TEMT 6)."""

    state, receive, send = 5, 0, 0

    def is_on(self) -> bool:
        """While the divider latch is not selected."""
        return not self.registers.read(3) & 0x80

    def state_bits(self, waiting: bool) -> int:
        """Empty to send; DR."""
        return 0x60 | waiting


class Esp32C3Uart:
    """UART of the ESP32-C3: FIFO 0x00, STATUS 0x1C (RXFIFO_CNT 0..9, TXFIFO_CNT 16..25), ID 0x80 (UPDATE 30)."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._registers = RegisterFile()

    def read(self, offset: int) -> int:
        """FIFO takes a byte; the hardware clears UPDATE."""
        if offset == 0x00:
            return self._wire.take()
        if offset == 0x1C:
            return min(len(self._wire.received), 127)
        return self._registers.read(offset) & ~(1 << 30 if offset == 0x80 else 0)

    def write(self, offset: int, value: int) -> None:
        """FIFO sends a byte."""
        if offset == 0x00:
            self._wire.send(value)
        else:
            self._registers.write(offset, value)


UARTS: Mapping[str, Callable[[Wire], Peripheral]] = {
    "cmsdk": CmsdkUart,
    "nrf": NrfUart,
    "stm32-usart1": Stm32Usart1,
    "stm32-usart2": Stm32Usart2,
    "pl011": Pl011,
    "sifive": SifiveUart,
    "ns16550": Ns16550,
    "esp32c3": Esp32C3Uart,
}
