#include "mcuq_protocol.h"

#define HEADER_BYTES 8u
#define REPLY 0x80u

#if UINTPTR_MAX == 0xFFFFFFFFu
typedef char mcuq_protocol_stays_small[sizeof(mcuq_protocol) < 640 ? 1 : -1];
#endif

/* Bytes, not words: frames have no alignment, and Cortex-M0 cannot load across it. */
static uint32_t get32(const uint8_t *from)
{
    return from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

static uint32_t sequence_of(const uint8_t *frame)
{
    return get32(frame) >> 16;
}

static void add32(mcuq_protocol *p, uint32_t value)
{
    unsigned i;

    for (i = 0; i < 4; i++) {
        p->reply[p->reply_bytes++] = (uint8_t)value;
        value >>= 8;
    }
}

static void add_data(mcuq_protocol *p, const void *data, uint32_t bytes)
{
    p->data = data;
    p->data_bytes = (uint16_t)bytes;
}

static uint32_t ask(uint32_t (*figure)(void))
{
    return figure ? figure() : 0;
}

__attribute__((noinline)) static void add_figure(mcuq_protocol *p, uint32_t (*figure)(void))
{
    add32(p, ask(figure));
}

/* A reply that is not kept: the header of `request`, a status, and the session that holds. */
static void send_status(const mcuq_protocol *p, const uint8_t *request, uint8_t status)
{
    uint8_t head[HEADER_BYTES];
    unsigned i;

    for (i = 0; i < HEADER_BYTES; i++) {
        head[i] = request[i];
    }
    head[0] |= REPLY;
    head[1] = status;
    mcuq_send_frame(p->hooks->write, head, HEADER_BYTES, (const uint8_t *)&p->session, sizeof p->session);
}

static void send_reply(const mcuq_protocol *p)
{
    mcuq_send_frame(p->hooks->write, p->reply, p->reply_bytes, p->data, p->data_bytes);
}

static enum mcuq_status hello(mcuq_protocol *p)
{
    const mcuq_model *model = p->model;
    uint32_t flags = (model->keep_inputs ? (uint32_t)MCUQ_KEEPS_INPUTS : 0u) |
                     (model->instrumented ? (uint32_t)MCUQ_IS_INSTRUMENTED : 0u);

    add32(p, MCUQ_PROTOCOL_VERSION | flags << 8 | (uint32_t)model->input_count << 16 |
                 (uint32_t)model->output_count << 24);
    add32(p, model->step_count | (uint32_t)p->hooks->window << 16);
    add32(p, MCUQ_LOAD_CHUNK_BYTES | (uint32_t)MCUQ_READ_CHUNK_BYTES << 16);
    add32(p, get32(model->hash));
    add32(p, get32(model->hash + 4));
    add32(p, model->arena_bytes);
    add_figure(p, p->hooks->clock_hz);
    add_figure(p, p->hooks->ticks_hz);
    add32(p, (uint32_t)p->init_code);
    return MCUQ_OK;
}

static enum mcuq_status name(mcuq_protocol *p, uint32_t which)
{
    const char *text = which == 0 ? p->hooks->board : which == 1 ? p->model->name : p->hooks->version;
    uint32_t bytes = 0;

    if (which > 2) {
        return MCUQ_BAD_INDEX;
    }
    while (text && text[bytes] != 0) {
        bytes++;
    }
    add_data(p, text, bytes);
    return MCUQ_OK;
}

static enum mcuq_status describe(mcuq_protocol *p, uint32_t is_output, uint32_t index)
{
    const mcuq_tensor_info *tensor = is_output ? p->model->outputs : p->model->inputs;
    uint32_t scale;

    if (is_output > 1 || index >= (is_output ? p->model->output_count : p->model->input_count)) {
        return MCUQ_BAD_INDEX;
    }
    tensor += index;
    __builtin_memcpy(&scale, &tensor->scale, sizeof scale);
    add32(p, tensor->bytes);
    add32(p, tensor->dtype);
    add32(p, scale);
    add32(p, (uint32_t)tensor->zero_point);
    add_data(p, tensor->shape, tensor->rank * (uint32_t)sizeof(uint32_t));
    return MCUQ_OK;
}

static enum mcuq_status load(const mcuq_model *model, uint32_t index, uint32_t offset, const uint8_t *data,
                             uint32_t bytes)
{
    if (index >= model->input_count) {
        return MCUQ_BAD_INDEX;
    }
    if (offset > model->inputs[index].bytes || bytes > model->inputs[index].bytes - offset) {
        return MCUQ_OUT_OF_RANGE;
    }
    __builtin_memcpy(model->input(index) + offset, data, bytes);
    return MCUQ_OK;
}

static enum mcuq_status read_from(mcuq_protocol *p, const uint8_t *from, uint32_t from_bytes, uint32_t offset,
                                  uint32_t bytes)
{
    if (offset > from_bytes || bytes > from_bytes - offset || bytes > MCUQ_READ_CHUNK_BYTES) {
        return MCUQ_OUT_OF_RANGE;
    }
    add_data(p, from + offset, bytes);
    return MCUQ_OK;
}

static enum mcuq_status read_output(mcuq_protocol *p, uint32_t index, uint32_t offset, uint32_t bytes)
{
    if (index >= p->model->output_count) {
        return MCUQ_BAD_INDEX;
    }
    return read_from(p, p->model->output(index), p->model->outputs[index].bytes, offset, bytes);
}

/* Run the model `last - first + 1` times, or, with `step`, these steps of it once; add the ticks to the reply. */
static void run(mcuq_protocol *p, void (*step)(unsigned index), uint32_t first, uint32_t last)
{
    uint64_t total = 0;
    uint32_t fewest = UINT32_MAX;
    uint32_t most = 0;
    uint32_t i;

    send_status(p, p->receiver.frame, MCUQ_STARTED);
    for (i = first;; i++) {
        uint32_t start = ask(p->hooks->ticks);
        uint32_t took;

        if (step) {
            step(i);
        } else {
            p->model->invoke();
        }
        took = ask(p->hooks->ticks) - start;
        total += took;
        fewest = took < fewest ? took : fewest;
        most = took > most ? took : most;
        if (i == last) {
            break;
        }
    }
    add32(p, (uint32_t)total);
    add32(p, (uint32_t)(total >> 32));
    add32(p, fewest);
    add32(p, most);
}

static enum mcuq_status invoke(mcuq_protocol *p, uint32_t times, uint32_t index, uint32_t output_bytes)
{
    enum mcuq_status status = read_output(p, index, 0, output_bytes);

    if (status == MCUQ_OK && times == 0) {
        status = MCUQ_OUT_OF_RANGE;
    }
    if (status == MCUQ_OK) {
        run(p, NULL, 1, times);
    }
    return status;
}

static enum mcuq_status steps(mcuq_protocol *p, uint32_t first, uint32_t last)
{
    if (!p->model->instrumented) {
        return MCUQ_NOT_INSTRUMENTED;
    }
    if (first > last || last >= p->model->step_count) {
        return MCUQ_BAD_INDEX;
    }
    run(p, p->model->step, first, last);
    return MCUQ_OK;
}

static enum mcuq_status stats(mcuq_protocol *p)
{
    add_figure(p, p->hooks->stack_bytes);
    add_figure(p, p->hooks->stack_peak_bytes);
    add_figure(p, p->hooks->static_bytes);
    add32(p, p->model->arena_bytes);
    add_figure(p, p->hooks->clock_hz);
    add_figure(p, p->hooks->temperature_mk);
    add_figure(p, p->hooks->supply_mv);
    return MCUQ_OK;
}

static enum mcuq_status fault(mcuq_protocol *p)
{
    unsigned i;

    for (i = 0; i <= MCUQ_FAULT_WORDS; i++) {
        add32(p, p->fault[i]);
        p->fault[i] = 0; /* told once */
    }
    return MCUQ_OK;
}

/* The byte of the arena at `offset`; *limit is how many lie in the same memory up to there and behind it. */
static const uint8_t *arena_at(const mcuq_model *model, uint32_t *offset, uint32_t *limit)
{
    *limit = model->arena_bytes;
    if (model->slow == 0) {
        return model->arena;
    }
    if (*offset < model->slow_offset) {
        *limit = model->slow_offset;
        return model->arena;
    }
    *offset -= model->slow_offset;
    *limit = model->arena_bytes - model->slow_offset;
    return model->slow;
}

static enum mcuq_status read_arena(mcuq_protocol *p, uint32_t is_monitors, uint32_t offset, uint32_t bytes)
{
    uint32_t limit = p->model->monitor_bytes;
    const uint8_t *from = p->model->monitors;

    if (!is_monitors) {
        from = arena_at(p->model, &offset, &limit);
    }
    return read_from(p, from, limit, offset, bytes);
}

/* What the host believes to lie in an input or in the arena, checked by one short frame instead of sent or read. */
static enum mcuq_status check(mcuq_protocol *p, uint32_t index, uint32_t offset, uint32_t bytes)
{
    bool is_arena = index == MCUQ_ARENA;
    uint32_t limit;
    const uint8_t *from;

    if (!is_arena && index >= p->model->input_count) {
        return MCUQ_BAD_INDEX;
    }
    if (is_arena) {
        from = arena_at(p->model, &offset, &limit);
    } else {
        from = p->model->input(index);
        limit = p->model->inputs[index].bytes;
    }
    if (offset > limit || bytes > limit - offset) {
        return MCUQ_OUT_OF_RANGE;
    }
    add32(p, mcuq_crc32(from + offset, bytes));
    return MCUQ_OK;
}

/* Words that the body of each request has; LOAD has bytes after them. */
static const uint8_t words_of[] = { 0, 1, 1, 2, 2, 3, 2, 3, 3, 0, 0, 0, 3 };

static enum mcuq_status execute(mcuq_protocol *p, const uint8_t *request, uint32_t bytes)
{
    uint8_t kind = request[0];
    const uint8_t *body = request + HEADER_BYTES;
    uint32_t words[3] = { 0, 0, 0 };
    uint32_t i;

    if (kind == 0 || kind >= sizeof words_of) {
        return MCUQ_UNKNOWN_REQUEST;
    }
    bytes -= HEADER_BYTES;
    if (bytes < 4u * words_of[kind] || (bytes > 4u * words_of[kind] && kind != MCUQ_LOAD)) {
        return MCUQ_BAD_LENGTH;
    }
    for (i = 0; i < words_of[kind]; i++) {
        words[i] = get32(body + 4 * i);
    }
    if (p->init_code != 0 && ((kind >= MCUQ_LOAD && kind <= MCUQ_READ_ARENA) || kind == MCUQ_CHECK)) {
        add32(p, (uint32_t)p->init_code);
        return MCUQ_INIT_FAILED;
    }
    switch (kind) {
    case MCUQ_HELLO:
        return hello(p);
    case MCUQ_NAME:
        return name(p, words[0]);
    case MCUQ_DESCRIBE:
        return describe(p, words[0], words[1]);
    case MCUQ_LOAD:
        return load(p->model, words[0], words[1], body + 8, bytes - 8);
    case MCUQ_INVOKE:
        return invoke(p, words[0], words[1], words[2]);
    case MCUQ_STEPS:
        return steps(p, words[0], words[1]);
    case MCUQ_READ_OUTPUT:
        return read_output(p, words[0], words[1], words[2]);
    case MCUQ_READ_ARENA:
        return read_arena(p, words[0], words[1], words[2]);
    case MCUQ_STATS:
        return stats(p);
    case MCUQ_FAULT:
        return fault(p);
    case MCUQ_CHECK:
        return check(p, words[0], words[1], words[2]);
    default: /* MCUQ_RESET */
        return p->hooks->reset ? MCUQ_OK : MCUQ_UNSUPPORTED;
    }
}

static void answer(mcuq_protocol *p, const uint8_t *request, uint32_t bytes)
{
    uint32_t session;
    unsigned i;

    if (bytes < HEADER_BYTES) {
        return;
    }
    session = get32(request + 4);
    if (request[0] == MCUQ_HELLO && session != p->session) {
        p->session = session;
    } else if (session != p->session || session == 0) {
        send_status(p, request, MCUQ_WRONG_SESSION);
        return;
    } else {
        uint16_t ahead = (uint16_t)(sequence_of(request) - sequence_of(p->reply));
        if (ahead == 0) {
            send_reply(p);
        }
        if (ahead == 0 || ahead >= 0x8000u) {
            return;
        }
    }

    add_data(p, request, 0);
    for (i = 0; i < HEADER_BYTES; i++) {
        p->reply[i] = request[i];
    }
    p->reply_bytes = HEADER_BYTES;
    p->reply[1] = (uint8_t)execute(p, request, bytes);
    p->reply[0] |= REPLY;
    if (p->reply[1] != MCUQ_OK) {
        p->data_bytes = 0;
    }
    send_reply(p);
    if (p->reply[0] == (MCUQ_RESET | REPLY) && p->reply[1] == MCUQ_OK) {
        p->hooks->reset();
    }
}

void mcuq_protocol_init(mcuq_protocol *protocol, const mcuq_protocol_hooks *hooks, const mcuq_model *model)
{
    static const uint8_t boot[HEADER_BYTES] = { MCUQ_BOOT | REPLY };
    unsigned i;

    protocol->hooks = hooks;
    protocol->model = model;
    protocol->session = 0;
    protocol->data = NULL;
    protocol->data_bytes = 0;
    protocol->reply_bytes = 0;
    mcuq_receiver_init(&protocol->receiver);
    for (i = 0; i <= MCUQ_FAULT_WORDS; i++) {
        protocol->fault[i] = 0;
    }
    protocol->fault[0] = hooks->fault && hooks->fault(protocol->fault + 1);
    mcuq_send_frame(hooks->write, boot, HEADER_BYTES, (const uint8_t *)protocol->fault, sizeof protocol->fault);
    protocol->init_code = (int32_t)model->init();
}

size_t mcuq_protocol_poll(mcuq_protocol *protocol)
{
    static const uint8_t reject[HEADER_BYTES] = { MCUQ_REJECT };
    uint8_t arrived[32];
    size_t bytes = protocol->hooks->read(arrived, sizeof arrived);
    size_t i;

    for (i = 0; i < bytes; i++) {
        int payload_bytes = mcuq_receive(&protocol->receiver, arrived[i]);
        if (payload_bytes > 0) {
            answer(protocol, protocol->receiver.frame, (uint32_t)payload_bytes);
        } else if (payload_bytes < 0) {
            send_status(protocol, reject, MCUQ_BAD_FRAME);
        }
    }
    return bytes;
}
