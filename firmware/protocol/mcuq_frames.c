#include "mcuq_frames.h"

#define CRC_BYTES 4u
#define CRC_START 0xFFFFFFFFu
/* What the register holds after a message and that message's own (inverted, little-endian) CRC. */
#define CRC_OF_SOUND_FRAME 0xDEBB20E3u

/* CRC-32 as in Ethernet and zlib (0x04C11DB7, reflected), four bits at a time: a table of 64 bytes. */
static uint32_t crc_add(uint32_t crc, uint8_t byte)
{
    static const uint32_t of_nibble[16] = {
        0x00000000u, 0x1DB71064u, 0x3B6E20C8u, 0x26D930ACu, 0x76DC4190u, 0x6B6B51F4u, 0x4DB26158u, 0x5005713Cu,
        0xEDB88320u, 0xF00F9344u, 0xD6D6A3E8u, 0xCB61B38Cu, 0x9B64C2B0u, 0x86D3D2D4u, 0xA00AE278u, 0xBDBDF21Cu,
    };

    crc ^= byte;
    crc = (crc >> 4) ^ of_nibble[crc & 15u];
    return (crc >> 4) ^ of_nibble[crc & 15u];
}

uint32_t mcuq_crc32(const uint8_t *data, uint32_t bytes)
{
    uint32_t crc = CRC_START;
    uint32_t i;

    for (i = 0; i < bytes; i++) {
        crc = crc_add(crc, data[i]);
    }
    return ~crc;
}

void mcuq_receiver_init(mcuq_receiver *receiver)
{
    receiver->crc = CRC_START;
    receiver->bytes = 0;
    receiver->left = 0;
    receiver->zero_is_due = false;
    receiver->is_too_long = false;
}

static void keep(mcuq_receiver *receiver, uint8_t byte)
{
    if (receiver->bytes == MCUQ_FRAME_BYTES) {
        receiver->is_too_long = true;
        return;
    }
    receiver->frame[receiver->bytes++] = byte;
    receiver->crc = crc_add(receiver->crc, byte);
}

static int end_of_frame(const mcuq_receiver *receiver)
{
    if (receiver->bytes == 0 && receiver->left == 0 && !receiver->zero_is_due) {
        return 0; /* two delimiters in a row */
    }
    if (receiver->bytes <= CRC_BYTES || receiver->left != 0 || receiver->is_too_long ||
        receiver->crc != CRC_OF_SOUND_FRAME) {
        return -1;
    }
    return (int)(receiver->bytes - CRC_BYTES);
}

int mcuq_receive(mcuq_receiver *receiver, uint8_t byte)
{
    int payload_bytes = 0;

    if (byte == 0) {
        payload_bytes = end_of_frame(receiver);
        mcuq_receiver_init(receiver);
    } else if (receiver->left != 0) {
        receiver->left--;
        keep(receiver, byte);
    } else {
        if (receiver->zero_is_due) {
            keep(receiver, 0);
        }
        receiver->left = (uint8_t)(byte - 1u);
        receiver->zero_is_due = byte != 0xFF;
    }
    return payload_bytes;
}

/* What is being sent, and the few encoded bytes that were not written yet. */
typedef struct {
    const uint8_t *head;
    const uint8_t *data;
    uint32_t head_bytes;
    uint32_t payload_bytes;
    uint32_t crc;
    mcuq_write_function write;
    uint32_t waiting;
    uint8_t piece[32];
} sender;

static uint8_t byte_at(const sender *out, uint32_t index)
{
    if (index < out->head_bytes) {
        return out->head[index];
    }
    if (index < out->payload_bytes) {
        return out->data[index - out->head_bytes];
    }
    return (uint8_t)(out->crc >> (8u * (index - out->payload_bytes)));
}

static void flush(sender *out)
{
    out->write(out->piece, out->waiting);
    out->waiting = 0;
}

static void put(sender *out, uint8_t byte)
{
    out->piece[out->waiting++] = byte;
    if (out->waiting == sizeof out->piece) {
        flush(out);
    }
}

void mcuq_send_frame(mcuq_write_function write, const uint8_t *head, uint32_t head_bytes, const uint8_t *data,
                     uint32_t data_bytes)
{
    sender out = {
        .head = head,
        .data = data,
        .head_bytes = head_bytes,
        .payload_bytes = head_bytes + data_bytes,
        .write = write,
        .waiting = 0,
    };
    uint32_t end = out.payload_bytes;
    uint32_t crc = CRC_START;
    uint32_t index;

    for (index = 0; index < end; index++) {
        crc = crc_add(crc, byte_at(&out, index));
    }
    out.crc = ~crc;
    end += CRC_BYTES;

    put(&out, 0); /* whatever stood on the line before ends here */
    index = 0;
    do {
        uint32_t stop = index;
        uint32_t next;

        while (stop - index < 254 && stop < end && byte_at(&out, stop) != 0) {
            stop++;
        }
        put(&out, (uint8_t)(stop - index + 1));
        /* A block of 254 bytes stands for itself, a shorter one also for the zero after it. */
        next = stop - index == 254 ? stop : stop + 1;
        for (; index < stop; index++) {
            put(&out, byte_at(&out, index));
        }
        index = next;
    } while (index <= end); /* a zero is imagined behind the last byte */
    put(&out, 0);
    if (out.waiting != 0) {
        flush(&out);
    }
}
