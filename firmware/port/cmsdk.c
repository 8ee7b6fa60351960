/* CMSDK APB UART and timer: the MPS2 boards of Arm, in FPGA, QEMU and simulator. Addresses come from the board file. */
#include "mcuq/port.h"

#define REGISTER(base, offset) (*(volatile uint32_t *)(uintptr_t)((base) + (offset)))
#define UART_DATA REGISTER(MCUQ_UART_ADDRESS, 0x00u)
#define UART_STATE REGISTER(MCUQ_UART_ADDRESS, 0x04u)
#define UART_CTRL REGISTER(MCUQ_UART_ADDRESS, 0x08u)
#define UART_BAUDDIV REGISTER(MCUQ_UART_ADDRESS, 0x10u)
#define TIMER_CTRL REGISTER(MCUQ_TIMER_ADDRESS, 0x00u)
#define TIMER_VALUE REGISTER(MCUQ_TIMER_ADDRESS, 0x04u)
#define TIMER_RELOAD REGISTER(MCUQ_TIMER_ADDRESS, 0x08u)

#define TX_FULL 1u
#define RX_FULL 2u
#define ERRORS 12u
#define WAIT_LIMIT 1000000u

void mcuq_port_init(void)
{
    UART_BAUDDIV = MCUQ_CLOCK_HZ / MCUQ_UART_BAUD;
    UART_CTRL = 3; /* transmit and receive, no interrupts */
    TIMER_CTRL = 0;
    TIMER_RELOAD = 0xffffffffu;
    TIMER_VALUE = 0xffffffffu;
    TIMER_CTRL = 1;
}

size_t mcuq_port_read(uint8_t *data, size_t limit)
{
    size_t got = 0;
    uint32_t state = UART_STATE;
    if (state & ERRORS) {
        UART_STATE = state & ERRORS; /* an overrun is a lost byte: the frame's CRC tells */
    }
    while (got < limit && (UART_STATE & RX_FULL)) {
        data[got++] = (uint8_t)UART_DATA;
    }
    return got;
}

void mcuq_port_write(const uint8_t *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; ++i) {
        uint32_t patience = WAIT_LIMIT;
        while (UART_STATE & TX_FULL) {
            if (--patience == 0) {
                return;
            }
        }
        UART_DATA = data[i];
    }
}

uint32_t mcuq_port_ticks(void)
{
    return ~TIMER_VALUE; /* it counts down */
}

uint32_t mcuq_port_ticks_hz(void)
{
    return MCUQ_TIMER_HZ;
}

uint32_t mcuq_port_clock_hz(void)
{
    return MCUQ_CLOCK_HZ;
}
