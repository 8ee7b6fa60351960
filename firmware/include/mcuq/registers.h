/* Device registers for the ports: access, changes of single bits, and waits that end. */
#ifndef MCUQ_REGISTERS_H
#define MCUQ_REGISTERS_H

#include <stdbool.h>
#include <stdint.h>

#define MCUQ_REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))

/* Reads of a register before a port gives up: 10 ms and more on every board, longer than any crystal takes. */
#define MCUQ_WAIT_LIMIT 1000000u

/* And for a converter or a sensor, which is done within 50 us. Emulators may not have it, and tell of every read. */
#define MCUQ_CONVERSION_LIMIT 10000u

static inline void mcuq_change(uint32_t address, uint32_t clear, uint32_t set)
{
    MCUQ_REGISTER(address) = (MCUQ_REGISTER(address) & ~clear) | set;
}

/* Whether the bits of `mask` have come to be `value` within so many reads. */
static inline bool mcuq_wait_briefly(uint32_t address, uint32_t mask, uint32_t value, uint32_t patience)
{
    for (; patience != 0; --patience) {
        if ((MCUQ_REGISTER(address) & mask) == value) {
            return true;
        }
    }
    return false;
}

/* The same for clocks, which take long; emulated ones often never get ready. */
static inline bool mcuq_wait(uint32_t address, uint32_t mask, uint32_t value)
{
    return mcuq_wait_briefly(address, mask, value, MCUQ_WAIT_LIMIT);
}

#endif
