/* Clocks, pins and counter of the RP2040. Its datasheet: 2.14 RESETS, 2.15 CLOCKS, 2.16 XOSC, 2.18 PLL, 2.19 GPIO, 4.6, 4.7. */
#include "parts.h"

#define RESETS_RESET 0x4000c000u
#define RESETS_DONE 0x4000c008u
#define XOSC_CTRL MCUQ_REGISTER(0x40024000u)
#define XOSC_STATUS 0x40024004u
#define XOSC_STARTUP MCUQ_REGISTER(0x4002400cu)
#define PLL_CS 0x40028000u
#define PLL_PWR 0x40028004u
#define PLL_FBDIV MCUQ_REGISTER(0x40028008u)
#define PLL_PRIM MCUQ_REGISTER(0x4002800cu)
#define CLK_REF_CTRL 0x40008030u
#define CLK_REF_SELECTED 0x40008038u
#define CLK_SYS_CTRL 0x4000803cu
#define CLK_SYS_SELECTED 0x40008044u
#define CLK_PERI_CTRL MCUQ_REGISTER(0x40008048u)
#define WATCHDOG_TICK MCUQ_REGISTER(0x4005802cu)
#define GPIO_CTRL(pin) MCUQ_REGISTER(0x40014004u + 8u * (pin))
#define TIMERAWL MCUQ_REGISTER(MCUQ_TIMER_ADDRESS + 0x28u)
#define SYST_CSR MCUQ_REGISTER(0xe000e010u)
#define SYST_RVR MCUQ_REGISTER(0xe000e014u)
#define SYST_CVR MCUQ_REGISTER(0xe000e018u)

#define PINS (1u << 5 | 1u << 8)
#define PLL (1u << 12)
#define TIMER (1u << 21)
#define UART0 (1u << 22)
#define STABLE (1u << 31)
#define LOCKED (1u << 31)
#define ROSC_HZ 6500000u /* as the reset leaves it; 1.8 to 12 MHz */
#define XOSC_HZ 12000000u

/* 12 MHz * 125 / 6 / 2 = 125 MHz. */
#define PLL_FEEDBACK 125u
#define PLL_DIVIDER_1 6u
#define PLL_DIVIDER_2 2u
#define PLL_HZ (XOSC_HZ * PLL_FEEDBACK / PLL_DIVIDER_1 / PLL_DIVIDER_2)

#define SYSTICK_LAST 0xffffffu

static uint32_t clock_mhz, first_us;

static void start_devices(uint32_t devices)
{
    mcuq_change(RESETS_RESET, 0, devices);
    mcuq_change(RESETS_RESET, devices, 0);
    (void)mcuq_wait(RESETS_DONE, devices, devices);
}

static bool start_pll(void)
{
    start_devices(PLL);
    MCUQ_REGISTER(PLL_CS) = 1; /* the reference is not divided */
    PLL_FBDIV = PLL_FEEDBACK;
    mcuq_change(PLL_PWR, 1u << 0 | 1u << 5, 0);
    if (!mcuq_wait(PLL_CS, LOCKED, LOCKED)) {
        return false;
    }
    PLL_PRIM = PLL_DIVIDER_1 << 16 | PLL_DIVIDER_2 << 12;
    mcuq_change(PLL_PWR, 1u << 3, 0);
    mcuq_change(CLK_SYS_CTRL, 7u << 5, 0); /* the PLL behind the second switch */
    mcuq_change(CLK_SYS_CTRL, 1u, 1u);
    return mcuq_wait(CLK_SYS_SELECTED, 3u, 2u);
}

static uint32_t start_clocks(void)
{
    /* A reset of the core alone may find the PLL in use: leave it before it is touched. */
    mcuq_change(CLK_SYS_CTRL, 1u, 0);
    (void)mcuq_wait(CLK_SYS_SELECTED, 3u, 1u);
    XOSC_STARTUP = XOSC_HZ / 1000u / 256u + 1u; /* one millisecond */
    XOSC_CTRL = 0xfabu << 12 | 0xaa0u;
    if (!mcuq_wait(XOSC_STATUS, STABLE, STABLE)) {
        return ROSC_HZ;
    }
    mcuq_change(CLK_REF_CTRL, 3u, 2u);
    if (!mcuq_wait(CLK_REF_SELECTED, 15u, 1u << 2)) {
        return ROSC_HZ;
    }
    return start_pll() ? PLL_HZ : XOSC_HZ;
}

mcuq_clocks mcuq_clock_start(void)
{
    uint32_t hz = start_clocks();
    CLK_PERI_CTRL = 1u << 11;                              /* from the core's clock */
    WATCHDOG_TICK = XOSC_HZ / 1000000u | 1u << 9;          /* the microsecond of the timer */
    start_devices(PINS | TIMER | UART0);
    GPIO_CTRL(MCUQ_UART_TX_PIN) = 2;
    GPIO_CTRL(MCUQ_UART_RX_PIN) = 2;
    return (mcuq_clocks){.core_hz = hz, .uart_hz = hz};
}

void mcuq_counter_start(uint32_t core_hz)
{
    clock_mhz = core_hz / 1000000u;
    SYST_RVR = SYSTICK_LAST;
    SYST_CVR = 0;
    SYST_CSR = 5; /* core clock, no interrupt */
    first_us = TIMERAWL;
}

/* SysTick counts cycles, but only 24 bits; the timer, from the same crystal, tells how often it has wrapped. */
uint32_t mcuq_port_ticks(void)
{
    uint32_t about = (TIMERAWL - first_us) * clock_mhz;
    uint32_t low = SYSTICK_LAST - SYST_CVR;
    uint32_t ahead = (low - about) & SYSTICK_LAST;
    return about + ahead - (ahead > SYSTICK_LAST / 2u ? SYSTICK_LAST + 1u : 0u);
}

uint32_t mcuq_port_ticks_hz(void)
{
    return clock_mhz * 1000000u;
}
