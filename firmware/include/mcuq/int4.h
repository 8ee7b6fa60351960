/* Dot products of int8 inputs and 4-bit weights, for any core.
 *
 * An element of packed weights holds one tap of 8, 4 or 2 output channels, 4 bits each, as w + 8 (0 to 15): channel 2k
 * in the lower half of the element, channel 2k + 1 in the upper half. A shift and a mask give two weights 16 bits
 * apart, and one multiplication by an input multiplies both: the lower product lies in the lower half, the upper one in
 * the upper half plus what the lower one carries. After 16 taps (|sum| <= 16 * 128 * 15 < 2^15) both halves are added
 * to sums of 32 bits. The 8 that is too much in each weight is taken off with the total of the inputs. All of that
 * counts modulo 2^32; the finished sum fits int32_t.
 */
#ifndef MCUQ_INT4_H
#define MCUQ_INT4_H

#include <stdint.h>

/* Where functions go, in a section of the user's choice (<NAME>_CODE_SECTION); nowhere special by default. */
#ifndef MCUQ_CODE_SECTION
#define MCUQ_CODE_SECTION
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define MCUQ_INT4_ZERO 8        /* is stored for a weight of 0 */
#define MCUQ_INT4_PAIR 0xf000fu /* two weights, 16 bits apart */
#define MCUQ_INT4_TAPS 16       /* that half a word can hold */

/* The weight at `position` (0 to 7) of packed weights that are stored in two's complement instead. */
static inline int32_t mcuq_int4_signed(uint32_t packed, int32_t position)
{
    return (int32_t)(packed << (28 - 4 * position)) >> 28;
}

/* The sum of the inputs: what zero points of the weights are multiplied with. */
static inline int32_t mcuq_int4_total(const int8_t *x, int32_t count)
{
    int32_t total = 0, i = 0;
    for (; i + 4 <= count; i += 4) {
        total += x[i] + x[i + 1] + x[i + 2] + x[i + 3];
    }
    for (; i < count; i++) {
        total += x[i];
    }
    return total;
}

/* Copies inputs into a patch; their sum. */
static inline int32_t mcuq_int4_copy(int8_t *patch, const int8_t *x, int32_t count)
{
    int32_t total = 0, i = 0;
    for (; i + 4 <= count; i += 4) {
        const int8_t a = x[i], b = x[i + 1], c = x[i + 2], d = x[i + 3];
        patch[i] = a;
        patch[i + 1] = b;
        patch[i + 2] = c;
        patch[i + 3] = d;
        total += a + b + c + d;
    }
    for (; i < count; i++) {
        patch[i] = x[i];
        total += x[i];
    }
    return total;
}

/* Fills a patch where the window leaves the image; the sum. */
static inline int32_t mcuq_int4_fill(int8_t *patch, int32_t zero_point, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        patch[i] = (int8_t)zero_point;
    }
    return zero_point * count;
}

/* What up to 16 taps add up to: channels 2k in the lower half, 2k + 1 in the upper one. */
typedef struct {
    uint32_t p0;
    uint32_t p1;
    uint32_t p2;
    uint32_t p3;
} mcuq_int4_pairs;

#ifdef __thumb2__
/* In assembly, because compilers spill here, and make two instructions of a shift and an AND. */
#define MCUQ_INT4_TAP                                                                                                  \
    "ldr %[t0], [%[w]], #4\n\t"                                                                                        \
    "ldrsb %[v], [%[x]], #1\n\t"                                                                                       \
    "and %[t1], %[mask], %[t0]\n\t"                                                                                    \
    "mla %[p0], %[v], %[t1], %[p0]\n\t"                                                                                \
    "and %[t1], %[mask], %[t0], lsr #4\n\t"                                                                            \
    "mla %[p1], %[v], %[t1], %[p1]\n\t"                                                                                \
    "and %[t1], %[mask], %[t0], lsr #8\n\t"                                                                            \
    "mla %[p2], %[v], %[t1], %[p2]\n\t"                                                                                \
    "and %[t1], %[mask], %[t0], lsr #12\n\t"                                                                           \
    "mla %[p3], %[v], %[t1], %[p3]\n\t"

/* Adds the next n taps, at least one. */
static inline __attribute__((always_inline)) void mcuq_int4_taps(mcuq_int4_pairs *pairs, const int8_t **x,
                                                                 const uint32_t **w, int32_t n)
{
    uint32_t t0, t1, v;
    __asm__ volatile("subs %[n], #4\n\t"
                     "blt 2f\n"
                     "1:\n\t" MCUQ_INT4_TAP MCUQ_INT4_TAP MCUQ_INT4_TAP MCUQ_INT4_TAP
                     "subs %[n], #4\n\t"
                     "bge 1b\n"
                     "2:\n\t"
                     "adds %[n], #4\n\t"
                     "beq 4f\n"
                     "3:\n\t" MCUQ_INT4_TAP
                     "subs %[n], #1\n\t"
                     "bne 3b\n"
                     "4:\n\t"
                     : [x] "+&r"(*x), [w] "+&r"(*w), [n] "+&r"(n), [p0] "+&r"(pairs->p0), [p1] "+&r"(pairs->p1),
                       [p2] "+&r"(pairs->p2), [p3] "+&r"(pairs->p3), [t0] "=&r"(t0), [t1] "=&r"(t1), [v] "=&r"(v)
                     : [mask] "r"(MCUQ_INT4_PAIR)
                     : "cc", "memory");
}

#undef MCUQ_INT4_TAP
#else
static inline void mcuq_int4_taps(mcuq_int4_pairs *pairs, const int8_t **x, const uint32_t **w, int32_t n)
{
    for (; n > 0; n--) {
        const uint32_t value = (uint32_t)*(*x)++, packed = *(*w)++;
        pairs->p0 += value * (packed & MCUQ_INT4_PAIR);
        pairs->p1 += value * (packed >> 4 & MCUQ_INT4_PAIR);
        pairs->p2 += value * (packed >> 8 & MCUQ_INT4_PAIR);
        pairs->p3 += value * (packed >> 12 & MCUQ_INT4_PAIR);
    }
}
#endif

/* Adds both halves of a pair to their sums. */
static inline void mcuq_int4_split(uint32_t sums[2], uint32_t pair)
{
    const int32_t lower = (int16_t)pair, upper = (int32_t)(pair + 0x8000u) >> 16;
    sums[0] += (uint32_t)lower;
    sums[1] += (uint32_t)upper;
}

/* sums[k] += x[i] * (w_k[i] + 8) over i < count, for eight channels. */
MCUQ_CODE_SECTION __attribute__((noinline, unused)) static
void mcuq_int4_dot_8(uint32_t sums[8], const int8_t *x, const uint32_t *w,
                                                              int32_t count)
{
    for (; count > 0; count -= MCUQ_INT4_TAPS) {
        mcuq_int4_pairs pairs = { 0, 0, 0, 0 };
        mcuq_int4_taps(&pairs, &x, &w, count < MCUQ_INT4_TAPS ? count : MCUQ_INT4_TAPS);
        mcuq_int4_split(sums, pairs.p0);
        mcuq_int4_split(sums + 2, pairs.p1);
        mcuq_int4_split(sums + 4, pairs.p2);
        mcuq_int4_split(sums + 6, pairs.p3);
    }
}

/* The same for four channels, what is left over of a multiple of eight; hence without assembly. */
MCUQ_CODE_SECTION __attribute__((noinline, unused)) static
void mcuq_int4_dot_4(uint32_t sums[4], const int8_t *x, const uint16_t *w,
                                                              int32_t count)
{
    while (count > 0) {
        const int8_t *end = x + (count < MCUQ_INT4_TAPS ? count : MCUQ_INT4_TAPS);
        uint32_t p0 = 0, p1 = 0;
        while (x != end) {
            const uint32_t value = (uint32_t)*x++, packed = (uint32_t)*w | (uint32_t)*w << 8;
            w++;
            p0 += value * (packed & MCUQ_INT4_PAIR);
            p1 += value * (packed >> 4 & MCUQ_INT4_PAIR);
        }
        mcuq_int4_split(sums, p0);
        mcuq_int4_split(sums + 2, p1);
        count -= MCUQ_INT4_TAPS;
    }
}

/* And for two. */
MCUQ_CODE_SECTION __attribute__((noinline, unused)) static
void mcuq_int4_dot_2(uint32_t sums[2], const int8_t *x, const uint8_t *w,
                                                              int32_t count)
{
    uint32_t s0 = sums[0], s1 = sums[1];
    for (int32_t i = 0; i < count; i++) {
        const uint32_t value = (uint32_t)x[i], packed = w[i];
        s0 += value * (packed & 15u);
        s1 += value * (packed >> 4);
    }
    sums[0] = s0;
    sums[1] = s1;
}

#ifdef __cplusplus
}
#endif

#endif
