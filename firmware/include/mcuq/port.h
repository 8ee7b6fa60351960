/* What the generic firmware asks of a board: a polled byte stream, a free-running counter, the stack. */
#ifndef MCUQ_PORT_H
#define MCUQ_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Clocks, UART and counter; every hardware wait inside is bounded. */
void mcuq_port_init(void);

/* Take up to `limit` bytes that have arrived; never waits; returns how many. */
size_t mcuq_port_read(uint8_t *data, size_t limit);

/* Send all bytes; gives up after a bounded wait for a UART that never gets ready. */
void mcuq_port_write(const uint8_t *data, size_t bytes);

/* A counter that only goes up and wraps at 2^32. */
uint32_t mcuq_port_ticks(void);

/* Its rate, and the core clock actually reached. */
uint32_t mcuq_port_ticks_hz(void);
uint32_t mcuq_port_clock_hz(void);

/* The stack is painted before main: bytes set aside for it, and the most that was ever in use. 0 where unknown. */
uint32_t mcuq_port_stack_bytes(void);
uint32_t mcuq_port_stack_peak_bytes(void);

/* .data + .bss less the arena and the stack; 0 where unknown. */
uint32_t mcuq_port_static_bytes(void);

/* The fault that caused the last reset, told once: exception number, pc, lr, fault status (CFSR), address touched; 0 where
 * unknown. False when there was none. */
bool mcuq_port_fault(uint32_t record[5]);

/* Where the board file says that the chip has them (MCUQ_HAS_SENSORS): the die's temperature in thousandths of a kelvin and
 * the supply in millivolts, each 0 where it cannot be told. They take some microseconds. */
uint32_t mcuq_port_temperature_mk(void);
uint32_t mcuq_port_supply_mv(void);

/* Start over, as after power-on. */
void mcuq_port_reset(void);

#ifdef __cplusplus
}
#endif

#endif
