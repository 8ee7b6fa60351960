/* Frames on a byte stream: COBS between 0x00 delimiters, CRC-32 at the end. What is sent needs no buffer. */
#ifndef MCUQ_FRAMES_H
#define MCUQ_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The most that one LOAD carries, and the frame around it: header 8, index and offset 8, CRC 4. */
#define MCUQ_LOAD_CHUNK_BYTES 496
#define MCUQ_FRAME_BYTES (8 + 8 + MCUQ_LOAD_CHUNK_BYTES + 4)

typedef void (*mcuq_write_function)(const uint8_t *data, size_t bytes);

/* Decodes while bytes arrive: `frame` never holds an encoded byte. */
typedef struct {
    uint32_t crc;
    uint16_t bytes;
    uint8_t left;     /* bytes that this COBS block still brings */
    bool zero_is_due; /* a zero stands before the next block */
    bool is_too_long;
    uint8_t frame[MCUQ_FRAME_BYTES];
} mcuq_receiver;

void mcuq_receiver_init(mcuq_receiver *receiver);

/* Take one byte. Returns the payload bytes of a sound frame that ends here (they lie in `frame`, and must be used before
 * the next byte is given), 0 while there is none, -1 when something ends here that is not a sound frame. */
int mcuq_receive(mcuq_receiver *receiver, uint8_t byte);

/* CRC-32 as in Ethernet and zlib. */
uint32_t mcuq_crc32(const uint8_t *data, uint32_t bytes);

/* Send `head`, then `data`, then the CRC of both as one frame, in small pieces. */
void mcuq_send_frame(mcuq_write_function write, const uint8_t *head, uint32_t head_bytes, const uint8_t *data,
                     uint32_t data_bytes);

#ifdef __cplusplus
}
#endif

#endif
