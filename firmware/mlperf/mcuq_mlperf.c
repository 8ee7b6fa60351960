#include "mcuq_mlperf.h"

#define TERMINATOR '%'
#define PIN_LOW_TICKS_US 2u
#define DETECTION_THRESHOLD 0.5f
#define VALUES_PER_LINE 16u
#define BYTES_PER_LINE 8u

static void say(const mcuq_mlperf *m, const char *text)
{
    uint32_t bytes = 0;
    while (text[bytes] != 0) {
        bytes++;
    }
    m->hooks->write((const uint8_t *)text, bytes);
}

static void say_number(const mcuq_mlperf *m, uint64_t value)
{
    char digits[21];
    uint32_t at = sizeof digits - 1u;

    digits[at] = 0;
    do {
        digits[--at] = (char)('0' + value % 10u);
        value /= 10u;
    } while (value != 0);
    say(m, digits + at);
}

static void say_signed(const mcuq_mlperf *m, int32_t value)
{
    if (value < 0) {
        say(m, "-");
    }
    say_number(m, value < 0 ? 0u - (uint64_t)(int64_t)value : (uint64_t)value);
}

/* "%0.3f" of a float below 2^53, to the last digit: a tie of the exact value goes to the even digit. */
static void say_float(const mcuq_mlperf *m, float value)
{
    uint32_t bits;
    uint64_t thousandths;
    char digits[5] = { '.', '0', '0', '0', 0 };
    int32_t exponent;

    __builtin_memcpy(&bits, &value, sizeof bits);
    exponent = (int32_t)((bits >> 23) & 0xffu);
    if (bits >> 31) {
        say(m, "-");
    }
    if (exponent == 0xff) {
        say(m, (bits & 0x7fffffu) ? "nan" : "inf");
        return;
    }
    thousandths = (uint64_t)(bits & 0x7fffffu);
    thousandths = (exponent != 0 ? thousandths | 0x800000u : thousandths) * 1000u;
    exponent = (exponent != 0 ? exponent : 1) - 150;
    if (exponent < -63) {
        thousandths = 0;
    } else if (exponent < 0) {
        uint64_t rest = thousandths & ((1ull << -exponent) - 1u);
        uint64_t half = 1ull << (-exponent - 1);
        thousandths >>= -exponent;
        thousandths += (rest > half || (rest == half && (thousandths & 1u))) ? 1u : 0u;
    } else {
        thousandths <<= exponent < 29 ? exponent : 29;
    }
    say_number(m, thousandths / 1000u);
    digits[1] = (char)('0' + thousandths / 100u % 10u);
    digits[2] = (char)('0' + thousandths / 10u % 10u);
    digits[3] = (char)('0' + thousandths % 10u);
    say(m, digits);
}

/* Extends the counter. It must be looked at more often than it wraps: at each poll and each inference. */
static void look_at_counter(mcuq_mlperf *m)
{
    uint32_t now = m->hooks->ticks();

    m->ticks += now - m->last_ticks;
    m->last_ticks = now;
}

/* Microseconds since the start. */
static uint64_t microseconds(mcuq_mlperf *m)
{
    uint32_t hz = m->hooks->ticks_hz();
    uint64_t seconds;

    look_at_counter(m);
    seconds = m->ticks / hz;
    return seconds * 1000000u + (m->ticks - seconds * hz) * 1000000u / hz;
}

/* A falling edge that stays low for at least a microsecond. */
static void pulse(mcuq_mlperf *m)
{
    uint32_t low_ticks = m->hooks->ticks_hz() / 1000000u * PIN_LOW_TICKS_US + 1u;
    uint32_t patience = 1000000u;
    uint32_t start;

    if (m->hooks->pin == NULL) {
        return;
    }
    m->hooks->pin(false);
    start = m->hooks->ticks();
    while (m->hooks->ticks() - start < low_ticks && --patience != 0) {
    }
    m->hooks->pin(true);
}

static void timestamp(mcuq_mlperf *m)
{
    if (m->hooks->energy_mode) {
        pulse(m);
        return;
    }
    say(m, "m-lap-us-");
    say_number(m, (uint32_t)microseconds(m));
    say(m, "\r\n");
}

static float float_at(const uint8_t *from)
{
    float value;
    __builtin_memcpy(&value, from, sizeof value);
    return value;
}

/* A real number as the model's int8 input stores it; halves go away from zero. */
static uint8_t quantized(const mcuq_tensor_info *tensor, float real)
{
    float steps = real / tensor->scale;
    int32_t lowest = tensor->dtype == MCUQ_INT8 ? -128 : 0;
    int32_t stored;

    if (!(steps > -1024.0f)) {
        return (uint8_t)lowest;
    }
    if (steps > 1024.0f) {
        return (uint8_t)(lowest + 255);
    }
    stored = (int32_t)(steps + (steps < 0.0f ? -0.5f : 0.5f)) + tensor->zero_point;
    stored = stored < lowest ? lowest : stored;
    return (uint8_t)(stored > lowest + 255 ? lowest + 255 : stored);
}

/* The buffer of `db` into the model's input. What was not loaded is what the buffer held before. */
static void load_tensor(const mcuq_mlperf *m)
{
    const mcuq_tensor_info *tensor = &m->model->inputs[0];
    uint8_t *input = m->model->input(0);
    uint32_t i;

    if (m->hooks->task == MCUQ_MLPERF_ANOMALY && tensor->dtype != MCUQ_FLOAT32) {
        for (i = 0; i < tensor->bytes && 4u * i + 4u <= MCUQ_MLPERF_BUFFER_BYTES; i++) {
            input[i] = quantized(tensor, float_at(m->buffer + 4u * i));
        }
        return;
    }
    for (i = 0; i < tensor->bytes && i < MCUQ_MLPERF_BUFFER_BYTES; i++) {
        bool is_shifted = m->hooks->task == MCUQ_MLPERF_PIXELS && tensor->dtype == MCUQ_INT8;
        input[i] = is_shifted ? (uint8_t)(m->buffer[i] ^ 0x80u) : m->buffer[i];
    }
}

static uint32_t elements_of(const mcuq_tensor_info *tensor)
{
    return tensor->dtype == MCUQ_FLOAT32 ? tensor->bytes / 4u : tensor->bytes;
}

/* What output `index` stands for. */
static float real_output(const mcuq_model *model, uint32_t index)
{
    const mcuq_tensor_info *tensor = &model->outputs[0];
    const uint8_t *output = model->output(0);

    if (tensor->dtype == MCUQ_FLOAT32) {
        return float_at(output + 4u * index);
    }
    return tensor->scale * (float)((tensor->dtype == MCUQ_INT8 ? (int32_t)(int8_t)output[index] : (int32_t)output[index]) -
                                   tensor->zero_point);
}

static void results(const mcuq_mlperf *m)
{
    uint32_t count = elements_of(&m->model->outputs[0]);
    uint32_t i;

    say(m, "m-results-[");
    if (m->hooks->task == MCUQ_MLPERF_ANOMALY) {
        float sum = 0.0f;
        for (i = 0; i < count && 4u * i + 4u <= MCUQ_MLPERF_BUFFER_BYTES; i++) {
            float apart = float_at(m->buffer + 4u * i) - real_output(m->model, i);
            sum += apart * apart;
        }
        say_float(m, sum / (float)count);
    } else {
        for (i = 0; i < count; i++) {
            say(m, i == 0 ? "" : ",");
            say_float(m, real_output(m->model, i));
        }
    }
    say(m, "]\r\n");
}

static void infer_times(mcuq_mlperf *m, uint32_t times)
{
    while (times-- > 0) {
        m->model->invoke();
        look_at_counter(m);
    }
}

static void infer(mcuq_mlperf *m, uint32_t times, uint32_t warm_up)
{
    load_tensor(m);
    say(m, "m-warmup-start-");
    say_number(m, warm_up);
    say(m, "\r\n");
    infer_times(m, warm_up);
    say(m, "m-warmup-done\r\nm-infer-start-");
    say_number(m, times);
    say(m, "\r\n");
    timestamp(m);
    infer_times(m, times);
    timestamp(m);
    say(m, "m-infer-done\r\n");
    results(m);
}

/* The next word of the command, or null; `*rest` goes on behind it. */
static char *next_word(char **rest)
{
    char *word;

    while (**rest == ' ') {
        (*rest)++;
    }
    word = *rest;
    if (*word == 0) {
        return NULL;
    }
    while (**rest != 0 && **rest != ' ') {
        (*rest)++;
    }
    if (**rest != 0) {
        *(*rest)++ = 0;
    }
    return word;
}

static bool is_same(const char *left, const char *right)
{
    while (*left != 0 && *left == *right) {
        left++;
        right++;
    }
    return *left == *right;
}

/* As atoi: a sign, digits, and whatever follows; saturates. */
static int32_t number_of(const char *text)
{
    bool is_negative = *text == '-';
    int64_t value = 0;

    text += *text == '-' || *text == '+';
    while (*text >= '0' && *text <= '9' && value < 0x7fffffff) {
        value = value * 10 + (*text++ - '0');
    }
    value = value > 0x7fffffff ? 0x7fffffff : value;
    return (int32_t)(is_negative ? -value : value);
}

static int32_t digit_of(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Bytes of one frame of features: the last dimension of the input. */
static uint32_t frame_bytes(const mcuq_mlperf *m)
{
    const mcuq_tensor_info *tensor = &m->model->inputs[0];
    return tensor->shape[tensor->rank - 1u];
}

/* Drops the oldest frame of the window, so that its last row is free. */
static void shift_window(mcuq_mlperf *m)
{
    uint32_t row = frame_bytes(m);
    uint32_t i;

    for (i = 0; i + row < m->model->inputs[0].bytes; i++) {
        m->buffer[i] = m->buffer[i + row];
    }
}

/* The model looks at the window, the newest frame of which has just come. */
static void detect(mcuq_mlperf *m)
{
    bool is_active;

    load_tensor(m);
    m->model->invoke();
    if (m->activation_count < MCUQ_MLPERF_ACTIVATIONS) {
        m->activations[m->activation_count++] = (int8_t)m->model->output(0)[0];
    }
    is_active = real_output(m->model, 0) >= DETECTION_THRESHOLD;
    if (is_active && !m->was_active) {
        pulse(m);
        if (m->detection_count < MCUQ_MLPERF_DETECTIONS) {
            m->detections_ms[m->detection_count++] = (uint32_t)(microseconds(m) / 1000u) - m->start_ms;
        }
    }
    m->was_active = is_active;
}

static void db_load(mcuq_mlperf *m, const char *argument)
{
    int32_t bytes;

    if (argument == NULL) {
        say(m, "e-[Command 'db load' requires the # of bytes]\r\n");
        return;
    }
    bytes = number_of(argument);
    m->expected_bytes = 0;
    if (bytes <= 0) {
        say(m, "e-[Command 'db load' must be >0 bytes]\r\n");
        return;
    }
    m->loaded_bytes = 0;
    if ((uint32_t)bytes > MCUQ_MLPERF_BUFFER_BYTES) {
        say(m, "Supplied buffer size ");
        say_number(m, (uint32_t)bytes);
        say(m, " exceeds maximum of ");
        say_number(m, MCUQ_MLPERF_BUFFER_BYTES);
        say(m, "\n");
        return;
    }
    if (m->is_streaming && (uint32_t)bytes != frame_bytes(m)) {
        say(m, "e-[Streaming takes frames of ");
        say_number(m, frame_bytes(m));
        say(m, " bytes]\r\n");
        return;
    }
    if (m->is_streaming) {
        shift_window(m);
    }
    m->expected_bytes = (uint32_t)bytes;
    say(m, "m-[Expecting ");
    say_number(m, (uint32_t)bytes);
    say(m, " bytes]\r\n");
}

static void db_print(const mcuq_mlperf *m)
{
    static const char hex[] = "0123456789abcdef";
    uint32_t i;

    for (i = 0; i < m->expected_bytes; i++) {
        char text[3] = { hex[m->buffer[i] >> 4], hex[m->buffer[i] & 15u], 0 };
        bool is_last = (i + 1u) % BYTES_PER_LINE == 0 || i + 1u == m->expected_bytes;
        say(m, i % BYTES_PER_LINE == 0 ? "m-buffer-" : "");
        say(m, text);
        say(m, is_last ? "\r\n" : "-");
    }
    if (i % BYTES_PER_LINE != 0) {
        say(m, "\r\n"); /* as the reference does behind a line that is not full */
    }
}

/* Bytes of `db`: into the buffer, or, while streaming, into the newest row of the window. */
static void db_bytes(mcuq_mlperf *m, const char *digits)
{
    uint32_t skipped = m->is_streaming ? m->model->inputs[0].bytes - frame_bytes(m) : 0u;
    uint32_t length = 0;
    uint32_t i;

    while (digits[length] != 0) {
        length++;
    }
    if (length & 1u) {
        say(m, "e-[Insufficent number of hex digits]\r\n");
        return;
    }
    if (m->is_streaming && m->expected_bytes == 0) {
        say(m, "e-[Command 'db load' must come before the bytes of a frame]\r\n");
        return;
    }
    for (i = 0; i < length; i += 2u) {
        int32_t high = digit_of(digits[i]);
        int32_t low = digit_of(digits[i + 1u]);
        if (high < 0 || low < 0) {
            char text[3] = { digits[i], digits[i + 1u], 0 };
            say(m, "e-[Invalid hex digit '");
            say(m, text);
            say(m, "']\r\n");
            return;
        }
        if (skipped + m->loaded_bytes < MCUQ_MLPERF_BUFFER_BYTES) {
            m->buffer[skipped + m->loaded_bytes++] = (uint8_t)(high << 4 | low);
        }
        if (m->loaded_bytes == m->expected_bytes) {
            say(m, "m-load-done\r\n");
            if (m->is_streaming) {
                m->expected_bytes = 0;
                detect(m);
            }
            return; /* what is left of the digits is disregarded */
        }
    }
}

static void db(mcuq_mlperf *m, char *rest)
{
    const char *word = next_word(&rest);

    if (word == NULL) {
        say(m, "e-[Command 'db' requires a subcommand]\r\n");
    } else if (is_same(word, "load")) {
        db_load(m, next_word(&rest));
    } else if (is_same(word, "print")) {
        db_print(m);
    } else {
        db_bytes(m, word);
    }
}

static void infer_command(mcuq_mlperf *m, char *rest)
{
    const char *word = next_word(&rest);
    int32_t times = 1;
    int32_t warm_up = 10;

    if (word != NULL) {
        times = number_of(word);
        if (times <= 0) {
            say(m, "e-[Inference iterations must be >0]\r\n");
            return;
        }
        word = next_word(&rest);
        if (word != NULL) {
            warm_up = number_of(word);
        }
        if (warm_up < 0) {
            say(m, "e-[Inference warmup must be >=0]\r\n");
            return;
        }
    }
    infer(m, (uint32_t)times, (uint32_t)warm_up);
}

static void start_stream(mcuq_mlperf *m)
{
    uint32_t i;

    for (i = 0; i < MCUQ_MLPERF_BUFFER_BYTES; i++) {
        m->buffer[i] = 0x80; /* the least int8: silence */
    }
    m->activation_count = 0;
    m->detection_count = 0;
    m->expected_bytes = 0;
    m->was_active = false;
    m->is_streaming = true;
    m->start_ms = (uint32_t)(microseconds(m) / 1000u);
    timestamp(m);
    say(m, "Streaming started.\r\n");
}

static void stop_stream(mcuq_mlperf *m)
{
    uint32_t i;

    if (!m->is_streaming) {
        say(m, "Streaming is already stopped.\r\n");
        return;
    }
    m->is_streaming = false;
    timestamp(m);
    say(m, "Streaming stopped.\r\ntarget activations: \r\n[");
    for (i = 0; i < m->activation_count; i++) {
        say_signed(m, m->activations[i]);
        say(m, i + 1u == m->activation_count ? "  " : ", ");
        say(m, (i + 1u) % VALUES_PER_LINE == 0 || i + 1u == m->activation_count ? "\r\n" : "");
    }
    say(m, "]\r\n");
}

static void print_detections(const mcuq_mlperf *m)
{
    uint32_t i;

    say(m, "Detection Timestamps (ms)\r\n");
    for (i = 0; i < m->detection_count; i++) {
        say_number(m, m->detections_ms[i]);
        say(m, ",\r\n");
    }
}

static void profile(const mcuq_mlperf *m)
{
    say(m, "m-profile-[ULPMark for tinyML Firmware V0.0.1]\r\nm-model-[");
    say(m, m->hooks->model);
    say(m, "]\r\n");
}

static void help(const mcuq_mlperf *m)
{
    say(m, "mcuq, MLPerf Tiny device protocol\r\n\r\n"
           "name          : vendor of the device\r\n"
           "profile       : firmware and model\r\n"
           "timestamp     : a timestamp: a line, or an edge in energy mode\r\n"
           "db load N     : expect N bytes\r\n"
           "db HH[HH]*    : bytes in hex until there are N\r\n"
           "db print      : the bytes in hex\r\n"
           "infer [N] [W] : W inferences to warm up (10), then N measured (1)\r\n"
           "results       : the outputs of the last inference\r\n");
    if (m->hooks->task == MCUQ_MLPERF_STREAM) {
        say(m, "start, stop   : detect in a stream\r\n"
               "print_detections : when\r\n");
    }
}

static bool stream_command(mcuq_mlperf *m, const char *word)
{
    if (m->hooks->task != MCUQ_MLPERF_STREAM) {
        return false;
    }
    if (is_same(word, "start")) {
        start_stream(m);
    } else if (is_same(word, "stop")) {
        stop_stream(m);
    } else if (is_same(word, "print_detections")) {
        print_detections(m);
    } else {
        return false;
    }
    return true;
}

static void execute(mcuq_mlperf *m)
{
    char *rest = m->command;
    const char *word = next_word(&rest);

    if (word == NULL) {
        word = "";
    }
    if (is_same(word, "name")) {
        say(m, "m-name-dut-[");
        say(m, m->hooks->vendor);
        say(m, "]\r\n");
    } else if (is_same(word, "timestamp")) {
        timestamp(m);
    } else if (is_same(word, "profile")) {
        profile(m);
    } else if (is_same(word, "help")) {
        help(m);
    } else if (is_same(word, "db")) {
        db(m, rest);
    } else if (is_same(word, "infer")) {
        infer_command(m, rest);
    } else if (is_same(word, "results")) {
        results(m);
    } else if (!stream_command(m, word)) {
        say(m, "e-[Unknown command: ");
        say(m, word);
        say(m, "]\r\n");
    }
    say(m, "m-ready\r\n");
}

void mcuq_mlperf_init(mcuq_mlperf *mlperf, const mcuq_mlperf_hooks *hooks, const mcuq_model *model)
{
    uint32_t i;

    mlperf->hooks = hooks;
    mlperf->model = model;
    mlperf->ticks = 0;
    mlperf->last_ticks = hooks->ticks();
    mlperf->command_bytes = 0;
    mlperf->expected_bytes = 0;
    mlperf->loaded_bytes = 0;
    mlperf->activation_count = 0;
    mlperf->detection_count = 0;
    mlperf->is_streaming = false;
    for (i = 0; i < MCUQ_MLPERF_BUFFER_BYTES; i++) {
        mlperf->buffer[i] = 0;
    }
    if (hooks->pin != NULL) {
        hooks->pin(true);
    }
    say(mlperf, hooks->energy_mode ? "m-timestamp-mode-energy\r\n" : "m-timestamp-mode-performance\r\n");
    say(mlperf, "m-init-done\r\nm-ready\r\n");
}

void mcuq_mlperf_poll(mcuq_mlperf *mlperf)
{
    uint8_t arrived[32];
    size_t bytes = mlperf->hooks->read(arrived, sizeof arrived);
    size_t i;

    look_at_counter(mlperf);
    for (i = 0; i < bytes; i++) {
        if (arrived[i] == TERMINATOR) {
            mlperf->command[mlperf->command_bytes] = 0;
            execute(mlperf);
            mlperf->command_bytes = 0;
        } else {
            mlperf->command[mlperf->command_bytes] = (char)arrived[i];
            mlperf->command_bytes += mlperf->command_bytes < MCUQ_MLPERF_COMMAND_BYTES ? 1u : 0u;
        }
    }
}
