/* Start-up, vector table, stack gauge, fault record and reset of every Cortex-M board. */
#include <stdbool.h>
#include <stdint.h>

#include "mcuq/port.h"

#define STACK_PAINT 0xa5c3a5c3u
#define FAULT_MAGIC 0x4641554cu
#define FAULT_WORDS 5u

#define REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))
#define SCB_AIRCR REGISTER(0xe000ed0cu)
#define SCB_CFSR REGISTER(0xe000ed28u)
#define SCB_MMFAR REGISTER(0xe000ed34u)
#define SCB_BFAR REGISTER(0xe000ed38u)
#define SCB_CPACR REGISTER(0xe000ed88u)

/* From the linker script; the _bytes symbols carry a size as their address. */
extern uint32_t mcuq_stack_start[], mcuq_stack_end[];
extern uint32_t mcuq_data_start[], mcuq_data_end[];
extern const uint32_t mcuq_data_load[];
extern uint32_t mcuq_bss_start[], mcuq_bss_end[];
extern uint32_t mcuq_ram_end[];
extern uint8_t mcuq_static_bytes[];

int main(void);
void mcuq_reset_handler(void);
void mcuq_fault_handler(void);
void mcuq_record_fault(const uint32_t *frame);
void mcuq_systick_handler(void);

/* Survives a reset: neither start-up nor a loader writes here. */
static struct {
    uint32_t magic;
    uint32_t words[FAULT_WORDS];
} fault_record __attribute__((section(".mcuq_noinit")));

struct vector_table {
    uint32_t *stack;
    void (*handlers[15])(void);
};

/* Only dwt.c may enable an interrupt, where there is no cycle counter, and then has its own handler for it. */
__attribute__((weak)) void mcuq_systick_handler(void)
{
    mcuq_fault_handler();
}

/* The reset and the faults have handlers; no other interrupt is ever enabled. */
extern const struct vector_table mcuq_vector_table;
__attribute__((used, section(".mcuq_vectors"))) const struct vector_table mcuq_vector_table = {
    mcuq_stack_end,
    {
        mcuq_reset_handler, mcuq_fault_handler, mcuq_fault_handler, mcuq_fault_handler, mcuq_fault_handler,
        mcuq_fault_handler, mcuq_fault_handler, 0, 0, 0, mcuq_fault_handler, mcuq_fault_handler, 0,
        mcuq_fault_handler, mcuq_systick_handler,
    },
};

static uintptr_t stack_pointer(void)
{
    uintptr_t pointer;
    __asm__ volatile("mov %0, sp" : "=r"(pointer));
    return pointer;
}

static void copy(uint32_t *to, const uint32_t *end, const uint32_t *from)
{
    for (; (uintptr_t)to < (uintptr_t)end; ++to) {
        *to = *from++;
    }
}

void mcuq_reset_handler(void)
{
#if defined(__ARM_FP)
    SCB_CPACR |= 0xfu << 20;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
#endif
    /* volatile: a call of memset here would lie in the very stack that is being painted */
    for (volatile uint32_t *word = mcuq_stack_start; (uintptr_t)word < stack_pointer(); ++word) {
        *word = STACK_PAINT;
    }
    copy(mcuq_data_start, mcuq_data_end, mcuq_data_load);
    for (uint32_t *word = mcuq_bss_start; (uintptr_t)word < (uintptr_t)mcuq_bss_end; ++word) {
        *word = 0;
    }
    main();
    mcuq_port_reset();
}

/* The stack may be what broke, so its pointer is only looked at, and a fresh stack taken. */
__attribute__((naked)) void mcuq_fault_handler(void)
{
    __asm__ volatile("mov r0, sp\n\t"
                     "ldr r1, =mcuq_stack_end\n\t"
                     "mov sp, r1\n\t"
                     "bl mcuq_record_fault\n\t"
                     ".ltorg");
}

__attribute__((used)) void mcuq_record_fault(const uint32_t *frame)
{
    uintptr_t start = (uintptr_t)frame;
    bool readable = start >= (uintptr_t)mcuq_stack_start && start + 32u <= (uintptr_t)mcuq_ram_end;
    uint32_t exception;
    __asm__ volatile("mrs %0, ipsr" : "=r"(exception));
    fault_record.words[0] = exception;
    fault_record.words[1] = readable ? frame[6] : 0u;
    fault_record.words[2] = readable ? frame[5] : 0u;
    fault_record.words[3] = 0;
    fault_record.words[4] = 0;
#if __ARM_ARCH >= 7
    uint32_t cause = SCB_CFSR;
    fault_record.words[3] = cause;
    if (cause & (1u << 15)) {
        fault_record.words[4] = SCB_BFAR;
    } else if (cause & (1u << 7)) {
        fault_record.words[4] = SCB_MMFAR;
    }
    SCB_CFSR = cause;
#endif
    fault_record.magic = FAULT_MAGIC;
    mcuq_port_reset();
}

bool mcuq_port_fault(uint32_t record[FAULT_WORDS])
{
    if (fault_record.magic != FAULT_MAGIC) {
        return false;
    }
    for (unsigned i = 0; i < FAULT_WORDS; ++i) {
        record[i] = fault_record.words[i];
    }
    fault_record.magic = 0;
    return true;
}

uint32_t mcuq_port_stack_bytes(void)
{
    return (uint32_t)((uintptr_t)mcuq_stack_end - (uintptr_t)mcuq_stack_start);
}

uint32_t mcuq_port_stack_peak_bytes(void)
{
    const volatile uint32_t *word = mcuq_stack_start;
    while ((uintptr_t)word < (uintptr_t)mcuq_stack_end && *word == STACK_PAINT) {
        ++word;
    }
    return (uint32_t)((uintptr_t)mcuq_stack_end - (uintptr_t)word);
}

uint32_t mcuq_port_static_bytes(void)
{
    return (uint32_t)(uintptr_t)mcuq_static_bytes;
}

void mcuq_port_reset(void)
{
    __asm__ volatile("dsb" ::: "memory");
    SCB_AIRCR = 0x05fa0004u; /* key and SYSRESETREQ */
    __asm__ volatile("dsb" ::: "memory");
    for (;;) {
    }
}
