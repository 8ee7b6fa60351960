/* The device side of the protocol on the host: two queues for a UART, and a model whose every call is counted.
 *
 * As a library it is driven byte by byte. As a program (with -DHARNESS_MAIN) it takes a stream from a file and answers it
 * into another, in pieces whose sizes come from the stream itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../firmware/protocol/mcuq_protocol.h"

#define QUEUE_BYTES (1 << 20)
#define INPUT_0_BYTES 1500
#define INPUT_1_BYTES 5
#define OUTPUT_0_BYTES 12
#define OUTPUT_1_BYTES 5000
#define STEPS 4
#define ARENA_BYTES (INPUT_0_BYTES + INPUT_1_BYTES + OUTPUT_0_BYTES + OUTPUT_1_BYTES)

typedef struct {
    uint8_t bytes[QUEUE_BYTES];
    size_t first, end;
} queue;

static queue to_device, from_device;
static uint8_t arena[ARENA_BYTES];
static uint32_t invocations, steps_run, resets, ticks;
static mcuq_protocol protocol;

#define IN_0 arena
#define IN_1 (IN_0 + INPUT_0_BYTES)
#define OUT_0 (IN_1 + INPUT_1_BYTES)
#define OUT_1 (OUT_0 + OUTPUT_0_BYTES)

static size_t take(queue *from, uint8_t *data, size_t limit)
{
    size_t count = from->end - from->first;
    count = count < limit ? count : limit;
    memcpy(data, from->bytes + from->first, count);
    from->first += count;
    if (from->first == from->end) {
        from->first = from->end = 0;
    }
    return count;
}

static void give(queue *to, const uint8_t *data, size_t count)
{
    if (count > QUEUE_BYTES - to->end) {
        abort();
    }
    memcpy(to->bytes + to->end, data, count);
    to->end += count;
}

static size_t piece = 32;

static size_t device_read(uint8_t *data, size_t limit)
{
    return take(&to_device, data, limit < piece ? limit : piece);
}

static void device_write(const uint8_t *data, size_t count)
{
    give(&from_device, data, count);
}

static uint32_t count_ticks(void)
{
    return ticks += 100;
}

static uint32_t hz(void)
{
    return 25000000;
}

static uint32_t stack_bytes(void)
{
    return 4096;
}

static uint32_t stack_peak_bytes(void)
{
    return 512;
}

/* 23.75 degrees Celsius, and 3.3 V. */
static uint32_t temperature_mk(void)
{
    return 296900;
}

static uint32_t supply_mv(void)
{
    return 3300;
}

static bool has_fault;

static bool last_fault(uint32_t record[MCUQ_FAULT_WORDS])
{
    static const uint32_t example[MCUQ_FAULT_WORDS] = { 3, 0x1234, 0x5679, 0x8200, 0x20000000 };
    bool was_there = has_fault;
    if (was_there) {
        memcpy(record, example, sizeof example);
    }
    has_fault = false;
    return was_there;
}

static int init_code;

static int model_init(void)
{
    return init_code;
}

static uint8_t *model_input(unsigned index)
{
    return index == 0 ? IN_0 : IN_1;
}

static const uint8_t *model_output(unsigned index)
{
    return index == 0 ? OUT_0 : OUT_1;
}

/* Step 0 fills output 1, step 1 output 0, step 2 nothing, step 3 destroys the inputs: a second run would be seen. */
static void model_step(unsigned index)
{
    unsigned i, j;
    steps_run++;
    ticks += 1000 * (index + 1);
    if (index == 0) {
        for (i = 0; i < OUTPUT_1_BYTES; i++) {
            OUT_1[i] = (uint8_t)(IN_0[i % INPUT_0_BYTES] ^ (i / 7));
        }
    } else if (index == 1) {
        for (i = 0; i < OUTPUT_0_BYTES; i++) {
            unsigned sum = i;
            for (j = 0; j < INPUT_0_BYTES; j++) {
                sum = sum * 31 + IN_0[j];
            }
            OUT_0[i] = (uint8_t)(sum ^ (sum >> 11) ^ IN_1[i % INPUT_1_BYTES]);
        }
    } else if (index == 3) {
        memset(arena, 0xEE, INPUT_0_BYTES + INPUT_1_BYTES);
    }
}

static void model_invoke(void)
{
    unsigned i;
    invocations++;
    for (i = 0; i < STEPS; i++) {
        model_step(i);
    }
}

static const uint32_t shape_0[] = { 1, 30, 50 };
static const uint32_t shape_1[] = { 1, INPUT_1_BYTES };
static const uint32_t shape_2[] = { 1, OUTPUT_0_BYTES };
static const uint32_t shape_3[] = { 1, 50, 100, 1 };

static const mcuq_tensor_info inputs[] = {
    { INPUT_0_BYTES, MCUQ_INT8, 3, shape_0, 0.5f, -3 },
    { INPUT_1_BYTES, MCUQ_UINT8, 2, shape_1, 0.0f, 0 },
};
static const mcuq_tensor_info outputs[] = {
    { OUTPUT_0_BYTES, MCUQ_INT8, 2, shape_2, 0.00390625f, -128 },
    { OUTPUT_1_BYTES, MCUQ_INT8, 4, shape_3, 0.1f, 7 },
};

static mcuq_model model = {
    .name = "fake_model",
    .hash = { 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0xff },
    .input_count = 2,
    .output_count = 2,
    .step_count = STEPS,
    .keep_inputs = false,
    .instrumented = true,
    .arena_bytes = ARENA_BYTES,
    .inputs = inputs,
    .outputs = outputs,
    .arena = arena,
    .init = model_init,
    .input = model_input,
    .output = model_output,
    .invoke = model_invoke,
    .step = model_step,
};

static void device_reset(void);

static mcuq_protocol_hooks hooks = {
    .board = "fake-board",
    .version = "1.2.3",
    .window = 1,
    .read = device_read,
    .write = device_write,
    .ticks = count_ticks,
    .ticks_hz = hz,
    .clock_hz = hz,
    .stack_bytes = stack_bytes,
    .stack_peak_bytes = stack_peak_bytes,
    .temperature_mk = temperature_mk,
    .supply_mv = supply_mv,
    .fault = last_fault,
    .reset = device_reset,
};

void harness_start(unsigned window, int is_instrumented, int code, int crashed);
void harness_feed(const uint8_t *data, size_t count);
void harness_poll(void);
size_t harness_take(uint8_t *data, size_t limit);
uint32_t harness_count(unsigned which);

static void device_reset(void)
{
    resets++;
    mcuq_protocol_init(&protocol, &hooks, &model);
}

/* Power on; `crashed`: after a fault. */
void harness_start(unsigned window, int is_instrumented, int code, int crashed)
{
    hooks.window = (uint8_t)window;
    model.instrumented = is_instrumented != 0;
    init_code = code;
    has_fault = crashed != 0;
    invocations = steps_run = resets = ticks = 0;
    to_device.first = to_device.end = from_device.first = from_device.end = 0;
    mcuq_protocol_init(&protocol, &hooks, &model);
}

void harness_feed(const uint8_t *data, size_t count)
{
    give(&to_device, data, count);
}

void harness_poll(void)
{
    while (mcuq_protocol_poll(&protocol) != 0) {
    }
}

size_t harness_take(uint8_t *data, size_t limit)
{
    return take(&from_device, data, limit);
}

/* 0 invocations, 1 steps, 2 resets, 3 bytes of protocol state */
uint32_t harness_count(unsigned which)
{
    return which == 0 ? invocations : which == 1 ? steps_run : which == 2 ? resets : (uint32_t)sizeof protocol;
}

#ifdef HARNESS_MAIN
int main(int count, char **arguments)
{
    static uint8_t stream[QUEUE_BYTES], answers[QUEUE_BYTES];
    size_t length, at = 0;
    FILE *file = count == 3 ? fopen(arguments[1], "rb") : NULL;
    if (file == NULL) {
        return 2;
    }
    length = fread(stream, 1, sizeof stream, file);
    fclose(file);
    file = fopen(arguments[2], "wb");
    if (file == NULL) {
        return 2;
    }
    harness_start(1, 1, 0, 0);
    while (at < length) {
        size_t part = 1 + stream[at] % 97u;
        part = part < length - at ? part : length - at;
        piece = 1 + stream[at] % 40u;
        harness_feed(stream + at, part);
        harness_poll();
        at += part;
        fwrite(answers, 1, harness_take(answers, sizeof answers), file);
    }
    fclose(file);
    return 0;
}
#endif
