/* The cycle counter of Cortex-M3 and larger (DWT). Where an emulator lacks it, SysTick, made longer by its interrupt. */
#include "parts.h"

#define DEMCR MCUQ_REGISTER(0xe000edfcu)
#define DWT_CTRL MCUQ_REGISTER(MCUQ_TIMER_ADDRESS + 0x0u)
#define DWT_CYCCNT MCUQ_REGISTER(MCUQ_TIMER_ADDRESS + 0x4u)
#define SYST_CSR MCUQ_REGISTER(0xe000e010u)
#define SYST_RVR MCUQ_REGISTER(0xe000e014u)
#define SYST_CVR MCUQ_REGISTER(0xe000e018u)

#define TRACE_ENABLE (1u << 24)
#define SYSTICK_BITS 24u
#define SYSTICK_LAST ((1u << SYSTICK_BITS) - 1u)

static bool uses_systick;
static volatile uint32_t wraps;
static uint32_t hz;

void mcuq_systick_handler(void);

void mcuq_systick_handler(void)
{
    wraps = wraps + 1u;
}

static bool dwt_counts(void)
{
    DEMCR |= TRACE_ENABLE;
    DWT_CYCCNT = 0;
    DWT_CTRL |= 1u;
    uint32_t before = DWT_CYCCNT;
    for (unsigned i = 0; i < 16u; ++i) {
        __asm__ volatile("nop");
    }
    return DWT_CYCCNT != before;
}

void mcuq_counter_start(uint32_t core_hz)
{
    hz = core_hz;
    uses_systick = !dwt_counts();
    if (uses_systick) {
        wraps = 0;
        SYST_RVR = SYSTICK_LAST;
        SYST_CVR = 0;
        SYST_CSR = 7; /* core clock, interrupt, on */
    }
}

uint32_t mcuq_port_ticks(void)
{
    if (!uses_systick) {
        return DWT_CYCCNT;
    }
    uint32_t before, count;
    do { /* a wrap in between would tear the two halves apart */
        before = wraps;
        count = SYSTICK_LAST - SYST_CVR;
    } while (before != wraps);
    return (before << SYSTICK_BITS) + count;
}

uint32_t mcuq_port_ticks_hz(void)
{
    return hz;
}
