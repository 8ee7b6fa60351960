/* Stands for a generated model: three steps, of which the second touches whatever address it is given. */
#include "echo.h"

uint8_t echo_arena[1024] __attribute__((section(".mcuq_arena"), aligned(16)));
volatile uint32_t *volatile echo_target;

__attribute__((noinline)) static void echo_step_0(void)
{
    for (unsigned i = 0; i < 1000u; ++i) {
        *(volatile uint8_t *)&echo_arena[i] = (uint8_t)i;
    }
}

__attribute__((noinline)) static void touch(volatile uint32_t *address)
{
    *address = *address + 1u;
    __asm__ volatile("" ::: "memory");
}

__attribute__((noinline)) static void echo_step_1(void)
{
    if (echo_target) {
        touch(echo_target);
    }
    __asm__ volatile("" ::: "memory");
}

__attribute__((noinline)) static void echo_step_2(void)
{
    __builtin_memcpy(echo_arena + 512, echo_arena, 500);
    __asm__ volatile("" ::: "memory");
}

void echo_invoke(void)
{
    echo_step_0();
    echo_step_1();
    echo_step_2();
}
