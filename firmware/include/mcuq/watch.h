/* What feeds the counters of the field; for the model's own C alone. */
#ifndef MCUQ_WATCH_H
#define MCUQ_WATCH_H

#include <stdint.h>

#include "monitor.h"
#include "target.h"

#ifdef __cplusplus
extern "C" {
#endif

static inline uint32_t mcuq_counted(uint32_t before, uint32_t more)
{
    return before > UINT32_MAX - more ? UINT32_MAX : before + more;
}

static inline void mcuq_reset_value_monitor(mcuq_value_monitor *monitor)
{
    monitor->low = 0;
    monitor->high = 0;
    monitor->minimum = INT16_MAX;
    monitor->maximum = INT16_MIN;
}

/* From `first` to `last` is what was seen before, less the ends of the type: only what lies outside is looked at. */
static inline int32_t mcuq_first_watched(const mcuq_value_monitor *monitor, int32_t least)
{
    return monitor->minimum > least ? monitor->minimum : least + 1;
}

static inline int32_t mcuq_last_watched(const mcuq_value_monitor *monitor, int32_t greatest)
{
    return monitor->maximum < greatest ? monitor->maximum : greatest - 1;
}

MCUQ_CODE_SECTION __attribute__((noinline, unused)) static
void mcuq_watch_end(mcuq_value_monitor *monitor, int32_t value, int32_t least, int32_t greatest)
{
    monitor->low = mcuq_counted(monitor->low, value == least);
    monitor->high = mcuq_counted(monitor->high, value == greatest);
    monitor->minimum = value < monitor->minimum ? (int16_t)value : monitor->minimum;
    monitor->maximum = value > monitor->maximum ? (int16_t)value : monitor->maximum;
}

static inline int32_t mcuq_watched_byte(const uint8_t *value, uint32_t flip)
{
    return (int8_t)(uint8_t)(*value ^ flip);
}

/* `flip` is 0 for int8 and 128 for uint8. `least` is the least number of the type, or one less where that stands for 0:
 * after a ReLU it is no sign of saturation. Four values at a time are told to lie inside by one branch. */
MCUQ_CODE_SECTION __attribute__((noinline, unused)) static
void mcuq_watch_bytes(mcuq_value_monitor *monitor, const uint8_t *values, uint32_t elements, uint32_t flip, int32_t least)
{
    int32_t first = mcuq_first_watched(monitor, least);
    int32_t last = mcuq_last_watched(monitor, INT8_MAX);
    for (uint32_t i = 0; i < elements;) {
        const uint32_t count = elements - i < 4u ? elements - i : 4u;
        int32_t outside = -1; /* negative where a value is */
        if (count == 4u) {
            const int32_t a = mcuq_watched_byte(values + i, flip), b = mcuq_watched_byte(values + i + 1, flip);
            const int32_t c = mcuq_watched_byte(values + i + 2, flip), d = mcuq_watched_byte(values + i + 3, flip);
            outside = (a - first) | (last - a) | (b - first) | (last - b);
            outside |= (c - first) | (last - c) | (d - first) | (last - d);
        }
        if (outside < 0) {
            for (uint32_t k = 0; k < count; k++) {
                const int32_t value = mcuq_watched_byte(values + i + k, flip);
                if (value < first || value > last) {
                    mcuq_watch_end(monitor, value, least, INT8_MAX);
                }
            }
            first = mcuq_first_watched(monitor, least);
            last = mcuq_last_watched(monitor, INT8_MAX);
        }
        i += count;
    }
}

MCUQ_CODE_SECTION __attribute__((noinline, unused)) static
void mcuq_watch_int16(mcuq_value_monitor *monitor, const int16_t *values, uint32_t elements)
{
    int32_t first = mcuq_first_watched(monitor, INT16_MIN);
    int32_t last = mcuq_last_watched(monitor, INT16_MAX);
    for (const int16_t *end = values + elements; values != end; values++) {
        if (*values < first || *values > last) {
            mcuq_watch_end(monitor, *values, INT16_MIN, INT16_MAX);
            first = mcuq_first_watched(monitor, INT16_MIN);
            last = mcuq_last_watched(monitor, INT16_MAX);
        }
    }
}

MCUQ_CODE_SECTION __attribute__((noinline, unused)) static
void mcuq_watch_input_bytes(mcuq_input_monitor *monitor, const uint8_t *values, uint32_t elements, uint32_t flip)
{
    for (uint32_t i = 0; i < elements; i++) {
        const uint32_t bin = (uint32_t)(uint8_t)(values[i] ^ flip ^ 128u) >> 4;
        monitor->bins[bin] = mcuq_counted(monitor->bins[bin], 1u);
    }
}

MCUQ_CODE_SECTION __attribute__((noinline, unused)) static
void mcuq_watch_input_int16(mcuq_input_monitor *monitor, const int16_t *values, uint32_t elements)
{
    for (uint32_t i = 0; i < elements; i++) {
        const uint32_t bin = (uint32_t)((int32_t)values[i] - INT16_MIN) >> 12;
        monitor->bins[bin] = mcuq_counted(monitor->bins[bin], 1u);
    }
}

#ifdef __cplusplus
}
#endif

#endif
