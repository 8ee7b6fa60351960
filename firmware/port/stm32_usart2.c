/* The newer USART of STM32 and its LPUART: F7, L4, L4+, U5. Reference manuals RM0385, RM0432, RM0456. */
#include "parts.h"

#define USART_CR1 MCUQ_REGISTER(MCUQ_UART_ADDRESS + 0x00u)
#define USART_BRR MCUQ_REGISTER(MCUQ_UART_ADDRESS + 0x0cu)
#define USART_ISR (MCUQ_UART_ADDRESS + 0x1cu)
#define USART_ICR MCUQ_REGISTER(MCUQ_UART_ADDRESS + 0x20u)
#define USART_RDR MCUQ_REGISTER(MCUQ_UART_ADDRESS + 0x24u)
#define USART_TDR MCUQ_REGISTER(MCUQ_UART_ADDRESS + 0x28u)

#define RXNE (1u << 5)
#define TXE (1u << 7)
#define ERRORS 15u
/* TEACK and REACK: both directions are up. */
#define ACKNOWLEDGED (1u << 21 | 1u << 22)

/* An LPUART divides by 1/256 of a clock. */
#ifdef MCUQ_UART_IS_LPUART
#define DIVIDER(hz) ((uint32_t)(((uint64_t)(hz)*256u + MCUQ_UART_BAUD / 2u) / MCUQ_UART_BAUD))
#else
#define DIVIDER(hz) (((hz) + MCUQ_UART_BAUD / 2u) / MCUQ_UART_BAUD)
#endif

/* Eight bytes deep each way, where the chip has it. */
#ifdef MCUQ_UART_HAS_FIFO
#define FIFO (1u << 29)
#else
#define FIFO 0u
#endif

void mcuq_uart_start(uint32_t uart_hz)
{
    USART_CR1 = 0;
    USART_BRR = DIVIDER(uart_hz);
    USART_CR1 = FIFO;
    USART_CR1 = FIFO | 1u << 3 | 1u << 2 | 1u; /* TE, RE, UE */
    (void)mcuq_wait(USART_ISR, ACKNOWLEDGED, ACKNOWLEDGED);
}

size_t mcuq_port_read(uint8_t *data, size_t limit)
{
    size_t got = 0;
    uint32_t state = MCUQ_REGISTER(USART_ISR);
    if (state & ERRORS) {
        USART_ICR = state & ERRORS; /* an overrun stops reception until it is cleared */
    }
    while (got < limit && (MCUQ_REGISTER(USART_ISR) & RXNE)) {
        data[got++] = (uint8_t)USART_RDR;
    }
    return got;
}

void mcuq_port_write(const uint8_t *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; ++i) {
        if (!mcuq_wait(USART_ISR, TXE, TXE)) {
            return;
        }
        USART_TDR = data[i];
    }
}
