/* Boot header, watchdogs, clock, UART, counter and reset of the ESP32-C3. Technical reference manual: chapters 6 (clocks),
 * 9 (low-power management), 10 (SYSTIMER), 12 (watchdogs), 26 (UART). The ROM maps the first 4 MB of flash for a program
 * that begins with its direct-boot mark, for code at 0x42000000 and for data at 0x3c000000. */
#include "parts.h"
#include "riscv.h"

/* What the ROM looks for; it jumps to the instruction behind it. */
__attribute__((used, section(".mcuq_boot"))) static const uint32_t direct_boot[2] = { 0xaedb041du, 0xaedb041du };

#define RTC_OPTIONS0 0x60008000u
#define RTC_WDT_CONFIG0 MCUQ_REGISTER(0x60008090u)
#define RTC_WDT_PROTECT MCUQ_REGISTER(0x600080a8u)
#define RTC_SWD_CONFIG 0x600080acu
#define RTC_SWD_PROTECT MCUQ_REGISTER(0x600080b0u)
#define TIMG_WDT_CONFIG0(group) MCUQ_REGISTER(0x6001f048u + 0x1000u * (group))
#define TIMG_WDT_PROTECT(group) MCUQ_REGISTER(0x6001f064u + 0x1000u * (group))
#define SYSCLK_CONF 0x600c0058u
#define PERIP_CLK_EN0 0x600c0010u
#define SYSTIMER_CONF MCUQ_REGISTER(MCUQ_TIMER_ADDRESS + 0x00u)
#define SYSTIMER_OP (MCUQ_TIMER_ADDRESS + 0x04u)
#define SYSTIMER_LOW MCUQ_REGISTER(MCUQ_TIMER_ADDRESS + 0x44u)
#define UART_FIFO MCUQ_REGISTER(MCUQ_UART_ADDRESS + 0x00u)
#define UART_CLKDIV MCUQ_REGISTER(MCUQ_UART_ADDRESS + 0x14u)
#define UART_STATUS MCUQ_REGISTER(MCUQ_UART_ADDRESS + 0x1cu)
#define UART_CONF0 MCUQ_REGISTER(MCUQ_UART_ADDRESS + 0x20u)
#define UART_CLK_CONF MCUQ_REGISTER(MCUQ_UART_ADDRESS + 0x78u)

#define WDT_KEY 0x50d83aa1u
#define SWD_KEY 0x8f1d312au
#define SWD_FEEDS_ITSELF (1u << 31)
#define SYSTEM_RESET (1u << 31)
#define CLOCK_SELECTION (3u << 10) /* 0: the crystal */
#define CLOCK_DIVIDER 0x3ffu
#define UART0_CLOCK (1u << 2)
#define SYSTIMER_CLOCK (1u << 29)
#define UNIT_0_RUNS (1u << 30)
#define CLOCK_ON (1u << 31)
#define TAKE_VALUE (1u << 30)
#define VALUE_IS_VALID (1u << 29)
#define EIGHT_BITS_ONE_STOP (3u << 2 | 1u << 4)
#define FIFO_RESETS (1u << 17 | 1u << 18)
#define FROM_CRYSTAL (3u << 20 | 1u << 22 | 1u << 24 | 1u << 25) /* source, on, for sending, for receiving */
#define FIFO_BYTES 128u

/* The ROM leaves four of them running; each has a lock. */
static void stop_watchdogs(void)
{
    for (unsigned group = 0; group < 2u; ++group) {
        TIMG_WDT_PROTECT(group) = WDT_KEY;
        TIMG_WDT_CONFIG0(group) = 0;
        TIMG_WDT_PROTECT(group) = 0;
    }
    RTC_WDT_PROTECT = WDT_KEY;
    RTC_WDT_CONFIG0 = 0;
    RTC_WDT_PROTECT = 0;
    RTC_SWD_PROTECT = SWD_KEY;
    mcuq_change(RTC_SWD_CONFIG, 0, SWD_FEEDS_ITSELF);
    RTC_SWD_PROTECT = 0;
}

/* The crystal, undivided: its PLL is set through registers that the manual leaves to the maker's libraries. */
mcuq_clocks mcuq_clock_start(void)
{
    stop_watchdogs();
    mcuq_change(SYSCLK_CONF, CLOCK_SELECTION | CLOCK_DIVIDER, 0);
    mcuq_change(PERIP_CLK_EN0, 0, UART0_CLOCK | SYSTIMER_CLOCK);
    return (mcuq_clocks){.core_hz = MCUQ_CRYSTAL_HZ, .uart_hz = MCUQ_CRYSTAL_HZ};
}

/* Pins 20 and 21 are UART0's after every reset. The divider has 16ths. */
void mcuq_uart_start(uint32_t uart_hz)
{
    const uint32_t divider = (uart_hz * 16u + MCUQ_UART_BAUD / 2u) / MCUQ_UART_BAUD;
    UART_CLK_CONF = FROM_CRYSTAL;
    UART_CLKDIV = divider >> 4 | (divider & 15u) << 20;
    UART_CONF0 = EIGHT_BITS_ONE_STOP | FIFO_RESETS;
    UART_CONF0 = EIGHT_BITS_ONE_STOP;
}

size_t mcuq_port_read(uint8_t *data, size_t limit)
{
    size_t got = 0;
    while (got < limit && (UART_STATUS & 0x3ffu) != 0) {
        data[got++] = (uint8_t)UART_FIFO;
    }
    return got;
}

void mcuq_port_write(const uint8_t *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; ++i) {
        uint32_t patience = MCUQ_WAIT_LIMIT;
        while ((UART_STATUS >> 16 & 0x3ffu) >= FIFO_BYTES - 1u) {
            if (--patience == 0) {
                return;
            }
        }
        UART_FIFO = data[i];
    }
}

/* SYSTIMER: 16 MHz from the crystal, whatever the core runs at. Its value is taken, then read. */
void mcuq_counter_start(uint32_t core_hz)
{
    (void)core_hz;
    SYSTIMER_CONF = CLOCK_ON | UNIT_0_RUNS;
}

uint32_t mcuq_port_ticks(void)
{
    MCUQ_REGISTER(SYSTIMER_OP) = TAKE_VALUE;
    (void)mcuq_wait_briefly(SYSTIMER_OP, VALUE_IS_VALID, VALUE_IS_VALID, MCUQ_CONVERSION_LIMIT);
    return SYSTIMER_LOW;
}

uint32_t mcuq_port_ticks_hz(void)
{
    return MCUQ_TIMER_HZ;
}

void mcuq_chip_reset(void)
{
    mcuq_change(RTC_OPTIONS0, 0, SYSTEM_RESET);
    for (volatile uint32_t patience = 100000u; patience != 0; --patience) {
    }
}
