/* The protocol over semihosting: the console of the debugger or emulator is the byte stream.
 *
 *     hooks.read = mcuq_semihosting_read; hooks.write = mcuq_semihosting_write; hooks.window = 1;
 *
 * Reading waits for the first byte, so nothing else happens meanwhile. Without a debugger the first call is a HardFault. */
#ifndef MCUQ_SEMIHOSTING_H
#define MCUQ_SEMIHOSTING_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

size_t mcuq_semihosting_read(uint8_t *data, size_t limit);
void mcuq_semihosting_write(const uint8_t *data, size_t bytes);

#ifdef __cplusplus
}
#endif

#endif
