/* Fixed-point arithmetic of generated models: requantisation, saturation, access to unaligned floats. */
#ifndef MCUQ_FIXED_POINT_H
#define MCUQ_FIXED_POINT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* round(a * b / 2^31), halves up. Never both INT32_MIN: multipliers are not negative. */
static inline int32_t mcuq_doubling_high_multiply(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 30)) >> 31);
}

/* round(x / 2^exponent), halves away from zero; exponent in [0, 31]. */
static inline int32_t mcuq_rounding_shift_right(int32_t x, int32_t exponent)
{
    const int32_t mask = (int32_t)((1u << exponent) - 1u);
    const int32_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);
    return (x >> exponent) + ((x & mask) > threshold ? 1 : 0);
}

/* x * multiplier / 2^31 * 2^shift as TensorFlow Lite Micro rounds it: twice. */
static inline int32_t mcuq_requantize_tflm(int32_t x, int32_t multiplier, int32_t shift)
{
    const int32_t left = shift > 0 ? shift : 0;
    const int32_t right = shift > 0 ? 0 : -shift;
    const int32_t shifted = (int32_t)((uint32_t)x << left);
    return mcuq_rounding_shift_right(mcuq_doubling_high_multiply(shifted, multiplier), right);
}

/* The same, rounded once, halves up; shift in [-31, 30]. */
static inline int32_t mcuq_requantize_single(int32_t x, int32_t multiplier, int32_t shift)
{
    return (int32_t)(((int64_t)x * multiplier + ((int64_t)1 << (30 - shift))) >> (31 - shift));
}

/* x / 2^right, halves up, for scales that are powers of two; right in [-31, 32]. */
static inline int32_t mcuq_requantize_shift(int32_t x, int32_t right)
{
    if (right <= 0) {
        return (int32_t)((uint32_t)x << -right);
    }
    const int32_t twice = x >> (right - 1);
    return (twice >> 1) + (twice & 1);
}

static inline int32_t mcuq_clamp(int32_t x, int32_t low, int32_t high)
{
    return x < low ? low : (x > high ? high : x);
}

/* x * 2^bits, clamped to 32 bits; bits in [0, 31]. */
static inline int32_t mcuq_saturating_shift_left(int32_t x, int32_t bits)
{
    const int64_t wide = (int64_t)x * ((int64_t)1 << bits);
    return wide > INT32_MAX ? INT32_MAX : (wide < INT32_MIN ? INT32_MIN : (int32_t)wide);
}

/* 1 / (1 + a) for a in [0, 1), both with 31 fractional bits: three Newton-Raphson steps. */
static inline int32_t mcuq_one_over_one_plus(int32_t a)
{
    const int32_t half_denominator = (int32_t)(((int64_t)a + INT32_MAX + 1) / 2);
    int32_t x = 1515870810 + mcuq_doubling_high_multiply(half_denominator, -1010580540);
    for (int i = 0; i < 3; i++) {
        const int32_t error = (1 << 29) - mcuq_doubling_high_multiply(half_denominator, x);
        x += mcuq_saturating_shift_left(mcuq_doubling_high_multiply(x, error), 2);
    }
    return mcuq_saturating_shift_left(x, 1);
}

/* Leading zero bits of x > 0, without a table and without a compiler helper. */
static inline int32_t mcuq_leading_zeros(uint32_t x)
{
    int32_t zeros = 0;
    while ((x & 0x80000000u) == 0u) {
        x <<= 1;
        zeros++;
    }
    return zeros;
}

static inline float mcuq_load_float(const void *address)
{
    float value;
    __builtin_memcpy(&value, address, sizeof value);
    return value;
}

static inline void mcuq_store_float(void *address, float value)
{
    __builtin_memcpy(address, &value, sizeof value);
}

/* The nearest integer, halves away from zero, of a value that is first clamped to +-limit; not-a-number gives -limit. */
static inline int32_t mcuq_round_float(float value, int32_t limit)
{
    if (!(value > (float)-limit)) {
        return -limit;
    }
    if (value >= (float)limit) {
        return limit;
    }
    const int32_t whole = (int32_t)value;
    const float rest = value - (float)whole;
    return rest >= 0.5f ? whole + 1 : (rest <= -0.5f ? whole - 1 : whole);
}

#ifdef __cplusplus
}
#endif

#endif
