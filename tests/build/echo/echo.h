#ifndef ECHO_H
#define ECHO_H
#include <stdint.h>
extern uint8_t echo_arena[1024];
extern volatile uint32_t *volatile echo_target;
void echo_invoke(void);
#endif
