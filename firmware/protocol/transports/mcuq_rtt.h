/* The protocol over RTT: two rings in RAM that a debug probe empties and fills while the core runs.
 *
 *     hooks.read = mcuq_rtt_read; hooks.write = mcuq_rtt_write; hooks.window = 1;
 *
 * Channel 0 of the block `_SEGGER_RTT`, in the layout that J-Link, OpenOCD, pyOCD and probe-rs look for. */
#ifndef MCUQ_RTT_H
#define MCUQ_RTT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef MCUQ_RTT_UP_BYTES
#define MCUQ_RTT_UP_BYTES 1024
#endif
#ifndef MCUQ_RTT_DOWN_BYTES
#define MCUQ_RTT_DOWN_BYTES 640 /* a whole LOAD frame and more */
#endif

size_t mcuq_rtt_read(uint8_t *data, size_t limit);

/* Waits for the probe where the ring is full, but not for ever: what it does not fetch is lost, and asked for again. */
void mcuq_rtt_write(const uint8_t *data, size_t bytes);

#ifdef __cplusplus
}
#endif

#endif
