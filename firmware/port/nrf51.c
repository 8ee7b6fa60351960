/* nRF51 UART and TIMER0. Registers and rules: nRF51 Series Reference Manual, CLOCK, GPIO, UART, TIMER. */
#include "mcuq/port.h"

#define REGISTER(base, offset) (*(volatile uint32_t *)(uintptr_t)((base) + (offset)))

#define CLOCK_TASKS_HFCLKSTART REGISTER(0x40000000u, 0x000u)
#define CLOCK_EVENTS_HFCLKSTARTED REGISTER(0x40000000u, 0x100u)

#define GPIO_OUTSET REGISTER(0x50000000u, 0x508u)
#define GPIO_DIRSET REGISTER(0x50000000u, 0x518u)
#define GPIO_PIN_CNF(pin) REGISTER(0x50000000u, 0x700u + 4u * (pin))

#define UART_TASKS_STARTRX REGISTER(MCUQ_UART_ADDRESS, 0x000u)
#define UART_TASKS_STARTTX REGISTER(MCUQ_UART_ADDRESS, 0x008u)
#define UART_EVENTS_RXDRDY REGISTER(MCUQ_UART_ADDRESS, 0x108u)
#define UART_EVENTS_TXDRDY REGISTER(MCUQ_UART_ADDRESS, 0x11cu)
#define UART_ENABLE REGISTER(MCUQ_UART_ADDRESS, 0x500u)
#define UART_PSELTXD REGISTER(MCUQ_UART_ADDRESS, 0x50cu)
#define UART_PSELRXD REGISTER(MCUQ_UART_ADDRESS, 0x514u)
#define UART_RXD REGISTER(MCUQ_UART_ADDRESS, 0x518u)
#define UART_TXD REGISTER(MCUQ_UART_ADDRESS, 0x51cu)
#define UART_BAUDRATE REGISTER(MCUQ_UART_ADDRESS, 0x524u)

#define TIMER_TASKS_START REGISTER(MCUQ_TIMER_ADDRESS, 0x000u)
#define TIMER_TASKS_CLEAR REGISTER(MCUQ_TIMER_ADDRESS, 0x00cu)
#define TIMER_TASKS_CAPTURE0 REGISTER(MCUQ_TIMER_ADDRESS, 0x040u)
#define TIMER_MODE REGISTER(MCUQ_TIMER_ADDRESS, 0x504u)
#define TIMER_BITMODE REGISTER(MCUQ_TIMER_ADDRESS, 0x508u)
#define TIMER_PRESCALER REGISTER(MCUQ_TIMER_ADDRESS, 0x510u)
#define TIMER_CC0 REGISTER(MCUQ_TIMER_ADDRESS, 0x540u)

#define WAIT_LIMIT 1000000u

#if MCUQ_UART_BAUD == 115200
#define BAUDRATE 0x01d7e000u
#elif MCUQ_UART_BAUD == 230400
#define BAUDRATE 0x03afb000u
#elif MCUQ_UART_BAUD == 1000000
#define BAUDRATE 0x10000000u
#else
#error "nrf51.c knows the baud rates 115200, 230400 and 1000000"
#endif

/* The UART needs the crystal: the internal RC oscillator is too far off. */
static void start_crystal(void)
{
    CLOCK_EVENTS_HFCLKSTARTED = 0;
    CLOCK_TASKS_HFCLKSTART = 1;
    for (uint32_t patience = WAIT_LIMIT; patience != 0 && CLOCK_EVENTS_HFCLKSTARTED == 0; --patience) {
    }
}

void mcuq_port_init(void)
{
    start_crystal();
    GPIO_OUTSET = 1u << MCUQ_UART_TX_PIN; /* an idle line is high */
    GPIO_DIRSET = 1u << MCUQ_UART_TX_PIN;
    GPIO_PIN_CNF(MCUQ_UART_RX_PIN) = 0; /* an input with its buffer connected */
    UART_PSELTXD = MCUQ_UART_TX_PIN;
    UART_PSELRXD = MCUQ_UART_RX_PIN;
    UART_BAUDRATE = BAUDRATE;
    UART_ENABLE = 4;
    UART_EVENTS_RXDRDY = 0;
    UART_EVENTS_TXDRDY = 0;
    UART_TASKS_STARTRX = 1;
    UART_TASKS_STARTTX = 1;
    TIMER_MODE = 0;
    TIMER_BITMODE = 3; /* 32 bits, which only TIMER0 has */
    TIMER_PRESCALER = 0;
    TIMER_TASKS_CLEAR = 1;
    TIMER_TASKS_START = 1;
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
        uint32_t patience = WAIT_LIMIT;
        while (UART_EVENTS_TXDRDY == 0) {
            if (--patience == 0) {
                return;
            }
        }
    }
}

uint32_t mcuq_port_ticks(void)
{
    TIMER_TASKS_CAPTURE0 = 1;
    return TIMER_CC0;
}

uint32_t mcuq_port_ticks_hz(void)
{
    return MCUQ_TIMER_HZ;
}

uint32_t mcuq_port_clock_hz(void)
{
    return MCUQ_CLOCK_HZ;
}
