/* Clock and pins of STM32F4 and STM32F7. RM0090, RM0390 and RM0385: RCC, PWR, FLASH, GPIO. */
#include "parts.h"
#include "stm32_pins.h"

#ifdef MCUQ_HAS_CORE_CACHES
#include "cortex_m7.h"
#endif

#define RCC 0x40023800u
#define RCC_CR (RCC + 0x00u)
#define RCC_PLLCFGR MCUQ_REGISTER(RCC + 0x04u)
#define RCC_CFGR (RCC + 0x08u)
#define RCC_AHB1ENR (RCC + 0x30u)
#define RCC_APB1ENR (RCC + 0x40u)
#define RCC_APB2ENR (RCC + 0x44u)
#define FLASH_ACR MCUQ_REGISTER(0x40023c00u)
#define PWR_CR 0x40007000u
#define PWR_CSR 0x40007004u
#define GPIO 0x40020000u

#define HSI_HZ 16000000u
#define HSE_ON (1u << 16)
#define HSE_READY (1u << 17)
#define HSE_BYPASS (1u << 18)
#define PLL_ON (1u << 24)
#define PLL_READY (1u << 25)
#define SWITCH_STATUS (3u << 2)
#define OVERDRIVE (1u << 16)
#define OVERDRIVE_SWITCH (1u << 17)

#define PLL_HZ (MCUQ_HSE_HZ / MCUQ_PLL_M * MCUQ_PLL_N / MCUQ_PLL_P)

/* PPRE codes 4, 5, 6 divide by 2, 4, 8. */
#define APB_CODE(shift) ((shift) ? 3u + (shift) : 0u)

#ifdef MCUQ_HSE_IS_BYPASSED
#define HSE (HSE_ON | HSE_BYPASS)
#else
#define HSE HSE_ON
#endif

/* Above the rate that the voltage scale alone allows. */
static bool start_overdrive(void)
{
#ifdef MCUQ_NEEDS_OVERDRIVE
    mcuq_change(PWR_CR, 0, OVERDRIVE);
    if (!mcuq_wait(PWR_CSR, OVERDRIVE, OVERDRIVE)) {
        return false;
    }
    mcuq_change(PWR_CR, 0, OVERDRIVE_SWITCH);
    return mcuq_wait(PWR_CSR, OVERDRIVE_SWITCH, OVERDRIVE_SWITCH);
#else
    return true;
#endif
}

/* Whether the core runs from the PLL; otherwise it stays on the internal oscillator, and no bus is divided. */
static bool start_pll(void)
{
    mcuq_change(RCC_CR, 0, HSE);
    if (!mcuq_wait(RCC_CR, HSE_READY, HSE_READY)) {
        return false;
    }
    mcuq_change(RCC_APB1ENR, 0, 1u << 28); /* PWR; it comes up in the highest voltage scale */
    RCC_PLLCFGR = MCUQ_PLL_M | MCUQ_PLL_N << 6 | (MCUQ_PLL_P / 2u - 1u) << 16 | 1u << 22 | MCUQ_PLL_Q << 24;
    mcuq_change(RCC_CR, 0, PLL_ON);
    if (!start_overdrive() || !mcuq_wait(RCC_CR, PLL_READY, PLL_READY)) {
        return false;
    }
    /* Wait states before speed. Prefetch (8); caches of instructions and data on F4 (9, 10), the accelerator on F7 (9). */
    FLASH_ACR = MCUQ_FLASH_WAIT_STATES | 7u << 8;
    if ((FLASH_ACR & 15u) != MCUQ_FLASH_WAIT_STATES) {
        return false;
    }
    mcuq_change(RCC_CFGR, 0xfcf0u, APB_CODE(MCUQ_APB1_SHIFT) << 10 | APB_CODE(MCUQ_APB2_SHIFT) << 13);
    mcuq_change(RCC_CFGR, 3u, 2u);
    return mcuq_wait(RCC_CFGR, SWITCH_STATUS, 2u << 2);
}

mcuq_clocks mcuq_clock_start(void)
{
    bool is_fast = start_pll();
#ifdef MCUQ_HAS_CORE_CACHES
    mcuq_caches_start();
#endif
    mcuq_change(RCC_AHB1ENR, 0, 1u << (MCUQ_UART_TX_PIN >> 4) | 1u << (MCUQ_UART_RX_PIN >> 4));
    mcuq_change(MCUQ_UART_APB == 1 ? RCC_APB1ENR : RCC_APB2ENR, 0, 1u << MCUQ_UART_ENABLE_BIT);
    (void)MCUQ_REGISTER(RCC_AHB1ENR); /* a peripheral may be touched two cycles after its clock came on */
    mcuq_stm32_alternate(GPIO, MCUQ_UART_TX_PIN, MCUQ_UART_FUNCTION);
    mcuq_stm32_alternate(GPIO, MCUQ_UART_RX_PIN, MCUQ_UART_FUNCTION);
    uint32_t hz = is_fast ? PLL_HZ : HSI_HZ;
    uint32_t shift = !is_fast ? 0u : MCUQ_UART_APB == 1 ? MCUQ_APB1_SHIFT : MCUQ_APB2_SHIFT;
    return (mcuq_clocks){.core_hz = hz, .uart_hz = hz >> shift};
}
