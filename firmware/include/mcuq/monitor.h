/* Counters of the field: how often a value met the ends of its type, what it ranged over, where inputs lay.
 * All of them stop at their greatest number instead of starting over. */
#ifndef MCUQ_MONITOR_H
#define MCUQ_MONITOR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MCUQ_MONITOR_BINS 16

/* The output of one step. */
typedef struct {
    uint32_t low;    /* elements at the least number of the type */
    uint32_t high;   /* at the greatest */
    int16_t minimum; /* of all that were seen; above `maximum` where none was */
    int16_t maximum;
} mcuq_value_monitor;

/* One input: elements in each sixteenth of the type's numbers. */
typedef struct {
    uint32_t bins[MCUQ_MONITOR_BINS];
} mcuq_input_monitor;

#ifdef __cplusplus
}
#endif

#endif
