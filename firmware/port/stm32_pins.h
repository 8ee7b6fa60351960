/* Pins of the STM32 families that share one kind of GPIO (all but the F1): pin 16 * port + number is one of A0 ... K15. */
#ifndef MCUQ_STM32_PINS_H
#define MCUQ_STM32_PINS_H

#include "mcuq/registers.h"

#define MCUQ_STM32_PORT_BYTES 0x400u

/* Give a pin to the alternate function `function`, with a pull-up, so that an open line is idle. */
static inline void mcuq_stm32_alternate(uint32_t gpio, uint32_t pin, uint32_t function)
{
    uint32_t port = gpio + (pin >> 4) * MCUQ_STM32_PORT_BYTES, number = pin & 15u;
    uint32_t high = number >> 3, nibble = 4u * (number & 7u);
    mcuq_change(port + 0x20u + 4u * high, 15u << nibble, function << nibble);   /* AFRL, AFRH */
    mcuq_change(port + 0x08u, 3u << (2u * number), 2u << (2u * number));        /* OSPEEDR: fast */
    mcuq_change(port + 0x0cu, 3u << (2u * number), 1u << (2u * number));        /* PUPDR: up */
    mcuq_change(port + 0x00u, 3u << (2u * number), 2u << (2u * number));        /* MODER: alternate */
}

#endif
