/* Clock and pins of Stellaris LM3S6965. Its datasheet, chapters 5 (system control) and 8 (GPIO). */
#include "parts.h"

#define RIS 0x400fe050u
#define RCC 0x400fe060u
#define RCGC1 0x400fe104u
#define RCGC2 0x400fe108u
#define GPIOA_AFSEL 0x40004420u
#define GPIOA_DEN 0x4000451cu

#define SYSTEM_DIVIDER(divider) (((divider)-1u) << 23)
#define USE_DIVIDER (1u << 22)
#define PLL_OFF (1u << 13)
#define PLL_BYPASS (1u << 11)
#define CRYSTAL_8_MHZ (0xeu << 6)
#define MAIN_OSCILLATOR_OFF 1u
#define PLL_LOCKED (1u << 6)
#define PLL_HZ 200000000u /* after the divider by two behind it */
#define OSCILLATOR_HZ 8000000u

mcuq_clocks mcuq_clock_start(void)
{
    uint32_t hz = OSCILLATOR_HZ;
    mcuq_change(RCC, USE_DIVIDER, PLL_BYPASS);
    mcuq_change(RCC, 0xfu << 6 | 3u << 4 | PLL_OFF | MAIN_OSCILLATOR_OFF, CRYSTAL_8_MHZ);
    mcuq_change(RCC, 0xfu << 23, SYSTEM_DIVIDER(MCUQ_PLL_DIVIDER) | USE_DIVIDER);
    if (mcuq_wait(RIS, PLL_LOCKED, PLL_LOCKED)) {
        mcuq_change(RCC, PLL_BYPASS, 0);
        hz = PLL_HZ / MCUQ_PLL_DIVIDER;
    } else {
        mcuq_change(RCC, USE_DIVIDER, 0);
    }
    mcuq_change(RCGC1, 0, 1u); /* UART0 */
    mcuq_change(RCGC2, 0, 1u); /* GPIOA: A0 receives, A1 sends */
    (void)MCUQ_REGISTER(RCGC2);
    (void)MCUQ_REGISTER(RCGC2); /* three cycles until a device may be touched */
    mcuq_change(GPIOA_AFSEL, 0, 3u);
    mcuq_change(GPIOA_DEN, 0, 3u);
    return (mcuq_clocks){.core_hz = hz, .uart_hz = hz};
}
