/* Both caches of a Cortex-M7, emptied and switched on. Armv7-M architecture manual, B2.2 and B3.2. */
#include "cortex_m7.h"

#include "mcuq/registers.h"

#define CCR 0xe000ed14u
#define CCSIDR MCUQ_REGISTER(0xe000ed80u)
#define CSSELR MCUQ_REGISTER(0xe000ed84u)
#define ICIALLU MCUQ_REGISTER(0xe000ef50u)
#define DCISW MCUQ_REGISTER(0xe000ef60u)

#define BARRIER __asm__ volatile("dsb\n\tisb" ::: "memory")

/* What a data cache holds after a reset is anything: it must be emptied before it is used. Four ways, 32 bytes a line. */
static void empty_data_cache(void)
{
    CSSELR = 0;
    BARRIER;
    uint32_t size = CCSIDR, sets = (size >> 13 & 0x7fffu) + 1u, ways = (size >> 3 & 0x3ffu) + 1u;
    for (uint32_t set = 0; set < sets; ++set) {
        for (uint32_t way = 0; way < ways; ++way) {
            DCISW = way << 30 | set << 5;
        }
    }
    BARRIER;
}

void mcuq_caches_start(void)
{
    BARRIER;
    ICIALLU = 0;
    BARRIER;
    empty_data_cache();
    mcuq_change(CCR, 0, 3u << 16);
    BARRIER;
}
