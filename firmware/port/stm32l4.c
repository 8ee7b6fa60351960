/* Clock and pins of STM32L4+. RM0432: PWR (5), RCC (6), FLASH (3), GPIO (8). */
#include "parts.h"
#include "stm32_pins.h"

#define RCC 0x40021000u
#define RCC_CR (RCC + 0x00u)
#define RCC_CFGR (RCC + 0x08u)
#define RCC_PLLCFGR MCUQ_REGISTER(RCC + 0x0cu)
#define RCC_AHB2ENR (RCC + 0x4cu)
#define RCC_APB1ENR1 (RCC + 0x58u)
#define RCC_APB1ENR2 (RCC + 0x5cu)
#define PWR_CR2 0x40007004u
#define PWR_CR5 0x40007080u
#define FLASH_ACR 0x40022000u
#define GPIO 0x48000000u

#define MSI_HZ 4000000u
#define HSI16_HZ 16000000u
#define HSI16_ON (1u << 8)
#define HSI16_READY (1u << 10)
#define PLL_ON (1u << 24)
#define PLL_READY (1u << 25)
#define SWITCH_STATUS (3u << 2)
#define NO_BOOST (1u << 8)
#define IO2_VALID (1u << 9)

#define PLL_HZ (HSI16_HZ / MCUQ_PLL_M * MCUQ_PLL_N / 2u)

/* Whether the core runs from the PLL; otherwise it stays on the MSI, as the reset left it. */
static bool start_pll(void)
{
    mcuq_change(RCC_CR, 0, HSI16_ON);
    if (!mcuq_wait(RCC_CR, HSI16_READY, HSI16_READY)) {
        return false;
    }
    mcuq_change(PWR_CR5, NO_BOOST, 0); /* range 1 boost: above 80 MHz */
    RCC_PLLCFGR = 2u | (MCUQ_PLL_M - 1u) << 4 | MCUQ_PLL_N << 8 | 1u << 24; /* from HSI16; R divides by 2 */
    mcuq_change(RCC_CR, 0, PLL_ON);
    /* Wait states before speed; prefetch and both caches. */
    mcuq_change(FLASH_ACR, 15u, MCUQ_FLASH_WAIT_STATES | 7u << 8);
    if (!mcuq_wait(FLASH_ACR, 15u, MCUQ_FLASH_WAIT_STATES) || !mcuq_wait(RCC_CR, PLL_READY, PLL_READY)) {
        return false;
    }
    /* Half of the speed for a microsecond in between, as RM0432 5.1.7 asks. */
    mcuq_change(RCC_CFGR, 15u << 4, 8u << 4);
    mcuq_change(RCC_CFGR, 3u, 3u);
    bool is_switched = mcuq_wait(RCC_CFGR, SWITCH_STATUS, 3u << 2);
    for (unsigned i = 0; i < 120u; ++i) {
        __asm__ volatile("nop");
    }
    mcuq_change(RCC_CFGR, 15u << 4, 0);
    return is_switched;
}

mcuq_clocks mcuq_clock_start(void)
{
    mcuq_change(RCC_APB1ENR1, 0, 1u << 28); /* PWR */
    (void)MCUQ_REGISTER(RCC_APB1ENR1);
    uint32_t hz = start_pll() ? PLL_HZ : MSI_HZ;
    mcuq_change(PWR_CR2, 0, IO2_VALID); /* pins G2 to G15 have a supply of their own */
    mcuq_change(RCC_AHB2ENR, 0, 1u << (MCUQ_UART_TX_PIN >> 4) | 1u << (MCUQ_UART_RX_PIN >> 4));
    mcuq_change(RCC_APB1ENR2, 0, 1u); /* LPUART1, fed by APB1 */
    (void)MCUQ_REGISTER(RCC_APB1ENR2);
    mcuq_stm32_alternate(GPIO, MCUQ_UART_TX_PIN, MCUQ_UART_FUNCTION);
    mcuq_stm32_alternate(GPIO, MCUQ_UART_RX_PIN, MCUQ_UART_FUNCTION);
    return (mcuq_clocks){.core_hz = hz, .uart_hz = hz}; /* no bus is divided */
}
