/* Float functions of generated models, without libm: exp, logistic, tanh, clamps, half precision, dot products.
 *
 * Relative errors below are the greatest measured, against double, over a dense sweep (tests/firmware/test_float_math.py).
 */
#ifndef MCUQ_FLOAT_MATH_H
#define MCUQ_FLOAT_MATH_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 2^exponent, exponent in [-126, 127]. */
static inline float mcuq_power_of_two(int32_t exponent)
{
    const uint32_t bits = (uint32_t)(exponent + 127) << 23;
    float value;
    __builtin_memcpy(&value, &bits, sizeof value);
    return value;
}

/* exp(x) for x <= 0, relative error below 1e-7; 0 below -87, where float32 ends, and for what is not a number. */
static inline float mcuq_exp_of_negative(float x)
{
    if (!(x >= -87.0f)) {
        return 0.0f;
    }
    /* x = n ln 2 + r with |r| <= ln 2 / 2; ln 2 is split so that n times its first part is exact. */
    const int32_t n = (int32_t)(x * 1.44269504f - 0.5f);
    const float r = (x - (float)n * 0.693359375f) - (float)n * -2.12194440e-4f;
    /* exp(r) = 1 + r + r^2 p(r); p minimises the greatest relative error. */
    float p = 1.3814465e-3f;
    p = p * r + 8.368781e-3f;
    p = p * r + 4.1668393e-2f;
    p = p * r + 1.666652e-1f;
    p = p * r + 4.9999994e-1f;
    return (p * r * r + r + 1.0f) * mcuq_power_of_two(n);
}

/* 1 / (1 + exp(-x)), relative error below 2e-7 where the result is above 1e-37. */
static inline float mcuq_logistic(float x)
{
    const float e = mcuq_exp_of_negative(x < 0.0f ? x : -x);
    return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

/* tanh(x), relative error below 2e-7. */
static inline float mcuq_tanh(float x)
{
    const float magnitude = x < 0.0f ? -x : x;
    if (magnitude < 0.6f) {
        /* tanh(x) = x + x^3 p(x^2) */
        const float square = x * x;
        float p = -5.9058606e-3f;
        p = p * square + 2.0805378e-2f;
        p = p * square - 5.378668e-2f;
        p = p * square + 1.3331959e-1f;
        p = p * square - 3.33333e-1f;
        return x + x * square * p;
    }
    const float e = mcuq_exp_of_negative(-2.0f * magnitude);
    const float result = (1.0f - e) / (1.0f + e);
    return x < 0.0f ? -result : result;
}

/* The clamps let what is not a number pass. */
static inline float mcuq_relu(float x)
{
    return x < 0.0f ? 0.0f : x;
}

static inline float mcuq_relu6(float x)
{
    return x < 0.0f ? 0.0f : (x > 6.0f ? 6.0f : x);
}

static inline float mcuq_relu_n1_to_1(float x)
{
    return x < -1.0f ? -1.0f : (x > 1.0f ? 1.0f : x);
}

/* An IEEE half, given by its bits, as float; exact. Infinities and what is not a number do not occur in weights. */
static inline float mcuq_half_to_float(uint16_t half)
{
    float value;
#if defined(__ARM_FP) && defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'
    /* Every FPU of this profile converts halves. */
    const uint32_t stored = half;
    float word;
    __builtin_memcpy(&word, &stored, sizeof word);
    __asm__("vcvtb.f32.f16 %0, %1" : "=t"(value) : "t"(word));
#else
    const uint32_t sign = (uint32_t)(half & 0x8000u) << 16, magnitude = half & 0x7fffu;
    uint32_t bits = (magnitude << 13) + 0x38000000u; /* the exponent's bias is 15 there and 127 here */
    if (magnitude < 0x400u) { /* zero or subnormal: so many times 2^-24 */
        value = (float)magnitude * 5.9604644775390625e-8f;
        __builtin_memcpy(&bits, &value, sizeof bits);
    }
    bits |= sign;
    __builtin_memcpy(&value, &bits, sizeof value);
#endif
    return value;
}

/* sums[k] += x[i] * w[k * stride + i] over i < count, for four rows of weights at once. */
static inline void mcuq_float_dot_4(float sums[4], const float *x, const float *w, int32_t stride, int32_t count)
{
    const float *w0 = w, *w1 = w0 + stride, *w2 = w1 + stride, *w3 = w2 + stride;
    float s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
    for (int32_t i = 0; i < count; i++) {
        const float value = x[i];
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

/* The same for weights in half precision. */
static inline void mcuq_half_dot_4(float sums[4], const float *x, const uint16_t *w, int32_t stride, int32_t count)
{
    const uint16_t *w0 = w, *w1 = w0 + stride, *w2 = w1 + stride, *w3 = w2 + stride;
    float s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
    for (int32_t i = 0; i < count; i++) {
        const float value = x[i];
        s0 += value * mcuq_half_to_float(w0[i]);
        s1 += value * mcuq_half_to_float(w1[i]);
        s2 += value * mcuq_half_to_float(w2[i]);
        s3 += value * mcuq_half_to_float(w3[i]);
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

/* The same for int8 weights, whose scale is applied to the sum. */
static inline void mcuq_byte_dot_4(float sums[4], const float *x, const int8_t *w, int32_t stride, int32_t count)
{
    const int8_t *w0 = w, *w1 = w0 + stride, *w2 = w1 + stride, *w3 = w2 + stride;
    float s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
    for (int32_t i = 0; i < count; i++) {
        const float value = x[i];
        s0 += value * (float)w0[i];
        s1 += value * (float)w1[i];
        s2 += value * (float)w2[i];
        s3 += value * (float)w3[i];
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

/* One row of weights: what is left over of a multiple of four. */
static inline float mcuq_float_dot_1(float sum, const float *x, const float *w, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        sum += x[i] * w[i];
    }
    return sum;
}

static inline float mcuq_half_dot_1(float sum, const float *x, const uint16_t *w, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        sum += x[i] * mcuq_half_to_float(w[i]);
    }
    return sum;
}

static inline float mcuq_byte_dot_1(float sum, const float *x, const int8_t *w, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        sum += x[i] * (float)w[i];
    }
    return sum;
}

#ifdef __cplusplus
}
#endif

#endif
