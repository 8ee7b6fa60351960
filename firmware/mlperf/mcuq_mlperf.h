/* The device side of the MLPerf Tiny protocol (EEMBC's "DUT" protocol) for a model of mcuq.
 *
 * Commands are ASCII, end with '%' and have their arguments behind spaces; replies are lines that end with CR LF, the
 * last of each is "m-ready". In performance mode a timestamp is a line, in energy mode a falling edge of a pin.
 * Commands and replies: mlcommons/tiny, benchmark/api; the runner of the same repository speaks to this.
 */
#ifndef MCUQ_MLPERF_H
#define MCUQ_MLPERF_H

#include "mcuq/model.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MCUQ_MLPERF_COMMAND_BYTES 80u

/* Bytes that `db` may load: what the benchmark allows, or less on a small board. */
#ifndef MCUQ_MLPERF_BUFFER_BYTES
#define MCUQ_MLPERF_BUFFER_BYTES (96u * 96u * 3u)
#endif

/* Activations and detections that a streaming run keeps. */
#ifndef MCUQ_MLPERF_ACTIVATIONS
#define MCUQ_MLPERF_ACTIVATIONS 1024u
#endif
#define MCUQ_MLPERF_DETECTIONS 64u

/* What the bytes of `db` are, and what is told of the outputs. */
enum mcuq_mlperf_task {
    MCUQ_MLPERF_RAW = 0,     /* the input as the model stores it; every output (kws01) */
    MCUQ_MLPERF_PIXELS = 1,  /* pixels 0 to 255; every output (ic01, vww01) */
    MCUQ_MLPERF_ANOMALY = 2, /* float32, little-endian; the mean squared error of the reconstruction (ad01) */
    /* As RAW; and between `start` and `stop` each `db load` brings one frame of features, the newest row of the input:
     * a microphone is a driver of the board's, which does not exist here (strww01). */
    MCUQ_MLPERF_STREAM = 3
};

typedef struct {
    const char *vendor;
    const char *model; /* the benchmark's name of the model, for instance "ic01" */
    uint8_t task;      /* enum mcuq_mlperf_task */
    bool energy_mode;
    size_t (*read)(uint8_t *data, size_t limit); /* what has arrived; does not wait */
    void (*write)(const uint8_t *data, size_t bytes);
    uint32_t (*ticks)(void); /* counts up, wraps at 2^32 */
    uint32_t (*ticks_hz)(void);
    void (*pin)(bool is_high); /* the timestamp of energy mode, and a detection of a stream */
} mcuq_mlperf_hooks;

typedef struct {
    const mcuq_mlperf_hooks *hooks;
    const mcuq_model *model;
    uint64_t ticks;      /* since the start: the counter, extended */
    uint32_t last_ticks;
    uint32_t command_bytes;
    uint32_t expected_bytes; /* of `db load` */
    uint32_t loaded_bytes;
    uint32_t activation_count;
    uint32_t detection_count;
    uint32_t start_ms; /* of the stream */
    bool is_streaming;
    bool was_active;
    char command[MCUQ_MLPERF_COMMAND_BYTES + 1u];
    uint8_t buffer[MCUQ_MLPERF_BUFFER_BYTES];
    int8_t activations[MCUQ_MLPERF_ACTIVATIONS];
    uint32_t detections_ms[MCUQ_MLPERF_DETECTIONS];
} mcuq_mlperf;

/* Says what the benchmark expects of a device that has started. */
void mcuq_mlperf_init(mcuq_mlperf *mlperf, const mcuq_mlperf_hooks *hooks, const mcuq_model *model);

/* Takes what has arrived and executes the commands that it completes. */
void mcuq_mlperf_poll(mcuq_mlperf *mlperf);

#ifdef __cplusplus
}
#endif

#endif
