/* Operations and traps as in "Semihosting for AArch32 and AArch64" (Arm) and "RISC-V Semihosting". */
#include "mcuq_semihosting.h"

#define SYS_OPEN 0x01u
#define SYS_WRITE 0x05u
#define SYS_READ 0x06u
#define MODE_READ 1u  /* "rb" */
#define MODE_WRITE 5u /* "wb" */

static uintptr_t call(uintptr_t operation, const uintptr_t *arguments)
{
#if defined(__riscv)
    register uintptr_t a0 __asm__("a0") = operation;
    register const uintptr_t *a1 __asm__("a1") = arguments;
    /* The three must not be compressed. */
    __asm__ volatile(".option push\n\t.option norvc\n\t"
                     "slli x0, x0, 0x1f\n\tebreak\n\tsrai x0, x0, 7\n\t.option pop"
                     : "+r"(a0)
                     : "r"(a1)
                     : "memory");
    return a0;
#else
    register uintptr_t r0 __asm__("r0") = operation;
    register const uintptr_t *r1 __asm__("r1") = arguments;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
#endif
}

/* The console has one name for both ways, told apart by the mode. */
static uintptr_t opened(uintptr_t mode)
{
    static const char console[] = ":tt";
    const uintptr_t arguments[3] = { (uintptr_t)console, mode, sizeof console - 1 };
    return call(SYS_OPEN, arguments);
}

size_t mcuq_semihosting_read(uint8_t *data, size_t limit)
{
    static uintptr_t handle; /* 0 is no handle of the console's */
    uintptr_t left;

    if (handle == 0) {
        handle = opened(MODE_READ);
    }
    const uintptr_t arguments[3] = { handle, (uintptr_t)data, limit };
    left = call(SYS_READ, arguments); /* answers what it did not read */
    return left <= limit ? limit - left : 0;
}

void mcuq_semihosting_write(const uint8_t *data, size_t bytes)
{
    static uintptr_t handle;

    if (handle == 0) {
        handle = opened(MODE_WRITE);
    }
    const uintptr_t arguments[3] = { handle, (uintptr_t)data, bytes };
    (void)call(SYS_WRITE, arguments);
}
