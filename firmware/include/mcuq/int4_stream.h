/* 4-bit weights as mixed lanes for cores with DSP instructions (mcuq/dsp.h), from half the bytes.
 *
 * A packed word holds two words of lanes: the first in the lower half of each byte, the second in the upper half, every
 * weight with 8 added. A mask gives the lanes with 0x0808 too much in each: a subtraction takes it off where weights are
 * used for many pixels, a correction of the sums where they are used once.
 */
#ifndef MCUQ_INT4_STREAM_H
#define MCUQ_INT4_STREAM_H

#include <stdint.h>

#include "mcuq/dsp.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Both halfwords of `a` less those of `b`, each modulo 2^16. */
static inline uint32_t mcuq_ssub16(uint32_t a, uint32_t b)
{
#if MCUQ_DSP_ASSEMBLY
    uint32_t result;
    __asm__("ssub16 %0, %1, %2" : "=r"(result) : "r"(a), "r"(b));
    return result;
#else
    return ((a - b) & 0xffffu) | (((a >> 16) - (b >> 16)) << 16);
#endif
}

static inline const uint32_t *mcuq_int4_copy_words(uint32_t **to, const uint32_t *from, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        *(*to)++ = *from++;
    }
    return from;
}

/* `blocks` times four words as they are, `packed` words that become twice as many, and `tail` words as they are. */
MCUQ_CODE_SECTION __attribute__((noinline, unused)) static
void mcuq_int4_unpack(uint32_t *to, const uint32_t *from, int32_t blocks, int32_t packed, int32_t tail)
{
    const uint32_t eights = 0x08080808u, halves = 0x0f0f0f0fu;

    for (; blocks > 0; blocks--) {
        from = mcuq_int4_copy_words(&to, from, 4);
        for (int32_t i = 0; i < packed; i++) {
            const uint32_t both = *from++;
            to[0] = mcuq_ssub16(both & halves, eights);
            to[1] = mcuq_ssub16((both >> 4) & halves, eights);
            to += 2;
        }
        from = mcuq_int4_copy_words(&to, from, tail);
    }
}

/* Eight times the sum of `pairs` pairs of taps: what the 8 in each weight adds to a sum. */
static inline uint32_t mcuq_int4_excess(const uint32_t *taps, int32_t pairs)
{
    uint32_t total = 0;
    for (int32_t i = 0; i < pairs; i++) {
        total = mcuq_smlad(taps[i], 0x00010001u, total);
    }
    return 8 * total;
}

/* One row of int16 taps, behind their excess, times all outputs: as mcuq_dot_8_by_2 and its like, with two packed words a
 * pair of taps. */
#if !MCUQ_DSP_ASSEMBLY
static inline void mcuq_dot_8_int4_in_c(const uint32_t *stream, const uint32_t *taps, int8_t *y, int32_t tap_bytes,
                                        int32_t blocks, int linear)
{
    for (int32_t block = 0; block < blocks; block++) {
        uint32_t raw[4], low[4];
        for (int32_t lane = 0; lane < 4; lane++) {
            raw[lane] = stream[2 * lane] - 257 * taps[-1];
            low[lane] = stream[2 * lane + 1] - taps[-1];
        }
        stream += 8;
        for (int32_t k = 0; k < tap_bytes / 4; k++) {
            for (int32_t lane = 0; lane < 4; lane++) {
                const uint32_t weights = (stream[lane / 2] >> (lane % 2 * 4)) & 0x0f0f0f0fu;
                raw[lane] = mcuq_smlad(weights, taps[k], raw[lane]);
                low[lane] = mcuq_smlad(mcuq_sxtb16(weights), taps[k], low[lane]);
            }
            stream += 2;
        }
        stream = mcuq_store_8_in_c(y, raw, low, stream, 0, linear);
        y += 8;
    }
}

#define MCUQ_DEFINE_DOT_8_INT4(name, linear)                                                                           \
    static inline void name(const uint32_t *stream, const uint32_t *taps, int8_t *y, int32_t tap_bytes, int32_t blocks) \
    {                                                                                                                  \
        mcuq_dot_8_int4_in_c(stream, taps, y, tap_bytes, blocks, linear);                                              \
    }

MCUQ_DEFINE_DOT_8_INT4(mcuq_dot_8_int4_2, 0)
MCUQ_DEFINE_DOT_8_INT4(mcuq_dot_8_int4_2_linear, 1)
MCUQ_DEFINE_DOT_8_INT4(mcuq_dot_8_int4_8, 0)
MCUQ_DEFINE_DOT_8_INT4(mcuq_dot_8_int4_8_linear, 1)

#else

/* r0 stream, r1 taps, r2 a pair of them, r3 packed weights, r4 lanes, r5 the mask; sums as in mcuq/dsp.h. */
#define MCUQ_INT4_DOT_CORRECT                                                                                          \
    "ldr r2, [r1, #-4]\n\t"                                                                                            \
    "add r3, r2, r2, lsl #8\n\t"                                                                                       \
    "sub r6, r6, r3\n\t"                                                                                               \
    "sub r7, r7, r2\n\t"                                                                                               \
    "sub r8, r8, r3\n\t"                                                                                               \
    "sub r9, r9, r2\n\t"                                                                                               \
    "sub r10, r10, r3\n\t"                                                                                             \
    "sub r11, r11, r2\n\t"                                                                                             \
    "sub r12, r12, r3\n\t"                                                                                             \
    "sub lr, lr, r2\n\t"                                                                                               \
    "mov r5, #0x0f0f0f0f\n\t"

#define MCUQ_INT4_DOT_PAIR                                                                                             \
    "ldr r2, [r1], #4\n\t"                                                                                             \
    "ldr r3, [r0], #8\n\t"                                                                                             \
    "and r4, r5, r3\n\t" MCUQ_DOT_LANE("r4", "r2", "r6", "r7")                                                         \
    "and r4, r5, r3, lsr #4\n\t" MCUQ_DOT_LANE("r4", "r2", "r8", "r9")                                                 \
    "ldr r3, [r0, #-4]\n\t"                                                                                            \
    "and r4, r5, r3\n\t" MCUQ_DOT_LANE("r4", "r2", "r10", "r11")                                                       \
    "and r4, r5, r3, lsr #4\n\t" MCUQ_DOT_LANE("r4", "r2", "r12", "lr")

#define MCUQ_INT4_DOTS_2 MCUQ_INT4_DOT_PAIR MCUQ_INT4_DOT_PAIR
#define MCUQ_INT4_DOTS_8 MCUQ_INT4_DOTS_2 MCUQ_INT4_DOTS_2 MCUQ_INT4_DOTS_2 MCUQ_INT4_DOTS_2
#define MCUQ_INT4_DOT_BODY(pairs, store)                                                                               \
    MCUQ_DOT_ENTER MCUQ_INT4_DOT_CORRECT MCUQ_DOT_LOOP pairs MCUQ_DOT_TURN MCUQ_DOT_ALL(store) MCUQ_DOT_CLOSE

MCUQ_DEFINE_DOT_8(mcuq_dot_8_int4_2, MCUQ_INT4_DOT_BODY(MCUQ_INT4_DOTS_2, MCUQ_DOT_STORE))
MCUQ_DEFINE_DOT_8(mcuq_dot_8_int4_2_linear, MCUQ_INT4_DOT_BODY(MCUQ_INT4_DOTS_2, MCUQ_DOT_STORE_LINEAR))
MCUQ_DEFINE_DOT_8(mcuq_dot_8_int4_8, MCUQ_INT4_DOT_BODY(MCUQ_INT4_DOTS_8, MCUQ_DOT_STORE))
MCUQ_DEFINE_DOT_8(mcuq_dot_8_int4_8_linear, MCUQ_INT4_DOT_BODY(MCUQ_INT4_DOTS_8, MCUQ_DOT_STORE_LINEAR))
#endif

#ifdef __cplusplus
}
#endif

#endif
