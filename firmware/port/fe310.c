/* Clock, UART and reset of SiFive's FE310-G002 (HiFive1 rev B). FE310-G002 manual, chapters 6, 13, 14, 17, 18, 19. */
#include "parts.h"
#include "riscv.h"

#define HFROSCCFG 0x10008000u
#define HFXOSCCFG 0x10008004u
#define PLLCFG 0x10008008u
#define PLLOUTDIV MCUQ_REGISTER(0x1000800cu)
#define SPI_SCKDIV MCUQ_REGISTER(0x10014000u)
#define GPIO_IOF_EN 0x10012038u
#define GPIO_IOF_SEL 0x1001203cu
#define WDOGCFG MCUQ_REGISTER(0x10000000u)
#define WDOGCMP MCUQ_REGISTER(0x10000020u)
#define WDOGKEY MCUQ_REGISTER(0x1000001cu)
#define UART_TXDATA (MCUQ_UART_ADDRESS + 0x00u)
#define UART_RXDATA MCUQ_REGISTER(MCUQ_UART_ADDRESS + 0x04u)
#define UART_TXCTRL MCUQ_REGISTER(MCUQ_UART_ADDRESS + 0x08u)
#define UART_RXCTRL MCUQ_REGISTER(MCUQ_UART_ADDRESS + 0x0cu)
#define UART_DIV MCUQ_REGISTER(MCUQ_UART_ADDRESS + 0x18u)

#define ON (1u << 30)
#define READY (1u << 31)
#define PLL_SELECT (1u << 16)
#define PLL_FROM_CRYSTAL (1u << 17)
#define PLL_BYPASS (1u << 18)
#define ROSC_HZ 13800000u /* as the reset leaves it: 72 MHz by 5, trimmed; at best some percent exact */

/* 16 MHz / R 2 * F 64 / Q 2 = 256 MHz. R, F and Q are coded as r - 1, f / 2 - 1 and log2 q. */
#define CRYSTAL_HZ 16000000u
#define PLL_R 1u
#define PLL_F 31u
#define PLL_Q 1u
#define PLL_HZ (CRYSTAL_HZ / (PLL_R + 1u) * (2u * (PLL_F + 1u)) >> PLL_Q)

static uint32_t start_pll(void)
{
    mcuq_change(HFXOSCCFG, 0, ON);
    if (!mcuq_wait(HFXOSCCFG, READY, READY)) {
        return ROSC_HZ;
    }
    /* The code runs from this flash, which reads at 50 MHz at most: 256 MHz / 8. */
    SPI_SCKDIV = 3;
    MCUQ_REGISTER(PLLCFG) = PLL_FROM_CRYSTAL | PLL_BYPASS | PLL_Q << 10 | PLL_F << 4 | PLL_R;
    PLLOUTDIV = 1u << 8; /* not divided further */
    mcuq_change(PLLCFG, PLL_BYPASS, 0);
    for (unsigned i = 0; i < 4000u; ++i) {
        __asm__ volatile("nop"); /* the lock bit means something only 100 us after the PLL was started */
    }
    if (!mcuq_wait(PLLCFG, READY, READY)) {
        return ROSC_HZ;
    }
    mcuq_change(PLLCFG, 0, PLL_SELECT);
    mcuq_change(HFROSCCFG, ON, 0);
    return PLL_HZ;
}

mcuq_clocks mcuq_clock_start(void)
{
    uint32_t hz = start_pll();
    mcuq_change(GPIO_IOF_SEL, 3u << 16, 0); /* pins 16 and 17: UART0 */
    mcuq_change(GPIO_IOF_EN, 0, 3u << 16);
    return (mcuq_clocks){.core_hz = hz, .uart_hz = hz};
}

void mcuq_uart_start(uint32_t uart_hz)
{
    UART_DIV = (uart_hz + MCUQ_UART_BAUD / 2u) / MCUQ_UART_BAUD - 1u;
    UART_TXCTRL = 1;
    UART_RXCTRL = 1;
}

size_t mcuq_port_read(uint8_t *data, size_t limit)
{
    size_t got = 0;
    while (got < limit) {
        uint32_t received = UART_RXDATA;
        if (received & (1u << 31)) {
            break;
        }
        data[got++] = (uint8_t)received;
    }
    return got;
}

void mcuq_port_write(const uint8_t *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; ++i) {
        if (!mcuq_wait(UART_TXDATA, 1u << 31, 0)) {
            return;
        }
        MCUQ_REGISTER(UART_TXDATA) = data[i];
    }
}

/* The watchdog, always running, with nothing to wait for; every one of its registers has to be unlocked. */
void mcuq_chip_reset(void)
{
    WDOGKEY = 0x51f15eu;
    WDOGCMP = 0;
    WDOGKEY = 0x51f15eu;
    WDOGCFG = 1u << 8 | 1u << 12; /* reset, always */
    for (volatile uint32_t patience = 100000u; patience != 0; --patience) {
    }
}
