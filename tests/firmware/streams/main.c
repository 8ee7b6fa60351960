/* The firmware of a test: the protocol over the stream that STREAM names. The UART is asked too, in vain: there the simulator
 * sees that the firmware only waits. */
#include "../../../firmware/include/mcuq/port.h"
#include "../../../firmware/protocol/mcuq_protocol.h"

#if STREAM == 1
#include "../../../firmware/protocol/transports/mcuq_semihosting.h"
#define read_stream mcuq_semihosting_read
#define write_stream mcuq_semihosting_write
#else
#include "../../../firmware/protocol/transports/mcuq_rtt.h"
#define read_stream mcuq_rtt_read
#define write_stream mcuq_rtt_write
#endif

int main(void)
{
    static mcuq_protocol protocol;
    static const mcuq_protocol_hooks hooks = {
        .board = "cortex-m4",
        .window = 1,
        .read = read_stream,
        .write = write_stream,
        .ticks = mcuq_port_ticks,
        .ticks_hz = mcuq_port_ticks_hz,
        .stack_bytes = mcuq_port_stack_bytes,
        .stack_peak_bytes = mcuq_port_stack_peak_bytes,
        .fault = mcuq_port_fault,
        .reset = mcuq_port_reset,
    };

    mcuq_port_init();
    mcuq_protocol_init(&protocol, &hooks, &mcuq_the_model);
    for (;;) {
        uint8_t nothing;
        (void)mcuq_port_read(&nothing, 1);
        mcuq_protocol_poll(&protocol);
    }
}
