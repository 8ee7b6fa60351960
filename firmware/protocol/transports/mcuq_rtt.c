#include "mcuq_rtt.h"

#define PATIENCE 10000000u /* looks at a full ring before giving up */

/* One byte always stays free: equal offsets mean empty. The reader moves `read_at` only, the writer `write_at` only. */
typedef struct {
    const char *name;
    uint8_t *bytes;
    uint32_t size;
    volatile uint32_t write_at;
    volatile uint32_t read_at;
    uint32_t flags;
} ring;

static uint8_t up_bytes[MCUQ_RTT_UP_BYTES];
static uint8_t down_bytes[MCUQ_RTT_DOWN_BYTES];

typedef struct {
    char id[16];
    int32_t up_count;
    int32_t down_count;
    ring up;
    ring down;
} control_block;

/* The name that probes look up in the ELF; otherwise they search RAM for the id. */
extern control_block _SEGGER_RTT;
control_block _SEGGER_RTT = {
    .id = "SEGGER RTT",
    .up_count = 1,
    .down_count = 1,
    .up = { .name = "mcuq", .bytes = up_bytes, .size = sizeof up_bytes },
    .down = { .name = "mcuq", .bytes = down_bytes, .size = sizeof down_bytes },
};

/* The probe must see the bytes before the offset. */
static void order_memory(void)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
#if defined(__ARM_ARCH)
    __asm__ volatile("dmb" ::: "memory");
#elif defined(__riscv)
    __asm__ volatile("fence" ::: "memory");
#endif
}

size_t mcuq_rtt_read(uint8_t *data, size_t limit)
{
    ring *down = &_SEGGER_RTT.down;
    uint32_t at = down->read_at;
    size_t count = 0;

    while (count < limit && at != down->write_at) {
        order_memory();
        data[count++] = down->bytes[at];
        at = at + 1 == down->size ? 0 : at + 1;
    }
    order_memory();
    down->read_at = at;
    return count;
}

void mcuq_rtt_write(const uint8_t *data, size_t bytes)
{
    ring *up = &_SEGGER_RTT.up;
    size_t i;

    for (i = 0; i < bytes; i++) {
        uint32_t at = up->write_at;
        uint32_t next = at + 1 == up->size ? 0 : at + 1;
        uint32_t looks = 0;

        while (next == up->read_at) {
            if (++looks == PATIENCE) {
                return;
            }
        }
        up->bytes[at] = data[i];
        order_memory();
        up->write_at = next;
    }
}
