/* memcpy, memmove, memset and memcmp: what compilers may call, and the firmware has no libc. */
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
int memcmp(const void *left, const void *right, size_t bytes);

/* Without it a compiler may see that the loop is a memcpy, and make memcpy call itself. */
#define KEEP_LOOP __asm__ volatile("" ::: "memory")

typedef uint32_t word __attribute__((may_alias));

static int share_alignment(const void *a, const void *b)
{
    return (((uintptr_t)a ^ (uintptr_t)b) & 3u) == 0;
}

static void copy_up(uint8_t *to, const uint8_t *from, size_t bytes)
{
    if (bytes >= 8u && share_alignment(to, from)) {
        for (; (uintptr_t)to & 3u; --bytes) {
            *to++ = *from++;
            KEEP_LOOP;
        }
        for (; bytes >= 16u; bytes -= 16u, to += 16, from += 16) {
            word *destination = (word *)(void *)to;
            const word *source = (const word *)(const void *)from;
            word a = source[0], b = source[1], c = source[2], d = source[3];
            destination[0] = a;
            destination[1] = b;
            destination[2] = c;
            destination[3] = d;
            KEEP_LOOP;
        }
        for (; bytes >= 4u; bytes -= 4u, to += 4, from += 4) {
            *(word *)(void *)to = *(const word *)(const void *)from;
            KEEP_LOOP;
        }
    }
    for (; bytes != 0; --bytes) {
        *to++ = *from++;
        KEEP_LOOP;
    }
}

static void copy_down(uint8_t *to, const uint8_t *from, size_t bytes)
{
    to += bytes;
    from += bytes;
    if (bytes >= 8u && share_alignment(to, from)) {
        for (; (uintptr_t)to & 3u; --bytes) {
            *--to = *--from;
            KEEP_LOOP;
        }
        for (; bytes >= 4u; bytes -= 4u) {
            to -= 4;
            from -= 4;
            *(word *)(void *)to = *(const word *)(const void *)from;
            KEEP_LOOP;
        }
    }
    for (; bytes != 0; --bytes) {
        *--to = *--from;
        KEEP_LOOP;
    }
}

void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
    copy_up(to, from, bytes);
    return to;
}

void *memmove(void *to, const void *from, size_t bytes)
{
    if ((uintptr_t)to <= (uintptr_t)from) {
        copy_up(to, from, bytes);
    } else {
        copy_down(to, from, bytes);
    }
    return to;
}

void *memset(void *to, int value, size_t bytes)
{
    uint8_t *byte = to;
    uint32_t pattern = (uint32_t)(uint8_t)value * 0x01010101u;
    for (; bytes != 0 && ((uintptr_t)byte & 3u); --bytes) {
        *byte++ = (uint8_t)value;
        KEEP_LOOP;
    }
    for (; bytes >= 4u; bytes -= 4u, byte += 4) {
        *(word *)(void *)byte = pattern;
        KEEP_LOOP;
    }
    for (; bytes != 0; --bytes) {
        *byte++ = (uint8_t)value;
        KEEP_LOOP;
    }
    return to;
}

int memcmp(const void *left, const void *right, size_t bytes)
{
    const uint8_t *a = left;
    const uint8_t *b = right;
    for (; bytes != 0; --bytes, ++a, ++b) {
        if (*a != *b) {
            return *a < *b ? -1 : 1;
        }
    }
    return 0;
}

#if defined(__ARM_EABI__)
/* The names that the Arm run-time ABI gives them; its memset has value and size the other way round. */
void __aeabi_memcpy(void *to, const void *from, size_t bytes);
void __aeabi_memcpy4(void *to, const void *from, size_t bytes);
void __aeabi_memcpy8(void *to, const void *from, size_t bytes);
void __aeabi_memmove(void *to, const void *from, size_t bytes);
void __aeabi_memmove4(void *to, const void *from, size_t bytes);
void __aeabi_memmove8(void *to, const void *from, size_t bytes);
void __aeabi_memset(void *to, size_t bytes, int value);
void __aeabi_memset4(void *to, size_t bytes, int value);
void __aeabi_memset8(void *to, size_t bytes, int value);
void __aeabi_memclr(void *to, size_t bytes);
void __aeabi_memclr4(void *to, size_t bytes);
void __aeabi_memclr8(void *to, size_t bytes);

#define SAME_AS(name) __attribute__((alias(#name)))

void __aeabi_memcpy(void *to, const void *from, size_t bytes)
{
    copy_up(to, from, bytes);
}
void __aeabi_memcpy4(void *to, const void *from, size_t bytes) SAME_AS(__aeabi_memcpy);
void __aeabi_memcpy8(void *to, const void *from, size_t bytes) SAME_AS(__aeabi_memcpy);

void __aeabi_memmove(void *to, const void *from, size_t bytes)
{
    memmove(to, from, bytes);
}
void __aeabi_memmove4(void *to, const void *from, size_t bytes) SAME_AS(__aeabi_memmove);
void __aeabi_memmove8(void *to, const void *from, size_t bytes) SAME_AS(__aeabi_memmove);

void __aeabi_memset(void *to, size_t bytes, int value)
{
    memset(to, value, bytes);
}
void __aeabi_memset4(void *to, size_t bytes, int value) SAME_AS(__aeabi_memset);
void __aeabi_memset8(void *to, size_t bytes, int value) SAME_AS(__aeabi_memset);

void __aeabi_memclr(void *to, size_t bytes)
{
    memset(to, 0, bytes);
}
void __aeabi_memclr4(void *to, size_t bytes) SAME_AS(__aeabi_memclr);
void __aeabi_memclr8(void *to, size_t bytes) SAME_AS(__aeabi_memclr);
#endif
