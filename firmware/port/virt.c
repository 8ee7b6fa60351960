/* QEMU's `virt` machine: a 16550 UART, and a finisher that resets. */
#include "parts.h"
#include "riscv.h"

#define UART(register) (*(volatile uint8_t *)(uintptr_t)(MCUQ_UART_ADDRESS + (register)))
#define UART_DATA UART(0u)
#define UART_FIFO UART(2u)
#define UART_LINE UART(3u)
#define UART_STATE UART(5u)
#define FINISHER MCUQ_REGISTER(0x00100000u)

#define DATA_READY 1u
#define TX_EMPTY (1u << 5)

mcuq_clocks mcuq_clock_start(void)
{
    return (mcuq_clocks){.core_hz = MCUQ_CLOCK_HZ, .uart_hz = MCUQ_CLOCK_HZ};
}

void mcuq_uart_start(uint32_t uart_hz)
{
    (void)uart_hz; /* emulated bytes take no time */
    UART_LINE = 3; /* eight bits */
    UART_FIFO = 7; /* on and empty */
}

size_t mcuq_port_read(uint8_t *data, size_t limit)
{
    size_t got = 0;
    while (got < limit && (UART_STATE & DATA_READY)) {
        data[got++] = UART_DATA;
    }
    return got;
}

void mcuq_port_write(const uint8_t *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; ++i) {
        uint32_t patience = MCUQ_WAIT_LIMIT;
        while (!(UART_STATE & TX_EMPTY)) {
            if (--patience == 0) {
                return;
            }
        }
        UART_DATA = data[i];
    }
}

void mcuq_chip_reset(void)
{
    FINISHER = 0x7777;
}
