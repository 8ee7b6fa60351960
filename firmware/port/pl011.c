/* Arm's PL011 UART (Stellaris, RP2040) with its FIFOs. Arm DDI 0183, chapter 3. */
#include "parts.h"

#define UART_DR MCUQ_REGISTER(MCUQ_UART_ADDRESS + 0x00u)
#define UART_RSR MCUQ_REGISTER(MCUQ_UART_ADDRESS + 0x04u)
#define UART_FR (MCUQ_UART_ADDRESS + 0x18u)
#define UART_IBRD MCUQ_REGISTER(MCUQ_UART_ADDRESS + 0x24u)
#define UART_FBRD MCUQ_REGISTER(MCUQ_UART_ADDRESS + 0x28u)
#define UART_LCRH MCUQ_REGISTER(MCUQ_UART_ADDRESS + 0x2cu)
#define UART_CR MCUQ_REGISTER(MCUQ_UART_ADDRESS + 0x30u)

#define RX_EMPTY (1u << 4)
#define TX_FULL (1u << 5)

void mcuq_uart_start(uint32_t uart_hz)
{
    uint32_t divider = (8u * uart_hz / MCUQ_UART_BAUD + 1u) / 2u; /* in 1/64 */
    UART_CR = 0;
    UART_IBRD = divider >> 6;
    UART_FBRD = divider & 63u;
    UART_LCRH = 3u << 5 | 1u << 4; /* eight bits, FIFOs; a write of it also takes the divider over */
    UART_CR = 1u << 9 | 1u << 8 | 1u;
}

size_t mcuq_port_read(uint8_t *data, size_t limit)
{
    size_t got = 0;
    while (got < limit && !(MCUQ_REGISTER(UART_FR) & RX_EMPTY)) {
        data[got++] = (uint8_t)UART_DR;
    }
    if (got) {
        UART_RSR = 0; /* an overrun is a lost byte: the frame's CRC tells */
    }
    return got;
}

void mcuq_port_write(const uint8_t *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; ++i) {
        if (!mcuq_wait(UART_FR, TX_FULL, 0)) {
            return;
        }
        UART_DR = data[i];
    }
}
