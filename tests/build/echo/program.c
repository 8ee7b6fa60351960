/* A firmware of one-letter commands, so that boards, ports and links are tested without the real protocol. */
#include "mcuq/port.h"

#include "echo.h"

static uint32_t in_data = 0x12345678u;
static uint32_t in_bss;
int main(void);

static void take(uint8_t *data, size_t bytes)
{
    while (bytes > 0) {
        size_t got = mcuq_port_read(data, bytes);
        data += got;
        bytes -= got;
    }
}

static uint32_t take_word(void)
{
    uint8_t data[4];
    take(data, sizeof data);
    return (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;
}

static void send_word(uint32_t value)
{
    uint8_t data[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16), (uint8_t)(value >> 24)};
    mcuq_port_write(data, sizeof data);
}

static void echo(uint32_t bytes)
{
    uint8_t chunk[64];
    while (bytes > 0) {
        uint32_t part = bytes < sizeof chunk ? bytes : (uint32_t)sizeof chunk;
        take(chunk, part);
        mcuq_port_write(chunk, part);
        bytes -= part;
    }
}

static uint32_t overflow(uint32_t depth)
{
    volatile uint32_t frame[64];
    frame[0] = depth;
    return depth == 0u ? 0u : overflow(depth - 1u) + frame[0];
}

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);

/* Every small size, offset and direction of memmove and memcpy, against a byte loop; the number of differences. */
static uint32_t check_memory(void)
{
    static uint8_t actual[64], expected[64];
    uint32_t wrong = 0;
    for (unsigned to = 0; to < 24u; ++to) {
        for (unsigned from = 0; from < 24u; ++from) {
            for (unsigned bytes = 0; bytes < 40u; ++bytes) {
                for (unsigned i = 0; i < 64u; ++i) {
                    actual[i] = (uint8_t)(i * 7u + 1u);
                }
                for (unsigned i = 0; i < 64u; ++i) {
                    expected[i] = i >= to && i < to + bytes ? actual[from + i - to] : actual[i];
                }
                memmove(actual + to, actual + from, bytes);
                for (unsigned i = 0; i < 64u; ++i) {
                    wrong += actual[i] != expected[i];
                }
                memset(actual + to, (int)bytes, bytes);
                for (unsigned i = 0; i < 64u; ++i) {
                    wrong += actual[i] != (i >= to && i < to + bytes ? (uint8_t)bytes : expected[i]);
                }
            }
        }
    }
    return wrong;
}

static void invoke(void)
{
    uint32_t before = mcuq_port_ticks();
    echo_invoke();
    send_word(mcuq_port_ticks() - before);
}

static void tell_fault(void)
{
    uint32_t record[5] = {0, 0, 0, 0, 0};
    send_word(mcuq_port_fault(record));
    for (unsigned i = 0; i < 5u; ++i) {
        send_word(record[i]);
    }
}

static void tell_figures(void)
{
    send_word(mcuq_port_stack_bytes());
    send_word(mcuq_port_stack_peak_bytes());
    send_word(mcuq_port_static_bytes());
    send_word(mcuq_port_clock_hz());
    send_word(in_data);
    send_word(in_bss);
}

int main(void)
{
    mcuq_port_init();
    for (;;) {
        uint8_t command;
        take(&command, 1);
        switch (command) {
        case 'e': echo(take_word()); break;
        case 'i': invoke(); break;
        case 'm': send_word(check_memory()); break;
        case 'v': tell_figures(); break;
        case 'f': tell_fault(); break;
        case 'n': in_data++; in_bss++; break;
        case 'T': echo_target = (volatile uint32_t *)(uintptr_t)take_word(); break;
        case 'o': send_word(overflow(take_word())); break;
        case 'h': for (;;) { __asm__ volatile("" ::: "memory"); } break;
        case 'z': mcuq_port_reset(); break;
        default: mcuq_port_write((const uint8_t *)"?", 1); break;
        }
    }
}
