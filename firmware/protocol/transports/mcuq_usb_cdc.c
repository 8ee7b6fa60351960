#include "mcuq_usb_cdc.h"

#include "tusb.h"

#define PATIENCE 1000000u /* turns of the stack without a byte taken, or the port closed */

size_t mcuq_usb_cdc_read(uint8_t *data, size_t limit)
{
    tud_task();
    return tud_cdc_available() != 0 ? tud_cdc_read(data, (uint32_t)limit) : 0;
}

void mcuq_usb_cdc_write(const uint8_t *data, size_t bytes)
{
    uint32_t turns = 0;

    while (bytes > 0 && turns < PATIENCE && tud_cdc_connected()) {
        uint32_t taken = tud_cdc_write(data, (uint32_t)bytes);

        data += taken;
        bytes -= taken;
        turns = taken != 0 ? 0 : turns + 1;
        (void)tud_cdc_write_flush();
        tud_task();
    }
}
