/* What the generic firmware knows of a model: generated glue fills in one `mcuq_model`. */
#ifndef MCUQ_MODEL_H
#define MCUQ_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Element types; the numbers go over the wire, so they never change. */
enum mcuq_dtype {
    MCUQ_INT8 = 1,
    MCUQ_UINT8 = 2,
    MCUQ_INT16 = 3,
    MCUQ_INT32 = 4,
    MCUQ_FLOAT32 = 5,
    MCUQ_INT64 = 6,
    MCUQ_BOOL = 7
};

/* One input or output. real = scale * (q - zero_point); scale is 0 where nothing is quantized. */
typedef struct {
    uint32_t bytes;
    uint8_t dtype;
    uint8_t rank;
    const uint32_t *shape; /* rank entries */
    float scale;
    int32_t zero_point;
} mcuq_tensor_info;

typedef struct {
    const char *name;        /* [A-Za-z0-9_]+ */
    uint8_t hash[8];         /* the first bytes of the SHA-256 of the saved graph */
    uint8_t input_count;
    uint8_t output_count;
    uint16_t step_count;
    bool keep_inputs;        /* inputs survive an invoke */
    bool instrumented;       /* `step` may be called */
    uint32_t arena_bytes;
    const mcuq_tensor_info *inputs;
    const mcuq_tensor_info *outputs;
    uint8_t *arena;          /* arena_bytes bytes */
    uint8_t *slow;           /* what lies in another memory: the arena's bytes from slow_offset on; else null */
    uint32_t slow_offset;
    const void *monitors;    /* counters of the field, where the model has them; else null */
    uint32_t monitor_bytes;
    int (*init)(void);       /* 0, or a code of the generated header */
    uint8_t *(*input)(unsigned index);
    const uint8_t *(*output)(unsigned index);
    void (*invoke)(void);
    void (*step)(unsigned index); /* invoke is step(0) .. step(step_count - 1) */
} mcuq_model;

extern const mcuq_model mcuq_the_model;

#ifdef __cplusplus
}
#endif

#endif
