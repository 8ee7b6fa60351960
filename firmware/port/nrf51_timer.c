/* TIMER0 of the nRF51, whose Cortex-M0 has neither a cycle counter nor SysTick. nRF51 Series Reference Manual, TIMER. */
#include "parts.h"

#define TIMER(offset) MCUQ_REGISTER(MCUQ_TIMER_ADDRESS + (offset))
#define TIMER_TASKS_START TIMER(0x000u)
#define TIMER_TASKS_CLEAR TIMER(0x00cu)
#define TIMER_TASKS_CAPTURE0 TIMER(0x040u)
#define TIMER_MODE TIMER(0x504u)
#define TIMER_BITMODE TIMER(0x508u)
#define TIMER_PRESCALER TIMER(0x510u)
#define TIMER_CC0 TIMER(0x540u)

void mcuq_counter_start(uint32_t core_hz)
{
    (void)core_hz;
    TIMER_MODE = 0;
    TIMER_BITMODE = 3; /* 32 bits, which only TIMER0 has */
    TIMER_PRESCALER = 0;
    TIMER_TASKS_CLEAR = 1;
    TIMER_TASKS_START = 1;
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
