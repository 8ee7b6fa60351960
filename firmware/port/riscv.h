/* What start-up asks of a RISC-V chip. */
#ifndef MCUQ_RISCV_H
#define MCUQ_RISCV_H

/* Reset the chip; may return where that cannot be done. */
void mcuq_chip_reset(void);

#endif
