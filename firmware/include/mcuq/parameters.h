/* What differs between two calls of one kernel: factors, offsets, and where the constants lie. */
#ifndef MCUQ_PARAMETERS_H
#define MCUQ_PARAMETERS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Factors are 31-bit multipliers with a shift (mcuq_requantize_tflm); offsets are negated zero points of inputs. */
typedef struct {
    const int8_t *weights;
    const int32_t *bias;
    const int32_t *multipliers; /* one a channel */
    const int8_t *shifts;
    int32_t input_offset;
    int32_t output_offset;
    int32_t output_min;
    int32_t output_max;
} mcuq_conv_parameters;

typedef struct {
    const int8_t *weights;
    const int32_t *bias;
    const int32_t *multipliers; /* null where one factor serves all outputs */
    const int8_t *shifts;
    int32_t multiplier;
    int32_t shift;
    int32_t input_offset;
    int32_t output_offset;
    int32_t output_min;
    int32_t output_max;
} mcuq_fully_connected_parameters;

typedef struct {
    int32_t output_min;
    int32_t output_max;
} mcuq_pool_parameters;

typedef struct {
    int32_t sum_offset;
    int32_t multiplier; /* holds 1 / count as well */
    int32_t shift;
    int32_t output_offset;
} mcuq_mean_parameters;

typedef struct {
    int32_t a_offset;
    int32_t b_offset;
    int32_t a_multiplier;
    int32_t b_multiplier;
    int32_t output_multiplier;
    int32_t a_shift;
    int32_t b_shift;
    int32_t output_shift;
    int32_t output_offset;
    int32_t output_min;
    int32_t output_max;
} mcuq_sum_parameters;

typedef struct {
    int32_t a_offset;
    int32_t b_offset;
    int32_t multiplier;
    int32_t shift;
    int32_t output_offset;
    int32_t output_min;
    int32_t output_max;
} mcuq_product_parameters;

typedef struct {
    int32_t value;
} mcuq_pad_parameters;

typedef struct {
    const int32_t *table; /* exp(-d) with 31 fractional bits */
} mcuq_softmax_parameters;

typedef struct {
    const uint8_t *table; /* 256 results, by the stored byte */
    int32_t elements;
} mcuq_lookup_parameters;

typedef struct {
    int32_t elements;
    float scale;
    int32_t zero_point;
} mcuq_edge_parameters;

#ifdef __cplusplus
}
#endif

#endif
