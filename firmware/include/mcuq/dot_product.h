/* Dot products of int8 inputs and int8 weights, for any core. */
#ifndef MCUQ_DOT_PRODUCT_H
#define MCUQ_DOT_PRODUCT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* sums[k] += (x[i] + offset) * w[k * stride + i] over i < count, for four rows of weights at once. */
static inline void mcuq_dot_4(int32_t sums[4], const int8_t *x, int32_t offset, const int8_t *w, int32_t stride,
                              int32_t count)
{
    const int8_t *w0 = w, *w1 = w0 + stride, *w2 = w1 + stride, *w3 = w2 + stride;
    int32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
    for (int32_t i = 0; i < count; i++) {
        const int32_t value = x[i] + offset;
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

/* The same for one row of weights: what is left over of a multiple of four. */
static inline int32_t mcuq_dot_1(int32_t sum, const int8_t *x, int32_t offset, const int8_t *w, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        sum += (x[i] + offset) * w[i];
    }
    return sum;
}

/* The sum of x[i] + offset over i < count: what a zero point of the weights is multiplied with. */
static inline int32_t mcuq_sum(const int8_t *x, int32_t offset, int32_t count)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < count; i++) {
        sum += x[i] + offset;
    }
    return sum;
}

#ifdef __cplusplus
}
#endif

#endif
