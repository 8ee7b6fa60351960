/* The die's temperature on the RP2040. Its datasheet, 4.9.5: 0.706 V at 27 degrees Celsius, 1.721 mV less a kelvin. */
#include "parts.h"

#define RESETS_RESET 0x4000c000u
#define RESETS_DONE 0x4000c008u
#define CLK_ADC_CTRL MCUQ_REGISTER(0x40008060u)
#define ADC_CS 0x4004c000u
#define ADC_RESULT MCUQ_REGISTER(0x4004c004u)

#define FROM_CRYSTAL (1u << 11 | 3u << 5)
#define POWERED 3u /* the converter and the sensor's bias */
#define START 4u
#define READY (1u << 8)
#define SENSOR (4u << 12)

/* Microvolts of a step, in 256ths, of the board's 3.3 V: the converter's reference. */
#define STEP_UV_256 206250

uint32_t mcuq_port_temperature_mk(void)
{
    CLK_ADC_CTRL = FROM_CRYSTAL;
    mcuq_change(RESETS_RESET, 1, 0);
    if (!mcuq_wait_briefly(RESETS_DONE, 1, 1, MCUQ_CONVERSION_LIMIT)) {
        return 0;
    }
    MCUQ_REGISTER(ADC_CS) = POWERED | SENSOR;
    if (!mcuq_wait_briefly(ADC_CS, READY, READY, MCUQ_CONVERSION_LIMIT)) {
        return 0;
    }
    MCUQ_REGISTER(ADC_CS) = POWERED | SENSOR | START;
    if (!mcuq_wait_briefly(ADC_CS, READY, READY, MCUQ_CONVERSION_LIMIT)) {
        return 0;
    }
    int32_t sensed_uv = (int32_t)(ADC_RESULT & 0xfffu) * STEP_UV_256 / 256;
    return (uint32_t)(300150 - (sensed_uv - 706000) * 1000 / 1721);
}

uint32_t mcuq_port_supply_mv(void)
{
    return 0;
}
