/* A port that is made of a clock, a counter and a UART. */
#include "parts.h"

static mcuq_clocks clocks;

void mcuq_port_init(void)
{
    clocks = mcuq_clock_start();
    mcuq_counter_start(clocks.core_hz);
    mcuq_uart_start(clocks.uart_hz);
}

uint32_t mcuq_port_clock_hz(void)
{
    return clocks.core_hz;
}
