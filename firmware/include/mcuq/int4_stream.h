/* 4-bit weights as mixed lanes for cores with DSP instructions (mcuq/dsp.h), from half the bytes.
 *
 * A packed word holds two words of lanes: the first in the lower half of each byte, the second in the upper half, every
 * weight with 8 added. A mask gives the lanes with 0x0808 too much in each.
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

#ifdef __cplusplus
}
#endif

#endif
