/* mcuq's firmware: the model `mcuq_the_model` on the board that the port knows, answering on its byte stream. */
#include "mcuq/port.h"
#include "../marker/marker.h"
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

#ifdef MCUQ_MARK_INFERENCES
/* The marker pin is high while the model runs: what an instrument that measures energy wants to know. */
static void marked_invoke(void)
{
    mcuq_marker_set(true);
    mcuq_the_model.invoke();
    mcuq_marker_set(false);
}
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
#ifdef MCUQ_HAS_SENSORS
        .temperature_mk = mcuq_port_temperature_mk,
        .supply_mv = mcuq_port_supply_mv,
#endif
    };

    mcuq_port_init();
#ifdef MCUQ_MARK_INFERENCES
    static mcuq_model marked;
    marked = mcuq_the_model;
    marked.invoke = marked_invoke;
    mcuq_marker_init();
    mcuq_marker_set(false);
    mcuq_protocol_init(&protocol, &hooks, &marked);
#else
    mcuq_protocol_init(&protocol, &hooks, &mcuq_the_model);
#endif
    for (;;) {
        mcuq_protocol_poll(&protocol);
    }
}
