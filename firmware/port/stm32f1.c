/* Clock and pins of the STM32F100 value line. RM0041 chapters 6 and 7; flash without wait states up to 24 MHz. */
#include "parts.h"

#define RCC 0x40021000u
#define RCC_CR (RCC + 0x00u)
#define RCC_CFGR (RCC + 0x04u)
#define RCC_APB2ENR (RCC + 0x18u)
#define RCC_CFGR2 (RCC + 0x2cu)
#define GPIOA_CRH 0x40010804u

#define HSI_HZ 8000000u
#define HSE_ON (1u << 16)
#define HSE_READY (1u << 17)
#define PLL_ON (1u << 24)
#define PLL_READY (1u << 25)
#define SWITCH_STATUS (3u << 2)

/* HSE times MCUQ_PLL_MULTIPLIER; the HSI goes on where the crystal does not start. */
static uint32_t start_pll(void)
{
    mcuq_change(RCC_CR, 0, HSE_ON);
    if (!mcuq_wait(RCC_CR, HSE_READY, HSE_READY)) {
        return HSI_HZ;
    }
    mcuq_change(RCC_CFGR2, 15u, 0); /* PREDIV1: not divided */
    mcuq_change(RCC_CFGR, 15u << 18, 1u << 16 | (MCUQ_PLL_MULTIPLIER - 2u) << 18);
    mcuq_change(RCC_CR, 0, PLL_ON);
    if (!mcuq_wait(RCC_CR, PLL_READY, PLL_READY)) {
        return HSI_HZ;
    }
    mcuq_change(RCC_CFGR, 3u, 2u);
    return mcuq_wait(RCC_CFGR, SWITCH_STATUS, 2u << 2) ? MCUQ_HSE_HZ * MCUQ_PLL_MULTIPLIER : HSI_HZ;
}

mcuq_clocks mcuq_clock_start(void)
{
    uint32_t hz = start_pll();
    mcuq_change(RCC_APB2ENR, 0, 1u << 2 | 1u << 14);    /* GPIOA, USART1 */
    mcuq_change(GPIOA_CRH, 0xffu << 4, 0x4bu << 4);     /* A9: alternate output, fast; A10: input */
    return (mcuq_clocks){.core_hz = hz, .uart_hz = hz}; /* no bus is divided */
}
