/* Kernels for cores with Arm's DSP extension (Cortex-M4, M7, M33): two products a cycle.
 *
 * Weights lie in flash as "mixed lanes": a word holds two channels times two taps, each halfword being
 * 256 * odd channel + even channel. SMLAD with the word as it is gives 256 * odd + even; SXTB16 leaves the even channel,
 * and SMLAD gives its sum alone. Both sums then come out times 256, which is what the requantisation in three
 * instructions asks for: SMMLA with both roundings and the zero point in one constant, a shift, a saturation.
 *
 * Everything has a twin in plain C with the same bits, for other compilers (MCUQ_NO_ASSEMBLY) and for the host.
 */
#ifndef MCUQ_DSP_H
#define MCUQ_DSP_H

#include <stdint.h>

/* Where functions go, in a section of the user's choice (<NAME>_CODE_SECTION); nowhere special by default. */
#ifndef MCUQ_CODE_SECTION
#define MCUQ_CODE_SECTION
#endif

#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && !defined(MCUQ_NO_ASSEMBLY)
#define MCUQ_DSP_ASSEMBLY 1
#else
#define MCUQ_DSP_ASSEMBLY 0
#endif

#ifdef __cplusplus
extern "C" {
#endif

static inline uint32_t mcuq_load_word(const void *address)
{
    uint32_t word;
    __builtin_memcpy(&word, address, sizeof word);
    return word;
}

/* Bytes 0 and 2 of a word as two signed halfwords; `rotate` 8 takes bytes 1 and 3. */
static inline uint32_t mcuq_sxtb16(uint32_t x)
{
#if MCUQ_DSP_ASSEMBLY
    uint32_t result;
    __asm__("sxtb16 %0, %1" : "=r"(result) : "r"(x));
    return result;
#else
    const uint32_t low = (uint32_t)(int32_t)(int8_t)(x & 0xffu) & 0xffffu;
    const uint32_t high = (uint32_t)(int32_t)(int8_t)((x >> 16) & 0xffu) & 0xffffu;
    return low | (high << 16);
#endif
}

static inline uint32_t mcuq_sxtb16_odd(uint32_t x)
{
#if MCUQ_DSP_ASSEMBLY
    uint32_t result;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(result) : "r"(x));
    return result;
#else
    return mcuq_sxtb16((x >> 8) | (x << 24));
#endif
}

/* The lower halfwords of both, `a` below; and the upper ones. */
static inline uint32_t mcuq_pack_low(uint32_t a, uint32_t b)
{
#if MCUQ_DSP_ASSEMBLY
    uint32_t result;
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(result) : "r"(a), "r"(b));
    return result;
#else
    return (a & 0xffffu) | (b << 16);
#endif
}

static inline uint32_t mcuq_pack_high(uint32_t a, uint32_t b)
{
#if MCUQ_DSP_ASSEMBLY
    uint32_t result;
    __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(result) : "r"(b), "r"(a));
    return result;
#else
    return (a >> 16) | (b & 0xffff0000u);
#endif
}

/* Both halfwords added, each modulo 2^16. */
static inline uint32_t mcuq_sadd16(uint32_t a, uint32_t b)
{
#if MCUQ_DSP_ASSEMBLY
    uint32_t result;
    __asm__("sadd16 %0, %1, %2" : "=r"(result) : "r"(a), "r"(b));
    return result;
#else
    return ((a + b) & 0xffffu) | (((a >> 16) + (b >> 16)) << 16);
#endif
}

/* sum + the products of both halfwords, modulo 2^32. */
static inline uint32_t mcuq_smlad(uint32_t a, uint32_t b, uint32_t sum)
{
    const int32_t low = (int32_t)(int16_t)(a & 0xffffu) * (int32_t)(int16_t)(b & 0xffffu);
    const int32_t high = (int32_t)(int16_t)(a >> 16) * (int32_t)(int16_t)(b >> 16);
    return sum + (uint32_t)low + (uint32_t)high;
}

/* sum + the upper half of a * b, modulo 2^32. */
static inline int32_t mcuq_smmla(int32_t a, int32_t b, int32_t sum)
{
#if MCUQ_DSP_ASSEMBLY
    int32_t result;
    __asm__("smmla %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
    return result;
#else
    return (int32_t)((uint32_t)sum + (uint32_t)(int32_t)(((int64_t)a * b) >> 32));
#endif
}

static inline int8_t mcuq_ssat8(int32_t x)
{
#if MCUQ_DSP_ASSEMBLY
    int32_t result;
    __asm__("ssat %0, #8, %1" : "=r"(result) : "r"(x));
    return (int8_t)result;
#else
    return (int8_t)(x < -128 ? -128 : (x > 127 ? 127 : x));
#endif
}

/* Four int8 a word, as two words of two int16 (bytes 0 and 2, then 1 and 3), eight bytes apart: one pixel of a pair.
 * One copy serves all layers. */
MCUQ_CODE_SECTION __attribute__((noinline, unused)) static
void mcuq_expand_words(uint32_t *to, const int8_t *from, int32_t words)
{
    for (; words >= 4; words -= 4) {
        const uint32_t a = mcuq_load_word(from), b = mcuq_load_word(from + 4);
        const uint32_t c = mcuq_load_word(from + 8), d = mcuq_load_word(from + 12);
        to[0] = mcuq_sxtb16(a);
        to[2] = mcuq_sxtb16_odd(a);
        to[4] = mcuq_sxtb16(b);
        to[6] = mcuq_sxtb16_odd(b);
        to[8] = mcuq_sxtb16(c);
        to[10] = mcuq_sxtb16_odd(c);
        to[12] = mcuq_sxtb16(d);
        to[14] = mcuq_sxtb16_odd(d);
        from += 16;
        to += 16;
    }
    for (; words > 0; words--) {
        const uint32_t a = mcuq_load_word(from);
        to[0] = mcuq_sxtb16(a);
        to[2] = mcuq_sxtb16_odd(a);
        from += 4;
        to += 4;
    }
}

/* x times 2^22 times multiplier / 2^31 / 2^e with TensorFlow Lite Micro's two roundings, for |x| < 2^9, 1 <= e <= 28. */
static inline int32_t mcuq_scale_operand(int32_t x, int32_t multiplier, int32_t e)
{
    const int32_t wide = (int32_t)((uint32_t)x << 22);
    const int32_t rounding = (int32_t)((1u << e) + 1u) + 2 * (wide >> 31);
    return mcuq_smmla(wide, multiplier, rounding) >> (e + 1);
}

/* One line of four channels that lie together, `step` bytes from position to position, to a line of each of four planes:
 * `words` of two positions. Where `before` is set, the first word holds the padding and the first position; where `after`
 * is, one more word holds the last position and the padding. `padding`: four bytes that read as it. One copy serves all
 * layers. */
#define MCUQ_SPLIT_BEFORE 1u
#define MCUQ_SPLIT_AFTER 2u
#if MCUQ_DSP_ASSEMBLY
#define MCUQ_SPLIT_WORD                                                                                                \
    "pkhbt r10, r9, lr, lsl #16\n\t"                                                                                   \
    "pkhtb lr, lr, r9, asr #16\n\t"                                                                                    \
    "sxtb16 r9, r10\n\t"                                                                                               \
    "sxtb16 r10, r10, ror #8\n\t"                                                                                      \
    "str r9, [r0], #4\n\t"                                                                                             \
    "str r10, [r6], #4\n\t"                                                                                            \
    "sxtb16 r9, lr\n\t"                                                                                                \
    "sxtb16 lr, lr, ror #8\n\t"                                                                                        \
    "str r9, [r7], #4\n\t"                                                                                             \
    "str lr, [r8], #4\n\t"

/* r0 r6 r7 r8 planes, r2 from, r3 step, r4 words, r5 edges, r12 padding, r9 r10 lr scratch. */
MCUQ_CODE_SECTION __attribute__((naked, noinline, unused)) static
void mcuq_split_line(uint32_t *planes __attribute__((unused)), int32_t plane_bytes __attribute__((unused)),
                     const int8_t *from __attribute__((unused)), int32_t step __attribute__((unused)),
                     int32_t words __attribute__((unused)), uint32_t edges __attribute__((unused)),
                     uint32_t padding __attribute__((unused)))
{
    __asm__ volatile(
        "push {r4-r10, lr}\n\t"
        "ldr r4, [sp, #32]\n\t"
        "ldr r5, [sp, #36]\n\t"
        "ldr.w r12, [sp, #40]\n\t"
        "adds r6, r0, r1\n\t"
        "adds r7, r6, r1\n\t"
        "add.w r8, r7, r1\n\t"
        "cbz r4, 3f\n\t"
        "lsls r1, r5, #31\n\t"
        "beq 1f\n\t"
        "mov r9, r12\n\t"
        "ldr.w lr, [r2]\n\t"
        "add r2, r3\n\t"
        "b 2f\n\t"
        ".p2align 2\n\t"
        "1:\n\t"
        "ldr.w r9, [r2]\n\t"
        "ldr.w lr, [r2, r3]\n\t"
        "add.w r2, r2, r3, lsl #1\n\t"
        "2:\n\t"
        MCUQ_SPLIT_WORD
        "subs r4, #1\n\t"
        "beq 3f\n\t"
        "ldr.w r9, [r2]\n\t"
        "ldr.w lr, [r2, r3]\n\t"
        "add.w r2, r2, r3, lsl #1\n\t"
        MCUQ_SPLIT_WORD
        "subs r4, #1\n\t"
        "bne 1b\n\t"
        "3:\n\t"
        "lsrs r5, r5, #2\n\t" /* the carry is the bit of `after`, which leaves with it */
        "bcc 4f\n\t"
        "ldr.w r9, [r2]\n\t"
        "mov lr, r12\n\t"
        "movs r4, #1\n\t"
        "b 2b\n\t"
        "4:\n\t"
        "pop {r4-r10, pc}\n\t");
}
#else
static inline void mcuq_split_word(uint32_t *planes, int32_t plane_bytes, uint32_t first, uint32_t second)
{
    const int32_t plane = plane_bytes / 4;
    const uint32_t low = mcuq_pack_low(first, second), high = mcuq_pack_high(first, second);
    planes[0] = mcuq_sxtb16(low);
    planes[plane] = mcuq_sxtb16_odd(low);
    planes[2 * plane] = mcuq_sxtb16(high);
    planes[3 * plane] = mcuq_sxtb16_odd(high);
}

MCUQ_CODE_SECTION __attribute__((noinline, unused)) static
void mcuq_split_line(uint32_t *planes, int32_t plane_bytes, const int8_t *from, int32_t step, int32_t words,
                     uint32_t edges, uint32_t padding)
{
    int32_t word = 0;
    if (words > 0 && (edges & MCUQ_SPLIT_BEFORE) != 0) {
        mcuq_split_word(planes, plane_bytes, padding, mcuq_load_word(from));
        from += step;
        word = 1;
    }
    for (; word < words; word++) {
        mcuq_split_word(planes + word, plane_bytes, mcuq_load_word(from), mcuq_load_word(from + step));
        from += 2 * step;
    }
    if ((edges & MCUQ_SPLIT_AFTER) != 0) {
        mcuq_split_word(planes + word, plane_bytes, mcuq_load_word(from), padding);
    }
}
#endif

/* One line of one channel, `step` bytes from position to position, as int16. */
MCUQ_CODE_SECTION __attribute__((noinline, unused)) static
void mcuq_widen_line(int16_t *to, const int8_t *from, int32_t step,
                                                              int32_t positions)
{
    const int16_t *end = to + positions;
    do {
        *to++ = *from;
        from += step;
    } while (to != end);
}

/* What a pair of pixels needs beside the stream of constants. */
typedef struct {
    int32_t output_stride; /* from the first pixel's output to the second's; 0 drops the second */
    int32_t patch_bytes;   /* both pixels */
    int32_t blocks;        /* of four channels */
    int32_t shift;         /* all channels' right shift, where the stream holds none */
} mcuq_pair_job;

/* Two pixels times all channels. `stream`, a block of four channels at a time: four words of start values, two words of
 * mixed lanes a pair of taps, then multiplier, constant and shift of each channel. `patch`: a word of two taps of the
 * first pixel, then one of the second. Where `linear`, negative sums need the second rounding's correction. */
#if !MCUQ_DSP_ASSEMBLY
static inline int8_t mcuq_pair_requantize(uint32_t scaled, const uint32_t *factors, int linear, int32_t shift)
{
    const int32_t sum = (int32_t)scaled;
    const int32_t constant = (int32_t)factors[1] - (linear != 0 && sum < 0 ? 128 : 0);
    return mcuq_ssat8(mcuq_smmla(sum, (int32_t)factors[0], constant) >> (shift != 0 ? (uint32_t)shift : factors[2]));
}

static inline void mcuq_conv_pair_in_c(const uint32_t *stream, const uint32_t *patch, int8_t *y,
                                       const mcuq_pair_job *job, int linear)
{
    const int32_t pairs = job->patch_bytes / 8;
    for (int32_t block = 0; block < job->blocks; block++) {
        uint32_t raw[2][2], low[2][2]; /* pixel, channels 0 and 1 or 2 and 3 */
        for (int32_t half = 0; half < 2; half++) {
            raw[0][half] = raw[1][half] = stream[2 * half];
            low[0][half] = low[1][half] = stream[2 * half + 1];
        }
        stream += 4;
        for (int32_t k = 0; k < pairs; k++) {
            for (int32_t half = 0; half < 2; half++) {
                for (int32_t pixel = 0; pixel < 2; pixel++) {
                    const uint32_t taps = mcuq_load_word(patch + 2 * k + pixel); /* perhaps written as halfwords */
                    raw[pixel][half] = mcuq_smlad(stream[half], taps, raw[pixel][half]);
                    low[pixel][half] = mcuq_smlad(mcuq_sxtb16(stream[half]), taps, low[pixel][half]);
                }
            }
            stream += 2;
        }
        for (int32_t channel = 0; channel < 4; channel++) {
            for (int32_t pixel = 1; pixel >= 0; pixel--) { /* the first pixel last: it stays where the stride is 0 */
                const uint32_t even = low[pixel][channel / 2];
                const uint32_t scaled = channel % 2 == 0 ? even << 8 : raw[pixel][channel / 2] - even;
                y[pixel * job->output_stride] = mcuq_pair_requantize(scaled, stream, linear, job->shift);
            }
            stream += job->shift != 0 ? 2 : 3;
            y++;
        }
    }
}

#define MCUQ_DEFINE_CONV_PAIR(name, linear)                                                                            \
    static inline void name(const uint32_t *stream, const uint32_t *patch, int8_t *y, const mcuq_pair_job *job)        \
    {                                                                                                                  \
        mcuq_conv_pair_in_c(stream, patch, y, job, linear);                                                            \
    }

MCUQ_DEFINE_CONV_PAIR(mcuq_conv_pair_4, 0)
MCUQ_DEFINE_CONV_PAIR(mcuq_conv_pair_4_linear, 1)
MCUQ_DEFINE_CONV_PAIR(mcuq_conv_pair_8, 0)
MCUQ_DEFINE_CONV_PAIR(mcuq_conv_pair_8_linear, 1)
MCUQ_DEFINE_CONV_PAIR(mcuq_conv_pair_24, 0)
MCUQ_DEFINE_CONV_PAIR(mcuq_conv_pair_24_linear, 1)
MCUQ_DEFINE_CONV_PAIR(mcuq_conv_pair_4_alike, 0)
MCUQ_DEFINE_CONV_PAIR(mcuq_conv_pair_8_alike, 0)

#else

/* r0 stream, r1 patch, r2 to r5 scratch; raw and low sums of channels 0/1 and 2/3: r6 r7 r8 r9 of the first pixel,
 * r10 r11 r12 lr of the second. On the stack: patch, its end, output, output stride, blocks. */
#define MCUQ_PAIR_MAC                                                                                                  \
    "smlad r6, r2, r4, r6\n\t"                                                                                         \
    "smlad r8, r3, r4, r8\n\t"                                                                                         \
    "smlad r10, r2, r5, r10\n\t"                                                                                       \
    "smlad r12, r3, r5, r12\n\t"                                                                                       \
    "sxtb16 r2, r2\n\t"                                                                                                \
    "sxtb16 r3, r3\n\t"                                                                                                \
    "smlad r7, r2, r4, r7\n\t"                                                                                         \
    "smlad r9, r3, r4, r9\n\t"                                                                                         \
    "smlad r11, r2, r5, r11\n\t"                                                                                       \
    "smlad lr, r3, r5, lr\n\t"

/* The first of `n` pairs moves both pointers on, the others look back. */
#define MCUQ_PAIR_FIRST(n)                                                                                             \
    "ldr r2, [r0], #(8 * " n ")\n\t"                                                                                   \
    "ldr r3, [r0, #(4 - 8 * " n ")]\n\t"                                                                               \
    "ldr r4, [r1], #(8 * " n ")\n\t"                                                                                   \
    "ldr r5, [r1, #(4 - 8 * " n ")]\n\t" MCUQ_PAIR_MAC

#define MCUQ_PAIR_NEXT(k, n)                                                                                           \
    "ldr r2, [r0, #(8 * " k " - 8 * " n ")]\n\t"                                                                       \
    "ldr r3, [r0, #(8 * " k " + 4 - 8 * " n ")]\n\t"                                                                   \
    "ldr r4, [r1, #(8 * " k " - 8 * " n ")]\n\t"                                                                       \
    "ldr r5, [r1, #(8 * " k " + 4 - 8 * " n ")]\n\t" MCUQ_PAIR_MAC

#define MCUQ_PAIR_OPEN                                                                                                 \
    "push {r4-r11, lr}\n\t"                                                                                            \
    "sub sp, #24\n\t"                                                                                                  \
    "ldr r4, [r3, #12]\n\t"                                                                                            \
    "str r4, [sp, #20]\n\t"                                                                                            \
    "ldr r4, [r3]\n\t"                                                                                                 \
    "ldr r5, [r3, #4]\n\t"                                                                                             \
    "ldr r6, [r3, #8]\n\t"                                                                                             \
    "add r5, r1\n\t"                                                                                                   \
    "str r1, [sp]\n\t"                                                                                                 \
    "str r5, [sp, #4]\n\t"                                                                                             \
    "str r2, [sp, #8]\n\t"                                                                                             \
    "str r4, [sp, #12]\n\t"                                                                                            \
    "str r6, [sp, #16]\n\t"                                                                                            \
    "1:\n\t"                                                                                                           \
    "ldm r0!, {r6, r7, r8, r9}\n\t"                                                                                    \
    "ldr r1, [sp]\n\t"                                                                                                 \
    "mov r10, r6\n\t"                                                                                                  \
    "mov r11, r7\n\t"                                                                                                  \
    "mov r12, r8\n\t"                                                                                                  \
    "mov lr, r9\n\t"                                                                                                   \
    ".p2align 2\n\t"                                                                                                   \
    "2:\n\t"

/* Un-mix: the odd channel is raw - low, already times 256. Then r4 and r5 point to the outputs. */
#define MCUQ_PAIR_TURN                                                                                                 \
    "ldr r2, [sp, #4]\n\t"                                                                                             \
    "cmp r1, r2\n\t"                                                                                                   \
    "bne 2b\n\t"                                                                                                       \
    "ldr r5, [sp, #8]\n\t"                                                                                             \
    "ldr r4, [sp, #12]\n\t"                                                                                            \
    "sub r6, r6, r7\n\t"                                                                                               \
    "sub r8, r8, r9\n\t"                                                                                               \
    "sub r10, r10, r11\n\t"                                                                                            \
    "sub r12, r12, lr\n\t"                                                                                             \
    "lsl r7, r7, #8\n\t"                                                                                               \
    "lsl r9, r9, #8\n\t"                                                                                               \
    "lsl r11, r11, #8\n\t"                                                                                             \
    "lsl lr, lr, #8\n\t"                                                                                               \
    "add r4, r5\n\t"

/* Multiplier in r1, constant in r2, shift in r3. The second pixel is stored first: with a stride of 0 the first one then
 * overwrites it. */
#define MCUQ_PAIR_SCALED(first, second, channel)                                                                       \
    "smmla " second ", " second ", r1, r2\n\t"                                                                         \
    "smmla " first ", " first ", r1, r2\n\t"                                                                           \
    "asr " second ", " second ", r3\n\t"                                                                               \
    "ssat " second ", #8, " second "\n\t"                                                                              \
    "asr " first ", " first ", r3\n\t"                                                                                 \
    "ssat " first ", #8, " first "\n\t"                                                                                \
    "strb " second ", [r4, #" channel "]\n\t"                                                                          \
    "strb " first ", [r5, #" channel "]\n\t"

#define MCUQ_PAIR_STORE(first, second, channel)                                                                        \
    "ldm r0!, {r1, r2, r3}\n\t"                                                                                        \
    MCUQ_PAIR_SCALED(first, second, channel)

/* The shift is the job's. */
#define MCUQ_PAIR_STORE_ALIKE(first, second, channel)                                                                  \
    "ldm r0!, {r1, r2}\n\t"                                                                                            \
    "ldr r3, [sp, #20]\n\t"                                                                                            \
    MCUQ_PAIR_SCALED(first, second, channel)

#define MCUQ_PAIR_STORE_LINEAR(first, second, channel)                                                                 \
    "ldm r0!, {r1, r2}\n\t"                                                                                            \
    "asr r3, " second ", #31\n\t"                                                                                      \
    "add r3, r2, r3, lsl #7\n\t"                                                                                       \
    "smmla " second ", " second ", r1, r3\n\t"                                                                         \
    "asr r3, " first ", #31\n\t"                                                                                       \
    "add r3, r2, r3, lsl #7\n\t"                                                                                       \
    "smmla " first ", " first ", r1, r3\n\t"                                                                           \
    "ldr r3, [r0], #4\n\t"                                                                                             \
    "asr " second ", " second ", r3\n\t"                                                                               \
    "ssat " second ", #8, " second "\n\t"                                                                              \
    "asr " first ", " first ", r3\n\t"                                                                                 \
    "ssat " first ", #8, " first "\n\t"                                                                                \
    "strb " second ", [r4, #" channel "]\n\t"                                                                          \
    "strb " first ", [r5, #" channel "]\n\t"

#define MCUQ_PAIR_CLOSE                                                                                                \
    "ldr r1, [sp, #16]\n\t"                                                                                            \
    "adds r5, #4\n\t"                                                                                                  \
    "str r5, [sp, #8]\n\t"                                                                                             \
    "subs r1, #1\n\t"                                                                                                  \
    "str r1, [sp, #16]\n\t"                                                                                            \
    "bne 1b\n\t"                                                                                                       \
    "add sp, #24\n\t"                                                                                                  \
    "pop {r4-r11, pc}\n\t"

#define MCUQ_PAIR_ALL(store)                                                                                           \
    store("r7", "r11", "0") store("r6", "r10", "1") store("r9", "lr", "2") store("r8", "r12", "3")

#define MCUQ_PAIRS_4                                                                                                   \
    MCUQ_PAIR_FIRST("4") MCUQ_PAIR_NEXT("1", "4") MCUQ_PAIR_NEXT("2", "4") MCUQ_PAIR_NEXT("3", "4")

#define MCUQ_PAIRS_8                                                                                                   \
    MCUQ_PAIR_FIRST("8") MCUQ_PAIR_NEXT("1", "8") MCUQ_PAIR_NEXT("2", "8") MCUQ_PAIR_NEXT("3", "8")                    \
    MCUQ_PAIR_NEXT("4", "8") MCUQ_PAIR_NEXT("5", "8") MCUQ_PAIR_NEXT("6", "8") MCUQ_PAIR_NEXT("7", "8")

#define MCUQ_PAIRS_24                                                                                                  \
    MCUQ_PAIR_FIRST("24") MCUQ_PAIR_NEXT("1", "24") MCUQ_PAIR_NEXT("2", "24") MCUQ_PAIR_NEXT("3", "24")                \
    MCUQ_PAIR_NEXT("4", "24") MCUQ_PAIR_NEXT("5", "24") MCUQ_PAIR_NEXT("6", "24") MCUQ_PAIR_NEXT("7", "24")            \
    MCUQ_PAIR_NEXT("8", "24") MCUQ_PAIR_NEXT("9", "24") MCUQ_PAIR_NEXT("10", "24") MCUQ_PAIR_NEXT("11", "24")          \
    MCUQ_PAIR_NEXT("12", "24") MCUQ_PAIR_NEXT("13", "24") MCUQ_PAIR_NEXT("14", "24") MCUQ_PAIR_NEXT("15", "24")        \
    MCUQ_PAIR_NEXT("16", "24") MCUQ_PAIR_NEXT("17", "24") MCUQ_PAIR_NEXT("18", "24") MCUQ_PAIR_NEXT("19", "24")        \
    MCUQ_PAIR_NEXT("20", "24") MCUQ_PAIR_NEXT("21", "24") MCUQ_PAIR_NEXT("22", "24") MCUQ_PAIR_NEXT("23", "24")

#define MCUQ_DEFINE_CONV_PAIR(name, pairs, store)                                                                      \
    MCUQ_CODE_SECTION __attribute__((naked, noinline, unused)) static                                                  \
    void name(                                                                                                         \
        const uint32_t *stream __attribute__((unused)), const uint32_t *patch __attribute__((unused)),                 \
        int8_t *y __attribute__((unused)), const mcuq_pair_job *job __attribute__((unused)))                           \
    {                                                                                                                  \
        __asm__ volatile(MCUQ_PAIR_OPEN pairs MCUQ_PAIR_TURN MCUQ_PAIR_ALL(store) MCUQ_PAIR_CLOSE);                    \
    }

MCUQ_DEFINE_CONV_PAIR(mcuq_conv_pair_4, MCUQ_PAIRS_4, MCUQ_PAIR_STORE)
MCUQ_DEFINE_CONV_PAIR(mcuq_conv_pair_4_linear, MCUQ_PAIRS_4, MCUQ_PAIR_STORE_LINEAR)
MCUQ_DEFINE_CONV_PAIR(mcuq_conv_pair_8, MCUQ_PAIRS_8, MCUQ_PAIR_STORE)
MCUQ_DEFINE_CONV_PAIR(mcuq_conv_pair_8_linear, MCUQ_PAIRS_8, MCUQ_PAIR_STORE_LINEAR)
MCUQ_DEFINE_CONV_PAIR(mcuq_conv_pair_24, MCUQ_PAIRS_24, MCUQ_PAIR_STORE)
MCUQ_DEFINE_CONV_PAIR(mcuq_conv_pair_24_linear, MCUQ_PAIRS_24, MCUQ_PAIR_STORE_LINEAR)
MCUQ_DEFINE_CONV_PAIR(mcuq_conv_pair_4_alike, MCUQ_PAIRS_4, MCUQ_PAIR_STORE_ALIKE)
MCUQ_DEFINE_CONV_PAIR(mcuq_conv_pair_8_alike, MCUQ_PAIRS_8, MCUQ_PAIR_STORE_ALIKE)
#endif

/* Whole lines of an image as int16, each read once: four bytes a turn, in the order that SXTB16 takes them (bytes 0 and 2,
 * then 1 and 3). One copy serves all layers. */
#if MCUQ_DSP_ASSEMBLY
MCUQ_CODE_SECTION __attribute__((naked, noinline, unused)) static
void mcuq_expand_line(uint32_t *to __attribute__((unused)), const int8_t *from __attribute__((unused)),
                      int32_t words __attribute__((unused)))
{
    __asm__ volatile(
        "push {r4-r11}\n\t"
        "subs r2, #4\n\t"
        "blt 2f\n\t"
        ".p2align 2\n\t"
        "1:\n\t"
        "ldr r4, [r1]\n\t"
        "ldr r6, [r1, #4]\n\t"
        "ldr.w r8, [r1, #8]\n\t"
        "ldr.w r10, [r1, #12]\n\t"
        "sxtb16 r5, r4, ror #8\n\t"
        "sxtb16 r4, r4\n\t"
        "sxtb16 r7, r6, ror #8\n\t"
        "sxtb16 r6, r6\n\t"
        "sxtb16 r9, r8, ror #8\n\t"
        "sxtb16 r8, r8\n\t"
        "sxtb16 r11, r10, ror #8\n\t"
        "sxtb16 r10, r10\n\t"
        "stm.w r0!, {r4-r11}\n\t"
        "adds r1, #16\n\t"
        "subs r2, #4\n\t"
        "bge 1b\n\t"
        "2:\n\t"
        "adds r2, #4\n\t"
        "beq 4f\n\t"
        "3:\n\t"
        "ldr.w r4, [r1], #4\n\t"
        "sxtb16 r5, r4, ror #8\n\t"
        "sxtb16 r4, r4\n\t"
        "stm r0!, {r4, r5}\n\t"
        "subs r2, #1\n\t"
        "bne 3b\n\t"
        "4:\n\t"
        "pop {r4-r11}\n\t"
        "bx lr\n\t");
}
#else
MCUQ_CODE_SECTION __attribute__((noinline, unused)) static
void mcuq_expand_line(uint32_t *to, const int8_t *from, int32_t words)
{
    for (int32_t word = 0; word < words; word++) {
        const uint32_t a = mcuq_load_word(from + 4 * word);
        to[2 * word] = mcuq_sxtb16(a);
        to[2 * word + 1] = mcuq_sxtb16_odd(a);
    }
}
#endif

/* The same in natural order, from position `at` of a line on. */
MCUQ_CODE_SECTION __attribute__((noinline, unused)) static
void mcuq_expand_natural(uint32_t *line, int32_t at, const int8_t *from,
                                                                  int32_t count)
{
    int16_t *to = (int16_t *)(void *)line + at;
    if ((at & 1) != 0 && count > 0) {
        *to++ = *from++;
        count--;
    }
    uint32_t *words = (uint32_t *)(void *)to;
    for (; count >= 8; count -= 8) {
        const uint32_t a = mcuq_load_word(from), b = mcuq_load_word(from + 4);
        const uint32_t a_even = mcuq_sxtb16(a), a_odd = mcuq_sxtb16_odd(a);
        const uint32_t b_even = mcuq_sxtb16(b), b_odd = mcuq_sxtb16_odd(b);
        words[0] = mcuq_pack_low(a_even, a_odd);
        words[1] = mcuq_pack_high(a_even, a_odd);
        words[2] = mcuq_pack_low(b_even, b_odd);
        words[3] = mcuq_pack_high(b_even, b_odd);
        from += 8;
        words += 4;
    }
    to = (int16_t *)(void *)words;
    for (; count > 0; count--) {
        *to++ = *from++;
    }
}

/* Outputs that were made elsewhere, to their place. */
static inline void mcuq_copy_outputs(int8_t *to, const int8_t *from, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        to[i] = from[i];
    }
}

/* Words of a line that read as padding. */
static inline void mcuq_fill_line(uint32_t *line, int32_t words, int32_t zero_point)
{
    const uint32_t both = ((uint32_t)zero_point & 0xffffu) * 0x10001u;
    for (int32_t i = 0; i < words; i++) {
        line[i] = both;
    }
}

/* Lines whose words are both positions at once, lower + 65536 * upper, so that sums of words are sums of both as long as
 * the lower one's stay within int16: what a negative lower one has borrowed from the upper is given back at last. */
static inline uint32_t mcuq_both_at_once(uint32_t lanes)
{
    return lanes - ((lanes & 0x8000u) << 1);
}

MCUQ_CODE_SECTION __attribute__((noinline, unused)) static
void mcuq_expand_sums(uint32_t *to, const int8_t *from, int32_t words)
{
    for (int32_t word = 0; word < words; word++) {
        const uint32_t a = mcuq_load_word(from);
        to[0] = mcuq_both_at_once(mcuq_sxtb16(a));
        to[1] = mcuq_both_at_once(mcuq_sxtb16_odd(a));
        from += 4;
        to += 2;
    }
}

static inline void mcuq_fill_sums(uint32_t *line, int32_t words, int32_t zero_point)
{
    const uint32_t both = (uint32_t)zero_point * 0x10001u;
    for (int32_t i = 0; i < words; i++) {
        line[i] = both;
    }
}

/* Four int8 a word as two words of two int16 (bytes 0 and 2, then 1 and 3). */
static inline void mcuq_expand_row(uint32_t *to, const int8_t *from, int32_t words)
{
    for (int32_t i = 0; i < words; i++) {
        const uint32_t word = mcuq_load_word(from + 4 * i);
        *to++ = mcuq_sxtb16(word);
        *to++ = mcuq_sxtb16_odd(word);
    }
}

/* One row of int16 taps times all outputs. `stream`, a block of eight outputs at a time: eight words of start values,
 * four words of mixed lanes a pair of taps, then multiplier, constant and shift of each output. */
#if !MCUQ_DSP_ASSEMBLY
/* Eight outputs of their sums, by `factors` or by three words of the stream each; the stream behind them. */
static inline const uint32_t *mcuq_store_8_in_c(int8_t *y, const uint32_t *raw, const uint32_t *low,
                                                const uint32_t *stream, const uint32_t *factors, int linear)
{
    for (int32_t channel = 0; channel < 8; channel++) {
        const uint32_t even = low[channel / 2];
        const uint32_t scaled = channel % 2 == 0 ? even << 8 : raw[channel / 2] - even;
        y[channel] = mcuq_pair_requantize(scaled, factors ? factors : stream, linear, 0);
        if (!factors) {
            stream += 3;
        }
    }
    return stream;
}

static inline void mcuq_dot_8_in_c(const uint32_t *stream, const uint32_t *taps, int8_t *y, int32_t tap_bytes,
                                   int32_t blocks, int common, int linear)
{
    const uint32_t *factors = stream;
    if (common) {
        stream += 3;
    }
    for (int32_t block = 0; block < blocks; block++) {
        uint32_t raw[4], low[4];
        for (int32_t lane = 0; lane < 4; lane++) {
            raw[lane] = stream[2 * lane];
            low[lane] = stream[2 * lane + 1];
        }
        stream += 8;
        for (int32_t k = 0; k < tap_bytes / 4; k++) {
            for (int32_t lane = 0; lane < 4; lane++) {
                raw[lane] = mcuq_smlad(stream[lane], taps[k], raw[lane]);
                low[lane] = mcuq_smlad(mcuq_sxtb16(stream[lane]), taps[k], low[lane]);
            }
            stream += 4;
        }
        stream = mcuq_store_8_in_c(y, raw, low, stream, common ? factors : 0, linear);
        y += 8;
    }
}

#define MCUQ_DEFINE_DOT_8(name, common, linear)                                                                                \
    static inline void name(const uint32_t *stream, const uint32_t *taps, int8_t *y, int32_t tap_bytes,                \
                            int32_t blocks)                                                                            \
    {                                                                                                                  \
        mcuq_dot_8_in_c(stream, taps, y, tap_bytes, blocks, common, linear);                                                   \
    }

MCUQ_DEFINE_DOT_8(mcuq_dot_8_by_2, 0, 0)
MCUQ_DEFINE_DOT_8(mcuq_dot_8_by_2_common, 1, 0)
MCUQ_DEFINE_DOT_8(mcuq_dot_8_by_2_linear, 0, 1)
MCUQ_DEFINE_DOT_8(mcuq_dot_8_by_2_common_linear, 1, 1)
MCUQ_DEFINE_DOT_8(mcuq_dot_8_by_8, 0, 0)
MCUQ_DEFINE_DOT_8(mcuq_dot_8_by_8_common, 1, 0)
MCUQ_DEFINE_DOT_8(mcuq_dot_8_by_8_linear, 0, 1)
MCUQ_DEFINE_DOT_8(mcuq_dot_8_by_8_common_linear, 1, 1)
MCUQ_DEFINE_DOT_8(mcuq_dot_8_by_16, 0, 0)
MCUQ_DEFINE_DOT_8(mcuq_dot_8_by_16_common, 1, 0)
MCUQ_DEFINE_DOT_8(mcuq_dot_8_by_16_linear, 0, 1)
MCUQ_DEFINE_DOT_8(mcuq_dot_8_by_16_common_linear, 1, 1)

static inline void mcuq_dot_8_direct_in_c(const uint32_t *stream, const int8_t *x, int8_t *y, int32_t bytes,
                                          int32_t blocks, int common, int linear)
{
    const uint32_t *factors = stream;
    if (common) {
        stream += 3;
    }
    for (int32_t block = 0; block < blocks; block++) {
        uint32_t raw[4], low[4];
        for (int32_t lane = 0; lane < 4; lane++) {
            raw[lane] = stream[2 * lane];
            low[lane] = stream[2 * lane + 1];
        }
        stream += 8;
        for (int32_t at = 0; at < bytes; at += 4) {
            const uint32_t word = mcuq_load_word(x + at);
            const uint32_t taps[2] = {mcuq_sxtb16(word), mcuq_sxtb16_odd(word)};
            for (int32_t k = 0; k < 8; k++) {
                raw[k % 4] = mcuq_smlad(stream[k], taps[k / 4], raw[k % 4]);
                low[k % 4] = mcuq_smlad(mcuq_sxtb16(stream[k]), taps[k / 4], low[k % 4]);
            }
            stream += 8;
        }
        stream = mcuq_store_8_in_c(y, raw, low, stream, common ? factors : 0, linear);
        y += 8;
    }
}

#define MCUQ_DEFINE_DOT_8_DIRECT(name, common, linear)                                                                         \
    static inline void name(const uint32_t *stream, const int8_t *x, int8_t *y, int32_t bytes, int32_t blocks)         \
    {                                                                                                                  \
        mcuq_dot_8_direct_in_c(stream, x, y, bytes, blocks, common, linear);                                                   \
    }

MCUQ_DEFINE_DOT_8_DIRECT(mcuq_dot_8_direct_2, 0, 0)
MCUQ_DEFINE_DOT_8_DIRECT(mcuq_dot_8_direct_2_common, 1, 0)
MCUQ_DEFINE_DOT_8_DIRECT(mcuq_dot_8_direct_2_linear, 0, 1)
MCUQ_DEFINE_DOT_8_DIRECT(mcuq_dot_8_direct_2_common_linear, 1, 1)
MCUQ_DEFINE_DOT_8_DIRECT(mcuq_dot_8_direct_8, 0, 0)
MCUQ_DEFINE_DOT_8_DIRECT(mcuq_dot_8_direct_8_common, 1, 0)
MCUQ_DEFINE_DOT_8_DIRECT(mcuq_dot_8_direct_8_linear, 0, 1)
MCUQ_DEFINE_DOT_8_DIRECT(mcuq_dot_8_direct_8_common_linear, 1, 1)

#else

/* r0 stream, r1 taps, r2 to r5 scratch, raw and low sums of channels 0/1 to 6/7 in r6 to r12 and lr. Two pairs of taps in
 * 37 cycles: loads stand in runs, so that all but the first of a run take one cycle. `w` and `x` are offsets. */
#define MCUQ_DOT_LANE(w, x, raw, low)                                                                                  \
    "smlad " raw ", " w ", " x ", " raw "\n\t"                                                                         \
    "sxtb16 " w ", " w "\n\t"                                                                                          \
    "smlad " low ", " w ", " x ", " low "\n\t"

#define MCUQ_DOT_LOADED(w, x)                                                                                          \
    "ldr r4, [r0, #(" w " + 4)]\n\t"                                                                                   \
    "ldr r5, [r0, #(" w " + 8)]\n\t" MCUQ_DOT_LANE("r3", "r2", "r6", "r7") MCUQ_DOT_LANE("r4", "r2", "r8", "r9")       \
        MCUQ_DOT_LANE("r5", "r2", "r10", "r11")                                                                        \
    "ldr r3, [r0, #(" w " + 12)]\n\t"                                                                                  \
    "ldr r4, [r1, #(" x " + 4)]\n\t"                                                                                   \
    "ldr r5, [r0, #(" w " + 16)]\n\t" MCUQ_DOT_LANE("r3", "r2", "r12", "lr") MCUQ_DOT_LANE("r5", "r4", "r6", "r7")     \
    "ldr r2, [r0, #(" w " + 20)]\n\t"                                                                                  \
    "ldr r3, [r0, #(" w " + 24)]\n\t"                                                                                  \
    "ldr r5, [r0, #(" w " + 28)]\n\t" MCUQ_DOT_LANE("r2", "r4", "r8", "r9") MCUQ_DOT_LANE("r3", "r4", "r10", "r11")    \
        MCUQ_DOT_LANE("r5", "r4", "r12", "lr")

/* The first two of `n` pairs move both pointers on, the others look back. */
#define MCUQ_DOT_FIRST(n)                                                                                              \
    "ldr r2, [r1], #(4 * " n ")\n\t"                                                                                   \
    "ldr r3, [r0], #(16 * " n ")\n\t" MCUQ_DOT_LOADED("-16 * " n, "-4 * " n)

#define MCUQ_DOT_NEXT(k, n)                                                                                            \
    "ldr r2, [r1, #(4 * " k " - 4 * " n ")]\n\t"                                                                       \
    "ldr r3, [r0, #(16 * " k " - 16 * " n ")]\n\t" MCUQ_DOT_LOADED("16 * " k " - 16 * " n, "4 * " k " - 4 * " n)

#define MCUQ_DOT_ENTER                                                                                                 \
    "push {r4-r11, lr}\n\t"                                                                                            \
    "sub sp, #12\n\t"                                                                                                  \
    "add r3, r1\n\t"                                                                                                   \
    "str r1, [sp]\n\t"                                                                                                 \
    "str r2, [sp, #4]\n\t"                                                                                             \
    "str r3, [sp, #8]\n\t"                                                                                             \
    "1:\n\t"                                                                                                           \
    "ldm r0!, {r6, r7, r8, r9, r10, r11, r12, lr}\n\t"                                                                 \
    "ldr r1, [sp]\n\t"

#define MCUQ_DOT_LOOP                                                                                                  \
    ".p2align 2\n\t"                                                                                                   \
    "2:\n\t"

#define MCUQ_DOT_OPEN MCUQ_DOT_ENTER MCUQ_DOT_LOOP

#define MCUQ_DOT_TURN                                                                                                  \
    "ldr r2, [sp, #8]\n\t"                                                                                             \
    "cmp r1, r2\n\t"                                                                                                   \
    "bne 2b\n\t"                                                                                                       \
    "ldr r5, [sp, #4]\n\t"                                                                                             \
    "sub r6, r6, r7\n\t"                                                                                               \
    "sub r8, r8, r9\n\t"                                                                                               \
    "sub r10, r10, r11\n\t"                                                                                            \
    "sub r12, r12, lr\n\t"                                                                                             \
    "lsl r7, r7, #8\n\t"                                                                                               \
    "lsl r9, r9, #8\n\t"                                                                                               \
    "lsl r11, r11, #8\n\t"                                                                                             \
    "lsl lr, lr, #8\n\t"

#define MCUQ_DOT_STORE(sum)                                                                                            \
    "ldm r0!, {r1, r2, r3}\n\t"                                                                                        \
    "smmla " sum ", " sum ", r1, r2\n\t"                                                                               \
    "asr " sum ", " sum ", r3\n\t"                                                                                     \
    "ssat " sum ", #8, " sum "\n\t"                                                                                    \
    "strb " sum ", [r5], #1\n\t"

#define MCUQ_DOT_STORE_LINEAR(sum)                                                                                     \
    "ldm r0!, {r1, r2, r3}\n\t"                                                                                        \
    "asr r4, " sum ", #31\n\t"                                                                                         \
    "add r2, r2, r4, lsl #7\n\t"                                                                                       \
    "smmla " sum ", " sum ", r1, r2\n\t"                                                                               \
    "asr " sum ", " sum ", r3\n\t"                                                                                     \
    "ssat " sum ", #8, " sum "\n\t"                                                                                    \
    "strb " sum ", [r5], #1\n\t"

/* The fifth argument, the number of blocks, lies above what was pushed: 12 + 9 * 4 bytes. */
#define MCUQ_DOT_CLOSE                                                                                                 \
    "str r5, [sp, #4]\n\t"                                                                                             \
    "ldr r1, [sp, #48]\n\t"                                                                                            \
    "subs r1, #1\n\t"                                                                                                  \
    "str r1, [sp, #48]\n\t"                                                                                            \
    "bne 1b\n\t"                                                                                                       \
    "add sp, #12\n\t"                                                                                                  \
    "pop {r4-r11, pc}\n\t"

/* Where one factor serves all outputs it stands before the first block, and waits on the stack. */
#define MCUQ_DOT_OPEN_COMMON                                                                                           \
    "push {r4-r11, lr}\n\t"                                                                                            \
    "sub sp, #24\n\t"                                                                                                  \
    "add r3, r1\n\t"                                                                                                   \
    "str r1, [sp]\n\t"                                                                                                 \
    "str r2, [sp, #4]\n\t"                                                                                             \
    "str r3, [sp, #8]\n\t"                                                                                             \
    "ldm r0!, {r4, r5, r6}\n\t"                                                                                        \
    "str r4, [sp, #12]\n\t"                                                                                            \
    "str r5, [sp, #16]\n\t"                                                                                            \
    "str r6, [sp, #20]\n\t"                                                                                            \
    "1:\n\t"                                                                                                           \
    "ldm r0!, {r6, r7, r8, r9, r10, r11, r12, lr}\n\t"                                                                 \
    "ldr r1, [sp]\n\t"                                                                                                 \
    ".p2align 2\n\t"                                                                                                   \
    "2:\n\t"

#define MCUQ_DOT_FACTOR                                                                                                \
    "ldr r1, [sp, #12]\n\t"                                                                                            \
    "ldr r2, [sp, #16]\n\t"                                                                                            \
    "ldr r3, [sp, #20]\n\t"

#define MCUQ_DOT_STORE_COMMON(sum)                                                                                     \
    "smmla " sum ", " sum ", r1, r2\n\t"                                                                               \
    "asr " sum ", " sum ", r3\n\t"                                                                                     \
    "ssat " sum ", #8, " sum "\n\t"                                                                                    \
    "strb " sum ", [r5], #1\n\t"

#define MCUQ_DOT_STORE_COMMON_LINEAR(sum)                                                                              \
    "asr r4, " sum ", #31\n\t"                                                                                         \
    "add r4, r2, r4, lsl #7\n\t"                                                                                       \
    "smmla " sum ", " sum ", r1, r4\n\t"                                                                               \
    "asr " sum ", " sum ", r3\n\t"                                                                                     \
    "ssat " sum ", #8, " sum "\n\t"                                                                                    \
    "strb " sum ", [r5], #1\n\t"

#define MCUQ_DOT_CLOSE_COMMON                                                                                          \
    "str r5, [sp, #4]\n\t"                                                                                             \
    "ldr r1, [sp, #60]\n\t"                                                                                            \
    "subs r1, #1\n\t"                                                                                                  \
    "str r1, [sp, #60]\n\t"                                                                                            \
    "bne 1b\n\t"                                                                                                       \
    "add sp, #24\n\t"                                                                                                  \
    "pop {r4-r11, pc}\n\t"

#define MCUQ_DOT_BODY(pairs, store) MCUQ_DOT_OPEN pairs MCUQ_DOT_TURN MCUQ_DOT_ALL(store) MCUQ_DOT_CLOSE
#define MCUQ_DOT_BODY_COMMON(pairs, store)                                                                             \
    MCUQ_DOT_OPEN_COMMON pairs MCUQ_DOT_TURN MCUQ_DOT_FACTOR MCUQ_DOT_ALL(store) MCUQ_DOT_CLOSE_COMMON

#define MCUQ_DOT_ALL(store)                                                                                            \
    store("r7") store("r6") store("r9") store("r8") store("r11") store("r10") store("lr") store("r12")

#define MCUQ_DOTS_2 MCUQ_DOT_FIRST("2")
#define MCUQ_DOTS_8 MCUQ_DOT_FIRST("8") MCUQ_DOT_NEXT("2", "8") MCUQ_DOT_NEXT("4", "8") MCUQ_DOT_NEXT("6", "8")
#define MCUQ_DOTS_16 MCUQ_DOTS_8 MCUQ_DOTS_8 /* an offset reaches 255 bytes: 8 pairs at a time, one test for both */

/* Four inputs as they are: the word in r2, its even and then its odd bytes as int16 in r3. */
#define MCUQ_DOT_DIRECT_LANES(w, raw, low, other_raw, other_low)                                                       \
    "ldr r4, [r0, #(" w ")]\n\t"                                                                                       \
    "ldr r5, [r0, #(" w " + 4)]\n\t" MCUQ_DOT_LANE("r4", "r3", raw, low) MCUQ_DOT_LANE("r5", "r3", other_raw, other_low)

#define MCUQ_DOT_DIRECT                                                                                                \
    "ldr r2, [r1], #4\n\t"                                                                                             \
    "ldr r4, [r0], #32\n\t"                                                                                            \
    "ldr r5, [r0, #-28]\n\t"                                                                                           \
    "sxtb16 r3, r2\n\t" MCUQ_DOT_LANE("r4", "r3", "r6", "r7") MCUQ_DOT_LANE("r5", "r3", "r8", "r9")                    \
        MCUQ_DOT_DIRECT_LANES("-24", "r10", "r11", "r12", "lr")                                                        \
    "sxtb16 r3, r2, ror #8\n\t" MCUQ_DOT_DIRECT_LANES("-16", "r6", "r7", "r8", "r9")                                   \
        MCUQ_DOT_DIRECT_LANES("-8", "r10", "r11", "r12", "lr")

#define MCUQ_DOTS_DIRECT_2 MCUQ_DOT_DIRECT
#define MCUQ_DOTS_DIRECT_8 MCUQ_DOT_DIRECT MCUQ_DOT_DIRECT MCUQ_DOT_DIRECT MCUQ_DOT_DIRECT

#define MCUQ_DEFINE_DOT_8_DIRECT(name, body)                                                                   \
    MCUQ_CODE_SECTION __attribute__((naked, noinline, unused)) static                                                  \
    void name(                                                                                                         \
        const uint32_t *stream __attribute__((unused)), const int8_t *x __attribute__((unused)),                       \
        int8_t *y __attribute__((unused)), int32_t bytes __attribute__((unused)),                                      \
        int32_t blocks __attribute__((unused)))                                                                        \
    {                                                                                                                  \
        __asm__ volatile(body);                        \
    }

MCUQ_DEFINE_DOT_8_DIRECT(mcuq_dot_8_direct_2, MCUQ_DOT_BODY(MCUQ_DOTS_DIRECT_2, MCUQ_DOT_STORE))
MCUQ_DEFINE_DOT_8_DIRECT(mcuq_dot_8_direct_2_common, MCUQ_DOT_BODY_COMMON(MCUQ_DOTS_DIRECT_2, MCUQ_DOT_STORE_COMMON))
MCUQ_DEFINE_DOT_8_DIRECT(mcuq_dot_8_direct_2_linear, MCUQ_DOT_BODY(MCUQ_DOTS_DIRECT_2, MCUQ_DOT_STORE_LINEAR))
MCUQ_DEFINE_DOT_8_DIRECT(mcuq_dot_8_direct_2_common_linear, MCUQ_DOT_BODY_COMMON(MCUQ_DOTS_DIRECT_2, MCUQ_DOT_STORE_COMMON_LINEAR))
MCUQ_DEFINE_DOT_8_DIRECT(mcuq_dot_8_direct_8, MCUQ_DOT_BODY(MCUQ_DOTS_DIRECT_8, MCUQ_DOT_STORE))
MCUQ_DEFINE_DOT_8_DIRECT(mcuq_dot_8_direct_8_common, MCUQ_DOT_BODY_COMMON(MCUQ_DOTS_DIRECT_8, MCUQ_DOT_STORE_COMMON))
MCUQ_DEFINE_DOT_8_DIRECT(mcuq_dot_8_direct_8_linear, MCUQ_DOT_BODY(MCUQ_DOTS_DIRECT_8, MCUQ_DOT_STORE_LINEAR))
MCUQ_DEFINE_DOT_8_DIRECT(mcuq_dot_8_direct_8_common_linear, MCUQ_DOT_BODY_COMMON(MCUQ_DOTS_DIRECT_8, MCUQ_DOT_STORE_COMMON_LINEAR))

#define MCUQ_DEFINE_DOT_8(name, body)                                                                          \
    MCUQ_CODE_SECTION __attribute__((naked, noinline, unused)) static                                                  \
    void name(                                                                                                         \
        const uint32_t *stream __attribute__((unused)), const uint32_t *taps __attribute__((unused)),                  \
        int8_t *y __attribute__((unused)), int32_t tap_bytes __attribute__((unused)),                                  \
        int32_t blocks __attribute__((unused)))                                                                        \
    {                                                                                                                  \
        __asm__ volatile(body);                        \
    }

MCUQ_DEFINE_DOT_8(mcuq_dot_8_by_2, MCUQ_DOT_BODY(MCUQ_DOTS_2, MCUQ_DOT_STORE))
MCUQ_DEFINE_DOT_8(mcuq_dot_8_by_2_common, MCUQ_DOT_BODY_COMMON(MCUQ_DOTS_2, MCUQ_DOT_STORE_COMMON))
MCUQ_DEFINE_DOT_8(mcuq_dot_8_by_2_linear, MCUQ_DOT_BODY(MCUQ_DOTS_2, MCUQ_DOT_STORE_LINEAR))
MCUQ_DEFINE_DOT_8(mcuq_dot_8_by_2_common_linear, MCUQ_DOT_BODY_COMMON(MCUQ_DOTS_2, MCUQ_DOT_STORE_COMMON_LINEAR))
MCUQ_DEFINE_DOT_8(mcuq_dot_8_by_8, MCUQ_DOT_BODY(MCUQ_DOTS_8, MCUQ_DOT_STORE))
MCUQ_DEFINE_DOT_8(mcuq_dot_8_by_8_common, MCUQ_DOT_BODY_COMMON(MCUQ_DOTS_8, MCUQ_DOT_STORE_COMMON))
MCUQ_DEFINE_DOT_8(mcuq_dot_8_by_8_linear, MCUQ_DOT_BODY(MCUQ_DOTS_8, MCUQ_DOT_STORE_LINEAR))
MCUQ_DEFINE_DOT_8(mcuq_dot_8_by_8_common_linear, MCUQ_DOT_BODY_COMMON(MCUQ_DOTS_8, MCUQ_DOT_STORE_COMMON_LINEAR))
MCUQ_DEFINE_DOT_8(mcuq_dot_8_by_16, MCUQ_DOT_BODY(MCUQ_DOTS_16, MCUQ_DOT_STORE))
MCUQ_DEFINE_DOT_8(mcuq_dot_8_by_16_common, MCUQ_DOT_BODY_COMMON(MCUQ_DOTS_16, MCUQ_DOT_STORE_COMMON))
MCUQ_DEFINE_DOT_8(mcuq_dot_8_by_16_linear, MCUQ_DOT_BODY(MCUQ_DOTS_16, MCUQ_DOT_STORE_LINEAR))
MCUQ_DEFINE_DOT_8(mcuq_dot_8_by_16_common_linear, MCUQ_DOT_BODY_COMMON(MCUQ_DOTS_16, MCUQ_DOT_STORE_COMMON_LINEAR))
#endif

#ifdef __cplusplus
}
#endif

#endif
