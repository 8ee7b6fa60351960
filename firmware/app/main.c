/* mcuq's firmware: the model `mcuq_the_model` on the board that the port knows, answering on its byte stream. */
#include "mcuq/port.h"
#include "../protocol/mcuq_protocol.h"

#ifndef MCUQ_BOARD_NAME
#define MCUQ_BOARD_NAME "unknown"
#endif

#ifndef MCUQ_VERSION
#define MCUQ_VERSION ""
#endif

/* A UART without flow control loses what arrives while a request is answered: one frame at a time. */
#ifndef MCUQ_WINDOW
#define MCUQ_WINDOW 1
#endif

int main(void)
{
    static mcuq_protocol protocol;
    static const mcuq_protocol_hooks hooks = {
        .board = MCUQ_BOARD_NAME,
        .version = MCUQ_VERSION,
        .window = MCUQ_WINDOW,
        .read = mcuq_port_read,
        .write = mcuq_port_write,
        .ticks = mcuq_port_ticks,
        .ticks_hz = mcuq_port_ticks_hz,
        .clock_hz = mcuq_port_clock_hz,
        .stack_bytes = mcuq_port_stack_bytes,
        .stack_peak_bytes = mcuq_port_stack_peak_bytes,
        .static_bytes = mcuq_port_static_bytes,
        .fault = mcuq_port_fault,
        .reset = mcuq_port_reset,
    };

    mcuq_port_init();
    mcuq_protocol_init(&protocol, &hooks, &mcuq_the_model);
    for (;;) {
        mcuq_protocol_poll(&protocol);
    }
}
