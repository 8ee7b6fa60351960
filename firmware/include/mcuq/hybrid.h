/* Quantizing float inputs at run time, for layers that compute in int8 between floats.
 *
 * Each step is one IEEE operation, so that every core and every compiler stores the same bytes.
 */
#ifndef MCUQ_HYBRID_H
#define MCUQ_HYBRID_H

#include <stdint.h>

#include "mcuq/fixed_point.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MCUQ_HYBRID_LEAST 1e-30f /* inputs that all are smaller count as zero */

/* q = round(x / scale), |q| <= 127, for the greatest |x|; gives the scale. */
static inline float mcuq_quantize_symmetric(const float *x, int8_t *q, int32_t count)
{
    float greatest = 0.0f;
    for (int32_t i = 0; i < count; i++) {
        const float magnitude = x[i] < 0.0f ? -x[i] : x[i];
        greatest = magnitude > greatest ? magnitude : greatest;
    }
    const float scale = greatest >= MCUQ_HYBRID_LEAST ? greatest / 127.0f : 1.0f;
    const float inverse = 1.0f / scale;
    for (int32_t i = 0; i < count; i++) {
        q[i] = (int8_t)mcuq_round_float(x[i] * inverse, 127);
    }
    return scale;
}

/* q = round(x / scale) + zero point, from the least to the greatest x; gives the scale and minus the zero point. */
static inline float mcuq_quantize_asymmetric(const float *x, int8_t *q, int32_t count, int32_t *offset)
{
    float least = 0.0f, greatest = 0.0f;
    for (int32_t i = 0; i < count; i++) {
        least = x[i] < least ? x[i] : least;
        greatest = x[i] > greatest ? x[i] : greatest;
    }
    const float span = greatest - least;
    const float scale = span >= MCUQ_HYBRID_LEAST ? span / 255.0f : 1.0f;
    const float inverse = 1.0f / scale;
    const int32_t zero_point = mcuq_clamp(-128 - mcuq_round_float(least * inverse, 1024), -128, 127);
    for (int32_t i = 0; i < count; i++) {
        q[i] = (int8_t)mcuq_clamp(mcuq_round_float(x[i] * inverse, 1024) + zero_point, -128, 127);
    }
    *offset = -zero_point;
    return scale;
}

/* An int32 sum in real numbers. A statement of its own, so that no compiler fuses the product with what follows. */
static inline float mcuq_scaled_sum(int32_t sum, float scale, float weight_scale, float bias)
{
    const float factor = scale * weight_scale;
    const float scaled = (float)sum * factor;
    return scaled + bias;
}

#ifdef __cplusplus
}
#endif

#endif
