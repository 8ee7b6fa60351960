/* Clock and UART of nRF51 and nRF52. Registers and rules: their reference manuals, CLOCK, GPIO, UART. */
#include "parts.h"

#define CLOCK_TASKS_HFCLKSTART MCUQ_REGISTER(0x40000000u)
#define CLOCK_EVENTS_HFCLKSTARTED 0x40000100u

/* Pins from 32 on are those of the second port, which only the nRF52840 has. */
#define GPIO(pin, offset) MCUQ_REGISTER(0x50000000u + ((pin) >> 5) * 0x300u + (offset))
#define GPIO_OUTSET(pin) GPIO(pin, 0x508u)
#define GPIO_DIRSET(pin) GPIO(pin, 0x518u)
#define GPIO_PIN_CNF(pin) GPIO(pin, 0x700u + 4u * ((pin)&31u))

#define UART(offset) MCUQ_REGISTER(MCUQ_UART_ADDRESS + (offset))
#define UART_TASKS_STARTRX UART(0x000u)
#define UART_TASKS_STARTTX UART(0x008u)
#define UART_EVENTS_RXDRDY UART(0x108u)
#define UART_EVENTS_TXDRDY UART(0x11cu)
#define UART_ENABLE UART(0x500u)
#define UART_PSELTXD UART(0x50cu)
#define UART_PSELRXD UART(0x514u)
#define UART_RXD UART(0x518u)
#define UART_TXD UART(0x51cu)
#define UART_BAUDRATE UART(0x524u)

#if MCUQ_UART_BAUD == 115200
#define BAUDRATE 0x01d7e000u
#elif MCUQ_UART_BAUD == 230400
#define BAUDRATE 0x03afb000u
#elif MCUQ_UART_BAUD == 1000000
#define BAUDRATE 0x10000000u
#else
#error "nrf5.c knows the baud rates 115200, 230400 and 1000000"
#endif

/* The UART needs the crystal: the internal RC oscillator is too far off. The core runs at the same rate from either. */
mcuq_clocks mcuq_clock_start(void)
{
    MCUQ_REGISTER(CLOCK_EVENTS_HFCLKSTARTED) = 0;
    CLOCK_TASKS_HFCLKSTART = 1;
    (void)mcuq_wait(CLOCK_EVENTS_HFCLKSTARTED, 1, 1);
    return (mcuq_clocks){.core_hz = MCUQ_CLOCK_HZ, .uart_hz = MCUQ_CLOCK_HZ};
}

void mcuq_uart_start(uint32_t uart_hz)
{
    (void)uart_hz; /* the rates above are for the one clock there is */
    GPIO_OUTSET(MCUQ_UART_TX_PIN) = 1u << (MCUQ_UART_TX_PIN & 31u); /* an idle line is high */
    GPIO_DIRSET(MCUQ_UART_TX_PIN) = 1u << (MCUQ_UART_TX_PIN & 31u);
    GPIO_PIN_CNF(MCUQ_UART_RX_PIN) = 0; /* an input with its buffer connected */
    UART_PSELTXD = MCUQ_UART_TX_PIN;
    UART_PSELRXD = MCUQ_UART_RX_PIN;
    UART_BAUDRATE = BAUDRATE;
    UART_ENABLE = 4;
    UART_EVENTS_RXDRDY = 0;
    UART_EVENTS_TXDRDY = 0;
    UART_TASKS_STARTRX = 1;
    UART_TASKS_STARTTX = 1;
}

size_t mcuq_port_read(uint8_t *data, size_t limit)
{
    size_t got = 0;
    while (got < limit && UART_EVENTS_RXDRDY) {
        /* Clear first: reading RXD moves the next byte of the FIFO up, and that sets the event again. */
        UART_EVENTS_RXDRDY = 0;
        data[got++] = (uint8_t)UART_RXD;
    }
    return got;
}

void mcuq_port_write(const uint8_t *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; ++i) {
        UART_EVENTS_TXDRDY = 0;
        UART_TXD = data[i];
        if (!mcuq_wait(MCUQ_UART_ADDRESS + 0x11cu, 1, 1)) {
            return;
        }
    }
}
