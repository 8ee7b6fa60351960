/* For cores whose widest product has 32 bits: one multiplication serves two pixels, each in 16 bits of the sum. */
#ifndef MCUQ_LANES_H
#define MCUQ_LANES_H

#include <stdint.h>

/* Where functions go, in a section of the user's choice (<NAME>_CODE_SECTION); nowhere special by default. */
#ifndef MCUQ_CODE_SECTION
#define MCUQ_CODE_SECTION
#endif

#include "fixed_point.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The upper 32 bits of a * b for 0 <= b: by halves where the core knows no longer product. */
static inline int32_t mcuq_high_multiply(int32_t a, int32_t b)
{
#if defined(__ARM_ARCH) && __ARM_ARCH == 6
    const uint32_t a_low = (uint32_t)a & 0xffffu, b_low = (uint32_t)b & 0xffffu, b_high = (uint32_t)b >> 16;
    const int32_t cross = (a >> 16) * (int32_t)b_low;
    const uint32_t other = a_low * b_high + (a_low * b_low >> 16);
    const uint32_t carry = (other & 0xffffu) + ((uint32_t)cross & 0xffffu);
    return (a >> 16) * (int32_t)b_high + (int32_t)(other >> 16) + (cross >> 16) + (int32_t)(carry >> 16);
#else
    return (int32_t)(((int64_t)a * b) >> 32);
#endif
}

/* `channel`: bias, multiplier, rounding, shift; rounding holds TFLM's two roundings and the zero point, for 256 sums.
 * `linear`: negative sums round otherwise, which matters where the output's zero point does not clamp them away. */
static inline int8_t mcuq_lanes_requantize(int32_t sum, const int32_t *channel, int32_t low, int32_t high,
                                           int linear)
{
    const int32_t total = sum + channel[0];
    const int32_t scaled = (int32_t)((uint32_t)total << 8);
    const int32_t rounding = channel[2] - (linear && total < 0 ? 128 : 0);
    return (int8_t)mcuq_clamp((mcuq_high_multiply(scaled, channel[1]) + rounding) >> channel[3], low, high);
}

/* The inputs of two pixels, one in each half of a word; a step is 0 where one value stands for all (padding). */
static inline void mcuq_lanes_pack(uint32_t *to, const int8_t *a, int32_t a_step, const int8_t *b, int32_t b_step,
                                   int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        *to++ = (uint32_t)*a + ((uint32_t)*b << 16);
        a += a_step;
        b += b_step;
    }
}

static inline void mcuq_lanes_pack_run(uint32_t *to, const int8_t *a, const int8_t *b, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        to[i] = (uint32_t)a[i] + ((uint32_t)b[i] << 16);
    }
}

/* sums[2 * k] and sums[2 * k + 1]: the dot products of channel k with both pixels of the patch. Four channels' weights
 * stand together tap by tap; after each run of taps the lanes are emptied, because with one tap more they could overflow.
 * The lower lane starts at 2^15 and stays positive, so that it borrows nothing from the upper one. The result is where the
 * next block's runs begin. */
#if defined(__ARM_ARCH_6M__) && !defined(MCUQ_NO_ASSEMBLY)

/* r0 weights, r1 patch, r2 and r3 scratch, r4 to r7 the offsets 1, 2, 3, 0, lanes in r8 to r11, r12 the end of the run, lr
 * runs. On the stack: for each channel the sum of its lanes modulo 2^32 and that of the upper ones, then the end of the
 * patch and the first run. */
#define MCUQ_LANES_TAP(offset, lanes)                                                                                  \
    "ldrsb r3, [r0, " offset "]\n\t"                                                                                   \
    "muls r3, r2\n\t"                                                                                                  \
    "add " lanes ", r3\n\t"

#define MCUQ_LANES_EMPTY(lanes)                                                                                        \
    "mov r2, " lanes "\n\t"                                                                                            \
    "asrs r3, r2, #16\n\t"                                                                                             \
    "ldmia r6!, {r4, r5}\n\t"                                                                                          \
    "adds r4, r4, r2\n\t"                                                                                              \
    "adds r5, r5, r3\n\t"                                                                                              \
    "subs r6, #8\n\t"                                                                                                  \
    "stmia r6!, {r4, r5}\n\t"

#define MCUQ_LANES_RESULT                                                                                              \
    "ldmia r6!, {r4, r5}\n\t"                                                                                          \
    "lsls r3, r5, #16\n\t"                                                                                             \
    "subs r4, r4, r3\n\t"                                                                                              \
    "subs r4, r4, r2\n\t"                                                                                              \
    "stmia r7!, {r4, r5}\n\t"

MCUQ_CODE_SECTION __attribute__((naked, noinline, unused)) static
const uint8_t *mcuq_lanes_dot(
    const int8_t *w __attribute__((unused)), const uint8_t *runs __attribute__((unused)),
    const uint32_t *patch __attribute__((unused)), const uint32_t *end __attribute__((unused)),
    int32_t *sums __attribute__((unused)))
{
    __asm__ volatile(".syntax unified\n\t"
                     "push {r4, r5, r6, r7, lr}\n\t"
                     "mov r4, r8\n\t"
                     "mov r5, r9\n\t"
                     "mov r6, r10\n\t"
                     "mov r7, r11\n\t"
                     "push {r4, r5, r6, r7}\n\t"
                     "sub sp, #40\n\t"
                     "str r3, [sp, #32]\n\t"
                     "str r1, [sp, #36]\n\t"
                     "mov lr, r1\n\t"
                     "mov r1, r2\n\t"
                     "movs r2, #0\n\t"
                     "str r2, [sp, #0]\n\t"
                     "str r2, [sp, #4]\n\t"
                     "str r2, [sp, #8]\n\t"
                     "str r2, [sp, #12]\n\t"
                     "str r2, [sp, #16]\n\t"
                     "str r2, [sp, #20]\n\t"
                     "str r2, [sp, #24]\n\t"
                     "str r2, [sp, #28]\n\t"
                     "movs r7, #0\n\t"
                     "1:\n\t"
                     "mov r2, lr\n\t"
                     "ldrb r3, [r2]\n\t"
                     "adds r2, #1\n\t"
                     "mov lr, r2\n\t"
                     "lsls r3, r3, #2\n\t"
                     "adds r3, r3, r1\n\t"
                     "mov r12, r3\n\t"
                     "movs r3, #128\n\t"
                     "lsls r3, r3, #8\n\t"
                     "mov r8, r3\n\t"
                     "mov r9, r3\n\t"
                     "mov r10, r3\n\t"
                     "mov r11, r3\n\t"
                     "movs r4, #1\n\t"
                     "movs r5, #2\n\t"
                     "movs r6, #3\n\t"
                     "2:\n\t"
                     "ldmia r1!, {r2}\n\t" /**/
                     MCUQ_LANES_TAP("r7", "r8") MCUQ_LANES_TAP("r4", "r9") MCUQ_LANES_TAP("r5", "r10")
                         MCUQ_LANES_TAP("r6", "r11") /**/
                     "adds r0, #4\n\t"
                     "cmp r1, r12\n\t"
                     "bne 2b\n\t"
                     "mov r6, sp\n\t" /**/
                     MCUQ_LANES_EMPTY("r8") MCUQ_LANES_EMPTY("r9") MCUQ_LANES_EMPTY("r10") MCUQ_LANES_EMPTY("r11") /**/
                     "ldr r2, [sp, #32]\n\t"
                     "cmp r1, r2\n\t"
                     "bne 1b\n\t"
                     "ldr r3, [sp, #36]\n\t"
                     "mov r0, lr\n\t"
                     "subs r2, r0, r3\n\t"
                     "lsls r2, r2, #15\n\t"
                     "ldr r7, [sp, #76]\n\t" /* the fifth argument lies above 40 + 9 * 4 bytes */
                     "mov r6, sp\n\t" /**/
                     MCUQ_LANES_RESULT MCUQ_LANES_RESULT MCUQ_LANES_RESULT MCUQ_LANES_RESULT /**/
                     "add sp, #40\n\t"
                     "pop {r4, r5, r6, r7}\n\t"
                     "mov r8, r4\n\t"
                     "mov r9, r5\n\t"
                     "mov r10, r6\n\t"
                     "mov r11, r7\n\t"
                     "pop {r4, r5, r6, r7, pc}\n\t");
}

/* r0 weights, r1 inputs, r2 and r3 scratch, r4 to r7 the offsets 1, 2, 3, 0, sums in r8 to r11, r12 the end. */
#define MCUQ_ROWS_TAP(at)                                                                                              \
    "ldrsb r2, [r1, " at "]\n\t" MCUQ_LANES_TAP("r7", "r8") MCUQ_LANES_TAP("r4", "r9") MCUQ_LANES_TAP("r5", "r10")     \
        MCUQ_LANES_TAP("r6", "r11") "adds r0, #4\n\t"

MCUQ_CODE_SECTION __attribute__((naked, noinline, unused)) static
void mcuq_rows_dot_fours(
    const int8_t *w __attribute__((unused)), const int8_t *x __attribute__((unused)),
    const int8_t *end __attribute__((unused)), int32_t *sums __attribute__((unused)))
{
    __asm__ volatile(".syntax unified\n\t"
                     "push {r3, r4, r5, r6, r7, lr}\n\t"
                     "mov r4, r8\n\t"
                     "mov r5, r9\n\t"
                     "mov r6, r10\n\t"
                     "mov r7, r11\n\t"
                     "push {r4, r5, r6, r7}\n\t"
                     "mov r12, r2\n\t"
                     "movs r7, #0\n\t"
                     "movs r4, #1\n\t"
                     "movs r5, #2\n\t"
                     "movs r6, #3\n\t"
                     "mov r8, r7\n\t"
                     "mov r9, r7\n\t"
                     "mov r10, r7\n\t"
                     "mov r11, r7\n\t"
                     "cmp r1, r12\n\t"
                     "beq 2f\n\t"
                     "1:\n\t" /**/
                     MCUQ_ROWS_TAP("r7") MCUQ_ROWS_TAP("r4") MCUQ_ROWS_TAP("r5") MCUQ_ROWS_TAP("r6") /**/
                     "adds r1, #4\n\t"
                     "cmp r1, r12\n\t"
                     "bne 1b\n\t"
                     "2:\n\t"
                     "ldr r3, [sp, #16]\n\t"
                     "mov r4, r8\n\t"
                     "mov r5, r9\n\t"
                     "mov r6, r10\n\t"
                     "mov r7, r11\n\t"
                     "stmia r3!, {r4, r5, r6, r7}\n\t"
                     "pop {r4, r5, r6, r7}\n\t"
                     "mov r8, r4\n\t"
                     "mov r9, r5\n\t"
                     "mov r10, r6\n\t"
                     "mov r11, r7\n\t"
                     "pop {r3, r4, r5, r6, r7, pc}\n\t");
}
#else
MCUQ_CODE_SECTION __attribute__((noinline, unused)) static
const uint8_t *
mcuq_lanes_dot(const int8_t *w, const uint8_t *runs, const uint32_t *patch, const uint32_t *end, int32_t *sums)
{
    int32_t emptied = 0;
    for (int32_t i = 0; i < 8; i++) {
        sums[i] = 0;
    }
    while (patch != end) {
        const uint32_t *stop = patch + *runs++;
        uint32_t s0 = 0x8000u, s1 = s0, s2 = s0, s3 = s0;
        do {
            const uint32_t inputs = *patch++;
            const uint32_t w0 = (uint32_t)w[0], w1 = (uint32_t)w[1], w2 = (uint32_t)w[2], w3 = (uint32_t)w[3];
            s0 += inputs * w0;
            s1 += inputs * w1;
            s2 += inputs * w2;
            s3 += inputs * w3;
            w += 4;
        } while (patch != stop);
        sums[0] += (int32_t)(s0 & 0xffffu);
        sums[1] += (int32_t)s0 >> 16;
        sums[2] += (int32_t)(s1 & 0xffffu);
        sums[3] += (int32_t)s1 >> 16;
        sums[4] += (int32_t)(s2 & 0xffffu);
        sums[5] += (int32_t)s2 >> 16;
        sums[6] += (int32_t)(s3 & 0xffffu);
        sums[7] += (int32_t)s3 >> 16;
        emptied += 0x8000;
    }
    for (int32_t i = 0; i < 8; i += 2) {
        sums[i] -= emptied;
    }
    return runs;
}

MCUQ_CODE_SECTION __attribute__((noinline, unused)) static
void mcuq_rows_dot_fours(const int8_t *w, const int8_t *x, const int8_t *end,
                                                                  int32_t *sums)
{
    int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    while (x != end) {
        const int32_t input = *x++;
        s0 += input * w[0];
        s1 += input * w[1];
        s2 += input * w[2];
        s3 += input * w[3];
        w += 4;
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}
#endif

/* sums[k]: the dot product of `depth` inputs with row k of four, whose weights stand together input by input. */
static inline void mcuq_rows_dot(const int8_t *w, const int8_t *x, int32_t depth, int32_t sums[4])
{
    const int32_t fours = depth - depth % 4;
    mcuq_rows_dot_fours(w, x, x + fours, sums);
    for (int32_t i = fours; i < depth; i++) {
        for (int32_t k = 0; k < 4; k++) {
            sums[k] += x[i] * w[4 * i + k];
        }
    }
}

#ifdef __cplusplus
}
#endif

#endif
