/* int16 activations with int8 weights: dot products, requantisation of their sums, interpolated tables; for any core. */
#ifndef MCUQ_INT16_H
#define MCUQ_INT16_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* sum * multiplier / 2^15 * 2^shift, halves up; |sum| < 2^47, multiplier of 15 bits, shift in [-31, 7]. */
static inline int32_t mcuq_requantize_sum(int64_t sum, int32_t multiplier, int32_t shift)
{
    const int32_t right = 15 - shift;
    return (int32_t)((sum * multiplier + ((int64_t)1 << (right - 1))) >> right);
}

/* sums[k] += x[i] * w[k * stride + i] over i < count, for four rows of weights at once. */
static inline void mcuq_int16_dot_4(int32_t sums[4], const int16_t *x, const int8_t *w, int32_t stride, int32_t count)
{
    const int8_t *w0 = w, *w1 = w0 + stride, *w2 = w1 + stride, *w3 = w2 + stride;
    int32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
    for (int32_t i = 0; i < count; i++) {
        const int32_t value = x[i];
        s0 += value * w0[i];
        s1 += value * w1[i];
        s2 += value * w2[i];
        s3 += value * w3[i];
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

static inline int32_t mcuq_int16_dot_1(int32_t sum, const int16_t *x, const int8_t *w, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        sum += (int32_t)x[i] * w[i];
    }
    return sum;
}

/* The same with sums of 64 bits. */
static inline int64_t mcuq_wide_dot_1(int64_t sum, const int16_t *x, const int8_t *w, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        sum += (int32_t)x[i] * w[i];
    }
    return sum;
}

static inline void mcuq_wide_dot_4(int64_t sums[4], const int16_t *x, const int8_t *w, int32_t stride, int32_t count)
{
    for (int32_t k = 0; k < 4; k++) {
        sums[k] = mcuq_wide_dot_1(sums[k], x, w + k * stride, count);
    }
}

/* A table of 513 entries at x in [-32768, 32767], linear between two entries. */
static inline int16_t mcuq_look_up(int32_t x, const int16_t *table)
{
    const int32_t index = (x >> 7) + 256;
    const int32_t base = table[index];
    return (int16_t)(base + (((table[index + 1] - base) * (x & 127) + 64) >> 7));
}

#ifdef __cplusplus
}
#endif

#endif
