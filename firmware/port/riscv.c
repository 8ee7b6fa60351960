/* Start-up, traps, stack gauge and counter of every RV32 board; `mcuq_chip_reset` is the board's own. */
#include "riscv.h"

#include "parts.h"

#define STACK_PAINT 0xa5c3a5c3u
#define FAULT_MAGIC 0x4641554cu
#define FAULT_WORDS 5u

/* From the linker script; the _bytes symbols carry a size as their address. */
extern uint32_t mcuq_stack_start[], mcuq_stack_end[];
extern uint32_t mcuq_data_start[], mcuq_data_end[];
extern const uint32_t mcuq_data_load[];
extern uint32_t mcuq_bss_start[], mcuq_bss_end[];
extern uint8_t mcuq_static_bytes[];

int main(void);
void mcuq_start(void);
void mcuq_begin(void);
void mcuq_trap(void);
void mcuq_record_trap(uint32_t return_address);

/* Survives a reset: neither start-up nor a loader writes here. */
static struct {
    uint32_t magic;
    uint32_t words[FAULT_WORDS];
} fault_record __attribute__((section(".mcuq_noinit")));

#ifdef MCUQ_HAS_NO_MIE
#define INTERRUPTS_OFF "csrci mstatus, 8\n\t"
#else
#define INTERRUPTS_OFF "csrw mie, zero\n\t"
#endif

/* What mtvec wants of the handler's address: 4 by the standard, more where a core only knows tables. */
#ifndef MCUQ_TRAP_ALIGNMENT
#define MCUQ_TRAP_ALIGNMENT 4
#endif

/* The first instruction; interrupts stay off, and every trap has one handler. */
__attribute__((naked, used, section(".mcuq_vectors"))) void mcuq_start(void)
{
    __asm__ volatile(INTERRUPTS_OFF
                     "la t0, mcuq_trap\n\t"
                     "csrw mtvec, t0\n\t"
                     "la sp, mcuq_stack_end\n\t"
                     "j mcuq_begin");
}

static void copy(uint32_t *to, const uint32_t *end, const uint32_t *from)
{
    for (volatile uint32_t *word = to; (uintptr_t)word < (uintptr_t)end; ++word) {
        *word = *from++;
    }
}

__attribute__((used)) void mcuq_begin(void)
{
    uintptr_t pointer;
    __asm__ volatile("mv %0, sp" : "=r"(pointer));
    /* volatile: a call of memset here would lie in the very stack that is being painted */
    for (volatile uint32_t *word = mcuq_stack_start; (uintptr_t)word < pointer; ++word) {
        *word = STACK_PAINT;
    }
    copy(mcuq_data_start, mcuq_data_end, mcuq_data_load);
    for (volatile uint32_t *word = mcuq_bss_start; (uintptr_t)word < (uintptr_t)mcuq_bss_end; ++word) {
        *word = 0;
    }
    main();
    mcuq_port_reset();
}

/* The stack may be what broke, so a fresh one is taken. */
__attribute__((naked, used, aligned(MCUQ_TRAP_ALIGNMENT))) void mcuq_trap(void)
{
    __asm__ volatile("mv a0, ra\n\t"
                     "la sp, mcuq_stack_end\n\t"
                     "j mcuq_record_trap");
}

__attribute__((used)) void mcuq_record_trap(uint32_t return_address)
{
    uint32_t cause, counter, address;
    __asm__ volatile("csrr %0, mcause" : "=r"(cause));
    __asm__ volatile("csrr %0, mepc" : "=r"(counter));
    __asm__ volatile("csrr %0, mtval" : "=r"(address));
    fault_record.words[0] = cause;
    fault_record.words[1] = counter;
    fault_record.words[2] = return_address;
    fault_record.words[3] = 0;
    fault_record.words[4] = address;
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

/* Where the chip's own reset does nothing (emulators), the program at least starts over. */
void mcuq_port_reset(void)
{
    mcuq_chip_reset();
    mcuq_start();
    for (;;) {
    }
}
