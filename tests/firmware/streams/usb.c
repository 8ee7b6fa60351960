#include "tusb.h"

#include <string.h>

static uint8_t sent[65536], coming[65536];
static uint32_t sent_bytes, coming_bytes, taken_bytes, room;
static bool is_connected = true;

void tud_task(void)
{
    room = 64;
}

uint32_t tud_cdc_available(void)
{
    return coming_bytes - taken_bytes;
}

uint32_t tud_cdc_read(void *data, uint32_t limit)
{
    uint32_t count = tud_cdc_available() < limit ? tud_cdc_available() : limit;
    memcpy(data, coming + taken_bytes, count);
    taken_bytes += count;
    return count;
}

uint32_t tud_cdc_write(const void *data, uint32_t bytes)
{
    uint32_t count = bytes < room ? bytes : room;
    memcpy(sent + sent_bytes, data, count);
    sent_bytes += count;
    room -= count;
    return count;
}

uint32_t tud_cdc_write_flush(void)
{
    return 0;
}

bool tud_cdc_connected(void)
{
    return is_connected;
}

uint32_t usb_sent(uint8_t *data);
void usb_receive(const uint8_t *data, uint32_t bytes);
void usb_plug(int is_in);

uint32_t usb_sent(uint8_t *data)
{
    memcpy(data, sent, sent_bytes);
    return sent_bytes;
}

void usb_receive(const uint8_t *data, uint32_t bytes)
{
    memcpy(coming + coming_bytes, data, bytes);
    coming_bytes += bytes;
}

void usb_plug(int is_in)
{
    is_connected = is_in != 0;
}
