/* The protocol over a USB serial port (CDC ACM) of TinyUSB.
 *
 *     hooks.read = mcuq_usb_cdc_read; hooks.write = mcuq_usb_cdc_write; hooks.window = 4;
 *
 * The stack has its own flow control: several frames may be on their way. Descriptors and tusb_init() are the program's. */
#ifndef MCUQ_USB_CDC_H
#define MCUQ_USB_CDC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

size_t mcuq_usb_cdc_read(uint8_t *data, size_t limit);

/* Waits for the host where the endpoint is full, but not for ever. */
void mcuq_usb_cdc_write(const uint8_t *data, size_t bytes);

#ifdef __cplusplus
}
#endif

#endif
