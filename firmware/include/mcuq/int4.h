/* Dot products of int8 inputs and 4-bit weights, for any core.
 *
 * An element of packed weights holds one tap of 8, 4 or 2 output channels, 4 bits each, as w + 8 (0 to 15): channel 2k in
 * the lower half of the element, channel 2k + 1 in the upper half. A shift and a mask give two weights 16 bits apart, which
 * one multiplication by an input multiplies both: the lower product lies in the lower half, the upper one in the upper half
 * plus what the lower one carries. After 16 taps of int8 (|sum| <= 16 * 128 * 15 < 2^15), or 8 with an offset, both halves
 * are added to sums of 32 bits. The 8 that is too much in each weight is taken off with the total of the inputs. All of
 * that counts modulo 2^32; the finished sum fits int32_t.
 */
#ifndef MCUQ_INT4_H
#define MCUQ_INT4_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MCUQ_INT4_ZERO 8        /* is stored for a weight of 0 */
#define MCUQ_INT4_PAIR 0xf000fu /* two weights, 16 bits apart */
#define MCUQ_INT4_TAPS 16       /* that two halves can hold */
#define MCUQ_INT4_TAPS_OFFSET 8 /* the same where |x + offset| <= 255 */

/* What a sum runs over: `rows` of `run` inputs each, `x_step` apart; their weights are `w_step` taps apart. */
typedef struct {
    const int8_t *x;
    int32_t rows;
    int32_t run;
    int32_t x_step;
    int32_t w_step;
} mcuq_int4_window;

/* The weight at `position` (0 to 7) of packed weights that are stored in two's complement instead. */
static inline int32_t mcuq_int4_signed(uint32_t packed, int32_t position)
{
    return (int32_t)(packed << (28 - 4 * position)) >> 28;
}

/* The sum of x + offset over the window: what zero points of the weights are multiplied with. */
static __attribute__((noinline, unused)) uint32_t mcuq_int4_total(const mcuq_int4_window *window, int32_t offset)
{
    const int8_t *x = window->x;
    int32_t total = 0;
    for (int32_t row = window->rows; row > 0; row--) {
        int32_t i = window->run;
        for (; i >= 4; i -= 4) {
            total += x[0] + x[1] + x[2] + x[3] + 4 * offset;
            x += 4;
        }
        for (; i > 0; i--) {
            total += *x++ + offset;
        }
        x += window->x_step - window->run;
    }
    return (uint32_t)total;
}

/* Adds both halves of a pair to their sums. */
static inline void mcuq_int4_split(uint32_t sums[2], uint32_t pair)
{
    const int32_t lower = (int16_t)pair, upper = (int32_t)(pair + 0x8000u) >> 16;
    sums[0] += (uint32_t)lower;
    sums[1] += (uint32_t)upper;
}

/* What the taps of a block add up to: channels 2k in the lower half, 2k + 1 in the upper one. */
typedef struct {
    uint32_t p0;
    uint32_t p1;
    uint32_t p2;
    uint32_t p3;
} mcuq_int4_pairs_8;

#ifdef __thumb2__
/* In assembly, because compilers spill here: a shift and an AND are one instruction where the mask is in a register. */
#define MCUQ_INT4_TAP_8(add)                                                                                           \
    "ldr %[t0], [%[w]], #4\n\t"                                                                                        \
    "ldrsb %[v], [%[x]], #1\n\t"                                                                                       \
    "and %[t1], %[mask], %[t0]\n\t"                                                                                    \
    add                                                                                                                \
    "mla %[p0], %[v], %[t1], %[p0]\n\t"                                                                                \
    "and %[t1], %[mask], %[t0], lsr #4\n\t"                                                                            \
    "mla %[p1], %[v], %[t1], %[p1]\n\t"                                                                                \
    "and %[t1], %[mask], %[t0], lsr #8\n\t"                                                                            \
    "mla %[p2], %[v], %[t1], %[p2]\n\t"                                                                                \
    "and %[t1], %[mask], %[t0], lsr #12\n\t"                                                                           \
    "mla %[p3], %[v], %[t1], %[p3]\n\t"

#define MCUQ_INT4_TAPS_8(add)                                                                                          \
    "subs %[n], #4\n\t"                                                                                                \
    "blt 2f\n"                                                                                                         \
    "1:\n\t" MCUQ_INT4_TAP_8(add) MCUQ_INT4_TAP_8(add) MCUQ_INT4_TAP_8(add) MCUQ_INT4_TAP_8(add)                       \
    "subs %[n], #4\n\t"                                                                                                \
    "bge 1b\n"                                                                                                         \
    "2:\n\t"                                                                                                           \
    "adds %[n], #4\n\t"                                                                                                \
    "beq 4f\n"                                                                                                         \
    "3:\n\t" MCUQ_INT4_TAP_8(add)                                                                                      \
    "subs %[n], #1\n\t"                                                                                                \
    "bne 3b\n"                                                                                                         \
    "4:\n\t"

#define MCUQ_INT4_OUTPUTS                                                                                              \
    [x] "+&r"(*x), [w] "+&r"(*w), [n] "+&r"(n), [p0] "+&r"(pairs->p0), [p1] "+&r"(pairs->p1), [p2] "+&r"(pairs->p2),     \
        [p3] "+&r"(pairs->p3), [t0] "=&r"(t0), [t1] "=&r"(t1), [v] "=&r"(v)

/* Adds the next n taps, at least one, to the pairs. */
static inline __attribute__((always_inline)) void mcuq_int4_taps_8(mcuq_int4_pairs_8 *pairs, const int8_t **x,
                                                                   int32_t offset, const uint32_t **w, int32_t n)
{
    uint32_t t0, t1, v;
    if (__builtin_constant_p(offset) && offset == 0) {
        __asm__ volatile(MCUQ_INT4_TAPS_8("") : MCUQ_INT4_OUTPUTS : [mask] "r"(MCUQ_INT4_PAIR) : "cc", "memory");
    } else {
        __asm__ volatile(MCUQ_INT4_TAPS_8("add %[v], %[v], %[offset]\n\t")
                         : MCUQ_INT4_OUTPUTS
                         : [mask] "r"(MCUQ_INT4_PAIR), [offset] "r"(offset)
                         : "cc", "memory");
    }
}

#undef MCUQ_INT4_OUTPUTS
#undef MCUQ_INT4_TAPS_8
#undef MCUQ_INT4_TAP_8
#else
static inline __attribute__((always_inline)) void mcuq_int4_taps_8(mcuq_int4_pairs_8 *pairs, const int8_t **x,
                                                                   int32_t offset, const uint32_t **w, int32_t n)
{
    for (; n > 0; n--) {
        const uint32_t value = (uint32_t)(*(*x)++ + offset), packed = *(*w)++;
        pairs->p0 += value * (packed & MCUQ_INT4_PAIR);
        pairs->p1 += value * (packed >> 4 & MCUQ_INT4_PAIR);
        pairs->p2 += value * (packed >> 8 & MCUQ_INT4_PAIR);
        pairs->p3 += value * (packed >> 12 & MCUQ_INT4_PAIR);
    }
}
#endif

/* sums[k] += (x + offset) * (w_k + 8) over the window, k < 8; `w` are the weights of its first tap. */
static inline __attribute__((always_inline)) void mcuq_int4_accumulate_8(uint32_t sums[8],
                                                                         const mcuq_int4_window *window,
                                                                         const uint32_t *w, int32_t offset,
                                                                         int32_t block)
{
    const int8_t *x = window->x;
    mcuq_int4_pairs_8 pairs = { 0, 0, 0, 0 };
    int32_t left = block, row = window->run > 0 ? window->rows : 0, run = window->run;
    while (row > 0) {
        const int32_t n = run < left ? run : left;
        mcuq_int4_taps_8(&pairs, &x, offset, &w, n);
        left -= n;
        run -= n;
        if (run == 0) {
            run = window->run;
            x += window->x_step - run;
            w += window->w_step - run;
            row--;
        }
        if (left == 0 || row == 0) {
            mcuq_int4_split(sums + 0, pairs.p0);
            mcuq_int4_split(sums + 2, pairs.p1);
            mcuq_int4_split(sums + 4, pairs.p2);
            mcuq_int4_split(sums + 6, pairs.p3);
            pairs.p0 = pairs.p1 = pairs.p2 = pairs.p3 = 0;
            left = block;
        }
    }
}

static __attribute__((noinline, unused)) void mcuq_int4_dot_8(uint32_t sums[8], const mcuq_int4_window *window,
                                                              const uint32_t *w)
{
    mcuq_int4_accumulate_8(sums, window, w, 0, MCUQ_INT4_TAPS);
}

/* The same with an offset, -127 to 128, that is added to every input. */
static __attribute__((noinline, unused)) void mcuq_int4_dot_8_offset(uint32_t sums[8], const mcuq_int4_window *window,
                                                                     const uint32_t *w, int32_t offset)
{
    mcuq_int4_accumulate_8(sums, window, w, offset, MCUQ_INT4_TAPS_OFFSET);
}

/* Four channels: the same without a need for speed, for what is left over of a multiple of eight. */
static __attribute__((noinline, unused)) void mcuq_int4_dot_4(uint32_t sums[4], const mcuq_int4_window *window,
                                                              const uint16_t *w, int32_t offset)
{
    const int8_t *x = window->x;
    uint32_t p0 = 0, p1 = 0;
    int32_t left = MCUQ_INT4_TAPS_OFFSET;
    for (int32_t row = window->rows; row > 0; row--) {
        for (int32_t i = window->run; i > 0; i--) {
            const uint32_t value = (uint32_t)(*x++ + offset), packed = (uint32_t)*w | (uint32_t)*w << 8;
            w++;
            p0 += value * (packed & MCUQ_INT4_PAIR);
            p1 += value * (packed >> 4 & MCUQ_INT4_PAIR);
            if (--left == 0) {
                mcuq_int4_split(sums + 0, p0);
                mcuq_int4_split(sums + 2, p1);
                p0 = p1 = 0;
                left = MCUQ_INT4_TAPS_OFFSET;
            }
        }
        x += window->x_step - window->run;
        w += window->w_step - window->run;
    }
    mcuq_int4_split(sums + 0, p0);
    mcuq_int4_split(sums + 2, p1);
}

/* Two channels. */
static __attribute__((noinline, unused)) void mcuq_int4_dot_2(uint32_t sums[2], const mcuq_int4_window *window,
                                                              const uint8_t *w, int32_t offset)
{
    const int8_t *x = window->x;
    uint32_t s0 = sums[0], s1 = sums[1];
    for (int32_t row = window->rows; row > 0; row--) {
        for (int32_t i = window->run; i > 0; i--) {
            const uint32_t value = (uint32_t)(*x++ + offset), packed = *w++;
            s0 += value * (packed & 15u);
            s1 += value * (packed >> 4);
        }
        x += window->x_step - window->run;
        w += window->w_step - window->run;
    }
    sums[0] = s0;
    sums[1] = s1;
}

#ifdef __cplusplus
}
#endif

#endif
