/* Clock and pins of STM32U5 without TrustZone. RM0456: PWR (10), RCC (11), FLASH (7), ICACHE (8), GPIO (13). */
#include "parts.h"
#include "stm32_pins.h"

#define RCC 0x46020c00u
#define RCC_CR (RCC + 0x00u)
#define RCC_CFGR1 (RCC + 0x1cu)
#define RCC_PLL1CFGR MCUQ_REGISTER(RCC + 0x28u)
#define RCC_PLL1DIVR MCUQ_REGISTER(RCC + 0x34u)
#define RCC_AHB2ENR1 (RCC + 0x8cu)
#define RCC_AHB3ENR (RCC + 0x94u)
#define RCC_APB2ENR (RCC + 0xa4u)
#define PWR_VOSR 0x4602080cu
#define FLASH_ACR 0x40022000u
#define ICACHE_CR 0x40030400u
#define GPIO 0x42020000u

#define MSIS_HZ 4000000u
#define HSI16_HZ 16000000u
#define HSI16_ON (1u << 8)
#define HSI16_READY (1u << 10)
#define PLL1_ON (1u << 24)
#define PLL1_READY (1u << 25)
#define SWITCH_STATUS (3u << 2)
#define VOS (3u << 16)
#define VOS_READY (1u << 15)
#define BOOST (1u << 18)
#define BOOST_READY (1u << 14)

#define PLL_HZ (HSI16_HZ * MCUQ_PLL_N / MCUQ_PLL_R)

/* Voltage range 1 with the boost that more than 55 MHz needs; the booster's clock is the PLL's input, undivided. */
static bool start_power(void)
{
    mcuq_change(PWR_VOSR, VOS, VOS);
    if (!mcuq_wait(PWR_VOSR, VOS_READY, VOS_READY)) {
        return false;
    }
    mcuq_change(PWR_VOSR, 0, BOOST);
    return mcuq_wait(PWR_VOSR, BOOST_READY, BOOST_READY);
}

/* Whether the core runs from PLL1; otherwise it stays on the MSIS, as the reset left it. */
static bool start_pll(void)
{
    mcuq_change(RCC_CR, 0, HSI16_ON);
    if (!mcuq_wait(RCC_CR, HSI16_READY, HSI16_READY)) {
        return false;
    }
    RCC_PLL1CFGR = 2u | 3u << 2 | 1u << 18; /* from HSI16, undivided: an input of 8 to 16 MHz; output R */
    RCC_PLL1DIVR = (MCUQ_PLL_N - 1u) | 1u << 9 | 1u << 16 | (MCUQ_PLL_R - 1u) << 24;
    if (!start_power()) {
        return false;
    }
    mcuq_change(RCC_CR, 0, PLL1_ON);
    /* Wait states before speed; prefetch. */
    mcuq_change(FLASH_ACR, 15u, MCUQ_FLASH_WAIT_STATES | 1u << 8);
    if (!mcuq_wait(FLASH_ACR, 15u, MCUQ_FLASH_WAIT_STATES) || !mcuq_wait(RCC_CR, PLL1_READY, PLL1_READY)) {
        return false;
    }
    mcuq_change(RCC_CFGR1, 3u, 3u);
    return mcuq_wait(RCC_CFGR1, SWITCH_STATUS, 3u << 2);
}

mcuq_clocks mcuq_clock_start(void)
{
    mcuq_change(RCC_AHB3ENR, 0, 1u << 2); /* PWR */
    (void)MCUQ_REGISTER(RCC_AHB3ENR);
    uint32_t hz = start_pll() ? PLL_HZ : MSIS_HZ;
    mcuq_change(ICACHE_CR, 0, 1u); /* code and constants in flash pass through it */
    mcuq_change(RCC_AHB2ENR1, 0, 1u << (MCUQ_UART_TX_PIN >> 4) | 1u << (MCUQ_UART_RX_PIN >> 4));
    mcuq_change(RCC_APB2ENR, 0, 1u << 14); /* USART1, fed by APB2 */
    (void)MCUQ_REGISTER(RCC_APB2ENR);
    mcuq_stm32_alternate(GPIO, MCUQ_UART_TX_PIN, MCUQ_UART_FUNCTION);
    mcuq_stm32_alternate(GPIO, MCUQ_UART_RX_PIN, MCUQ_UART_FUNCTION);
    return (mcuq_clocks){.core_hz = hz, .uart_hz = hz}; /* no bus is divided */
}
