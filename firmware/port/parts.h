/* The parts of a port: clocks, counter and UART may come from different files. */
#ifndef MCUQ_PARTS_H
#define MCUQ_PARTS_H

#include <stdint.h>

#include "mcuq/port.h"
#include "mcuq/registers.h"

typedef struct {
    uint32_t core_hz; /* reached, not wished for */
    uint32_t uart_hz; /* at the UART's baud-rate generator */
} mcuq_clocks;

/* Clocks on and set, pins given to the UART. */
mcuq_clocks mcuq_clock_start(void);

/* Count from 0; `core_hz` is what the core runs at. */
void mcuq_counter_start(uint32_t core_hz);

/* Send and receive at MCUQ_UART_BAUD. */
void mcuq_uart_start(uint32_t uart_hz);

#endif
