/* The marker pin as the board file tells it: registers to set up, and one write each that makes it high and low. */
#include "marker.h"

#include <stddef.h>
#include <stdint.h>

#if defined(MCUQ_MARKER_SETUP)

#define REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))

void mcuq_marker_init(void)
{
    /* address, bits to clear, bits to set; in this order */
    static const uint32_t setup[][3] = { MCUQ_MARKER_SETUP };

    for (size_t i = 0; i < sizeof setup / sizeof setup[0]; i++) {
        REGISTER(setup[i][0]) = (REGISTER(setup[i][0]) & ~setup[i][1]) | setup[i][2];
    }
    mcuq_marker_set(true);
}

void mcuq_marker_set(bool is_high)
{
    if (is_high) {
        REGISTER(MCUQ_MARKER_HIGH_ADDRESS) = MCUQ_MARKER_HIGH_VALUE;
    } else {
        REGISTER(MCUQ_MARKER_LOW_ADDRESS) = MCUQ_MARKER_LOW_VALUE;
    }
}

#else

void mcuq_marker_init(void)
{
}

void mcuq_marker_set(bool is_high)
{
    (void)is_high;
}

#endif
