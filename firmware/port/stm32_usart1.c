/* The older USART of STM32: F1, F2, F4. Reference manuals RM0041, RM0090, RM0390. It has no FIFO. */
#include "parts.h"

#define USART_SR (MCUQ_UART_ADDRESS + 0x00u)
#define USART_DR MCUQ_REGISTER(MCUQ_UART_ADDRESS + 0x04u)
#define USART_BRR MCUQ_REGISTER(MCUQ_UART_ADDRESS + 0x08u)
#define USART_CR1 MCUQ_REGISTER(MCUQ_UART_ADDRESS + 0x0cu)

#define RXNE (1u << 5)
#define TXE (1u << 7)

void mcuq_uart_start(uint32_t uart_hz)
{
    USART_CR1 = 0;
    USART_BRR = (uart_hz + MCUQ_UART_BAUD / 2u) / MCUQ_UART_BAUD; /* sixteenths of a divider: 16 samples a bit */
    USART_CR1 = 1u << 13 | 1u << 3 | 1u << 2;                     /* UE, TE, RE */
}

size_t mcuq_port_read(uint8_t *data, size_t limit)
{
    size_t got = 0;
    /* Reading SR, then DR, also clears an overrun: that byte is lost, and the frame's CRC tells. */
    while (got < limit && (MCUQ_REGISTER(USART_SR) & RXNE)) {
        data[got++] = (uint8_t)USART_DR;
    }
    return got;
}

void mcuq_port_write(const uint8_t *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; ++i) {
        if (!mcuq_wait(USART_SR, TXE, TXE)) {
            return;
        }
        USART_DR = data[i];
    }
}
