/* The device side of mcuq's serial protocol: give it two callbacks and a model, and call poll.
 *
 *     static mcuq_protocol protocol;
 *     static const mcuq_protocol_hooks hooks = { .board = "my board", .read = uart_read, .write = uart_write, ... };
 *
 *     mcuq_protocol_init(&protocol, &hooks, &mcuq_the_model);
 *     for (;;) {
 *         mcuq_protocol_poll(&protocol);
 *     }
 *
 * A frame is COBS between 0x00 delimiters around: kind 1, status 1, sequence 2, session 4, body, CRC-32 4; all numbers are
 * little-endian. A body is a row of 32-bit words, then bytes. A reply repeats sequence and session, and its kind is
 * that of the request + 0x80.
 *
 * HELLO names a new session (a random number of the host); every other request of another session is refused, so that a
 * restarted device or host never takes part in an old conversation. Within a session a sequence number that is newer than
 * the last (modulo 2^16) is executed, the last one is answered again with the kept reply, an older one is ignored.
 * The target must be little-endian.
 */
#ifndef MCUQ_PROTOCOL_H
#define MCUQ_PROTOCOL_H

#include "mcuq/model.h"
#include "mcuq_frames.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MCUQ_PROTOCOL_VERSION 1
#define MCUQ_READ_CHUNK_BYTES 4096
#define MCUQ_REPLY_BYTES 44
#define MCUQ_FAULT_WORDS 5
#define MCUQ_ARENA 0xFFFFFFFFu

/* What is asked: body -> body of the reply. Words are 32 bits wide unless marked. */
enum mcuq_request {
    MCUQ_HELLO = 1,       /* version -> see the answer in mcuq_protocol.c */
    MCUQ_NAME = 2,        /* 0 board, 1 model, 2 version of the firmware -> characters */
    MCUQ_DESCRIBE = 3,    /* 0 input / 1 output, index -> bytes, dtype, scale (float), zero point, shape ... */
    MCUQ_LOAD = 4,        /* index, offset, data -> nothing */
    MCUQ_INVOKE = 5,      /* times, output index, output bytes -> ticks, first bytes of that output */
    MCUQ_STEPS = 6,       /* first, last -> ticks */
    MCUQ_READ_OUTPUT = 7, /* index, offset, bytes -> data */
    MCUQ_READ_ARENA = 8,  /* 0 arena, 1 counters of the field, offset, bytes -> data */
    MCUQ_STATS = 9,       /* -> stack, stack peak, static, arena bytes, clock now, temperature, supply; 0: unknown */
    MCUQ_FAULT = 10,      /* -> 1 (or 0: there was none), exception number, pc, lr, cfsr, address */
    MCUQ_RESET = 11,      /* -> nothing; then starts over */
    MCUQ_CHECK = 12,      /* index of an input or MCUQ_ARENA, offset, bytes -> CRC-32 of what lies there */
    MCUQ_BOOT = 0x7E,     /* reply only, said at the start, of session 0: the body is that of FAULT */
    MCUQ_REJECT = 0x7F    /* reply only: something came in that is not a frame */
};

/* ticks = total (64 bits), fewest, most of the runs or steps. INVOKE and STEPS answer twice: MCUQ_STARTED, then the rest. */
enum mcuq_status {
    MCUQ_OK = 0,
    MCUQ_STARTED = 1,
    MCUQ_BAD_FRAME = 2,
    MCUQ_WRONG_SESSION = 3, /* body: the session that holds; 0: none since the start */
    MCUQ_UNKNOWN_REQUEST = 4,
    MCUQ_BAD_LENGTH = 5,
    MCUQ_BAD_INDEX = 6,
    MCUQ_OUT_OF_RANGE = 7,
    MCUQ_NOT_INSTRUMENTED = 8,
    MCUQ_INIT_FAILED = 9, /* body: the code that init gave */
    MCUQ_UNSUPPORTED = 10
};

enum mcuq_hello_flags {
    MCUQ_KEEPS_INPUTS = 1,
    MCUQ_IS_INSTRUMENTED = 2
};

/* What the protocol needs of the program around it. From `ticks` on, a null pointer means "unknown" or "cannot". */
typedef struct {
    const char *board;
    const char *version; /* of the program; a null pointer says nothing */
    uint8_t window; /* frames that may be on their way: 1 unless the stream itself keeps what the UART cannot */
    size_t (*read)(uint8_t *data, size_t limit); /* what has arrived; does not wait */
    mcuq_write_function write;                   /* send all */
    uint32_t (*ticks)(void);                     /* counts up, wraps at 2^32 */
    uint32_t (*ticks_hz)(void);
    uint32_t (*clock_hz)(void);
    uint32_t (*stack_bytes)(void);
    uint32_t (*stack_peak_bytes)(void);
    uint32_t (*static_bytes)(void);
    /* Exception number, pc, lr, cfsr and address of the fault that caused the last reset; false: none. Asked at the start. */
    bool (*fault)(uint32_t record[MCUQ_FAULT_WORDS]);
    void (*reset)(void);
    uint32_t (*temperature_mk)(void); /* of the die, in thousandths of a kelvin; 0 where it cannot be told */
    uint32_t (*supply_mv)(void);
} mcuq_protocol_hooks;

/* All the state there is: under 640 bytes on a 32-bit core. */
typedef struct {
    const mcuq_protocol_hooks *hooks;
    const mcuq_model *model;
    int32_t init_code;
    uint32_t session;
    const uint8_t *data; /* the second part of the last reply, sent from where it lies */
    uint32_t fault[1 + MCUQ_FAULT_WORDS]; /* the body of FAULT */
    uint16_t data_bytes;
    uint8_t reply_bytes;
    uint8_t reply[MCUQ_REPLY_BYTES]; /* the first part of the last reply, with its header */
    mcuq_receiver receiver;
} mcuq_protocol;

/* Say BOOT, so that a host can tell a restart and its cause even when the next line never returns; then start the model.
 * Unless model->init() returns 0, everything that needs the model is refused with its code. */
void mcuq_protocol_init(mcuq_protocol *protocol, const mcuq_protocol_hooks *hooks, const mcuq_model *model);

/* Take at most 32 bytes that have arrived and answer what they complete. Returns how many bytes there were. */
size_t mcuq_protocol_poll(mcuq_protocol *protocol);

#ifdef __cplusplus
}
#endif

#endif
