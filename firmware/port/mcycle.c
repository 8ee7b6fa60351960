/* The cycle counter of RISC-V cores that have the standard one. */
#include "parts.h"

static uint32_t hz;

void mcuq_counter_start(uint32_t core_hz)
{
    hz = core_hz;
}

uint32_t mcuq_port_ticks(void)
{
    uint32_t cycles;
    __asm__ volatile("csrr %0, mcycle" : "=r"(cycles));
    return cycles;
}

uint32_t mcuq_port_ticks_hz(void)
{
    return hz;
}
