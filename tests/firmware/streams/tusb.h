/* Stands for TinyUSB: a CDC port whose endpoint takes 64 bytes a turn of the stack. */
#include <stdbool.h>
#include <stdint.h>

void tud_task(void);
uint32_t tud_cdc_available(void);
uint32_t tud_cdc_read(void *data, uint32_t limit);
uint32_t tud_cdc_write(const void *data, uint32_t bytes);
uint32_t tud_cdc_write_flush(void);
bool tud_cdc_connected(void);
