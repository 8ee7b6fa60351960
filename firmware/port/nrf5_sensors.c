/* The die's temperature on nRF51 and nRF52. Reference manuals, TEMP: quarters of a degree Celsius. */
#include "parts.h"

#define TEMP 0x4000c000u
#define TEMP_START MCUQ_REGISTER(TEMP + 0x000u)
#define TEMP_STOP MCUQ_REGISTER(TEMP + 0x004u)
#define TEMP_READY (TEMP + 0x100u)
#define TEMP_VALUE MCUQ_REGISTER(TEMP + 0x508u)

uint32_t mcuq_port_temperature_mk(void)
{
    MCUQ_REGISTER(TEMP_READY) = 0;
    TEMP_START = 1;
    bool is_ready = mcuq_wait_briefly(TEMP_READY, 1, 1, MCUQ_CONVERSION_LIMIT);
    /* Ten bits with their sign: the nRF51 leaves those above it clear (its anomaly 28). */
    int32_t quarters = (int32_t)(TEMP_VALUE & 0x3ffu);
    TEMP_STOP = 1; /* its anomaly 30: it would stay powered */
    if (!is_ready) {
        return 0;
    }
    quarters -= (quarters & 0x200) ? 0x400 : 0;
    return (uint32_t)(273150 + quarters * 250);
}

uint32_t mcuq_port_supply_mv(void)
{
    return 0;
}
