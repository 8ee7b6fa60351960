/* The second stage of the RP2040's boot: its ROM copies these 256 bytes from the flash to RAM, checks their CRC, runs them.
 * They let the flash be read in place (command 03h, which every SPI flash knows) and start the firmware behind them.
 * RP2040 datasheet, 2.8.1.3 and 4.10. The build computes the CRC. */
#include "mcuq/registers.h"

#define SSI_CTRLR0 MCUQ_REGISTER(0x18000000u)
#define SSI_CTRLR1 MCUQ_REGISTER(0x18000004u)
#define SSI_SSIENR MCUQ_REGISTER(0x18000008u)
#define SSI_BAUDR MCUQ_REGISTER(0x18000014u)
#define SSI_SPI_CTRLR0 MCUQ_REGISTER(0x180000f4u)
#define SCB_VTOR MCUQ_REGISTER(0xe000ed08u)
#define FIRMWARE 0x10000100u

void mcuq_boot2(void);

__attribute__((section(".mcuq_boot2"), used, noreturn)) void mcuq_boot2(void)
{
    SSI_SSIENR = 0;
    SSI_BAUDR = 4; /* 31 MHz when the core runs at 125; the command allows 33 and more */
    SSI_CTRLR0 = 3u << 8 | 31u << 16; /* send, then receive; 32 bits a frame */
    SSI_CTRLR1 = 0;                   /* one frame */
    SSI_SPI_CTRLR0 = 3u << 24 | 6u << 2 | 2u << 8; /* command 03h, 24 bits of address, 8 of command */
    SSI_SSIENR = 1;
    SCB_VTOR = FIRMWARE;
    uint32_t stack = MCUQ_REGISTER(FIRMWARE), entry = MCUQ_REGISTER(FIRMWARE + 4u);
    __asm__ volatile("msr msp, %0\n\tbx %1" : : "r"(stack), "r"(entry) : "memory");
    __builtin_unreachable();
}
