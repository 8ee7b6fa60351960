/* The die's temperature and the supply of STM32F4 and STM32F7 by ADC1. RM0090 13, RM0385 15; factory words: datasheets. */
#include "parts.h"

#define RCC_APB2ENR 0x40023844u
#define ADC 0x40012000u
#define ADC_SR (ADC + 0x00u)
#define ADC_CR2 (ADC + 0x08u)
#define ADC_SMPR1 MCUQ_REGISTER(ADC + 0x0cu)
#define ADC_SQR1 MCUQ_REGISTER(ADC + 0x2cu)
#define ADC_SQR3 MCUQ_REGISTER(ADC + 0x34u)
#define ADC_DR MCUQ_REGISTER(ADC + 0x4cu)
#define ADC_CCR (ADC + 0x304u)

#define ADC_ENABLE (1u << 8)
#define POWER_ON 1u
#define START (1u << 30)
#define IS_CONVERTED 2u
#define BUS_DIVIDED_BY_8 (3u << 16)
#define TEMPERATURE_AND_REFERENCE (1u << 23)
#define BATTERY (1u << 22) /* shares the temperature's channel on some parts */
#define LONGEST_SAMPLE (0x1ffu << 18)

#define REFERENCE_CHANNEL 17u
#define FACTORY_MV 3300
#define FACTORY_WORD(index) (*(const volatile uint16_t *)(uintptr_t)(MCUQ_FACTORY_WORDS + 2u * (index)))

/* One conversion; 0 where none comes. */
static int32_t converted(uint32_t channel)
{
    ADC_SQR1 = 0;
    ADC_SQR3 = channel;
    MCUQ_REGISTER(ADC_SR) = 0;
    mcuq_change(ADC_CR2, 0, START);
    return mcuq_wait_briefly(ADC_SR, IS_CONVERTED, IS_CONVERTED, MCUQ_CONVERSION_LIMIT) ? (int32_t)(ADC_DR & 0xfffu) : 0;
}

static void power_up(void)
{
    mcuq_change(RCC_APB2ENR, 0, ADC_ENABLE);
    (void)MCUQ_REGISTER(RCC_APB2ENR);
    mcuq_change(ADC_CCR, BATTERY, BUS_DIVIDED_BY_8 | TEMPERATURE_AND_REFERENCE);
    ADC_SMPR1 = LONGEST_SAMPLE;
    mcuq_change(ADC_CR2, 0, POWER_ON);
    /* Both need 10 us. */
    for (unsigned i = 0; i < MCUQ_CLOCK_HZ / 100000u; ++i) {
        __asm__ volatile("nop");
    }
}

uint32_t mcuq_port_supply_mv(void)
{
    power_up();
    int32_t reference = converted(REFERENCE_CHANNEL);
    return reference == 0 ? 0 : (uint32_t)(FACTORY_MV * (int32_t)FACTORY_WORD(0) / reference);
}

uint32_t mcuq_port_temperature_mk(void)
{
    int32_t supply_mv = (int32_t)mcuq_port_supply_mv();
    int32_t at_30 = FACTORY_WORD(1);
    int32_t span = FACTORY_WORD(2) - at_30; /* of 80 kelvin, at 3.3 V */
    int32_t sensed = converted(MCUQ_TEMPERATURE_CHANNEL) * supply_mv / FACTORY_MV;
    if (sensed == 0 || span <= 0) {
        return 0;
    }
    return (uint32_t)(303150 + (sensed - at_30) * 80000 / span);
}
