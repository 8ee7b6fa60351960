/* What differs between two calls of one kernel: factors, offsets, and where the constants lie. */
#ifndef MCUQ_PARAMETERS_H
#define MCUQ_PARAMETERS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Factors are 31-bit multipliers with a shift (mcuq_requantize_tflm), or right shifts alone where every scale is a power
 * of two (mcuq_requantize_shift; multipliers are then left out). Offsets are negated zero points of inputs. */
typedef struct {
    const int8_t *weights;
    const int32_t *bias;
    const int32_t *multipliers; /* one a channel */
    const int8_t *shifts;
    const int8_t *weight_zero_points; /* one a channel; null where weights are symmetric */
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
    const int8_t *weight_zero_points; /* one an output; null where weights are symmetric */
    int32_t multiplier;
    int32_t shift;
    int32_t input_offset;
    int32_t output_offset;
    int32_t output_min;
    int32_t output_max;
} mcuq_fully_connected_parameters;

typedef struct {
    const uint32_t *stream; /* everything, in the order in which it is read (mcuq/dsp.h) */
    int32_t zero_point;     /* what padding reads as */
} mcuq_stream_parameters;

/* The same with all sizes, so that one function serves layers of any size. Lines run along x or y; steps are in bytes. */
typedef struct {
    const uint32_t *stream;
    int16_t zero_point; /* what padding reads as */
    int16_t channels;
    int16_t lines; /* of the image */
    int16_t out_lines;
    int16_t out_positions;
    int16_t band; /* output lines at a time */
    int16_t pad_line;
    int16_t in_line; /* from line to line of the image */
    int16_t in_step; /* from position to position */
    int16_t out_line;
    int16_t out_step;
    int16_t words; /* whole words of a line (mcuq_split_line) */
    int16_t edges;
    int16_t line_bytes; /* of one plane */
    int16_t plane_bytes;
    int16_t shift; /* all channels' right shift; 0 where the stream holds each one's */
} mcuq_shared_depthwise_parameters;

typedef struct {
    const uint32_t *stream;
    int16_t pixels;
    int16_t channels;
    int16_t out_channels;
    int16_t shift; /* all channels' right shift */
} mcuq_pointwise_parameters;

/* Weights four channels at a time, how many taps fit the lanes at a time, and four numbers a channel: bias,
 * multiplier, rounding, shift (mcuq/lanes.h); the last three once, before all biases, where they serve every channel. */
typedef struct {
    const int8_t *weights;
    const uint8_t *runs; /* null where nothing is packed into lanes */
    const int32_t *channels;
    int32_t zero_point; /* what padding reads as */
    int32_t output_min;
    int32_t output_max;
} mcuq_lanes_parameters;

/* 4-bit weights by the width of their elements (mcuq/int4.h); null where there are none of that width. */
typedef struct {
    const uint32_t *weights_8;
    const uint16_t *weights_4;
    const uint8_t *weights_2;
    const int32_t *bias;
    const int32_t *multipliers; /* one a channel */
    const int8_t *shifts;
    const int8_t *weight_zero_points; /* one a channel; null where weights are symmetric */
    int32_t zero_point; /* what padding reads as; the bias holds it */
    int32_t output_offset;
    int32_t output_min;
    int32_t output_max;
} mcuq_int4_conv_parameters;

typedef struct {
    const uint32_t *weights_8;
    const uint16_t *weights_4;
    const uint8_t *weights_2;
    const int32_t *bias;
    const int32_t *multipliers; /* null where one factor serves all outputs */
    const int8_t *shifts;
    const int8_t *weight_zero_points; /* one an output; null where weights are symmetric */
    int32_t multiplier;
    int32_t shift;
    int32_t output_offset;
    int32_t output_min;
    int32_t output_max;
} mcuq_int4_fully_connected_parameters;

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

/* Scales are powers of two: left shifts of the operands, a right shift of the sum. */
typedef struct {
    int32_t a_offset;
    int32_t b_offset;
    int32_t a_left;
    int32_t b_left;
    int32_t shift;
    int32_t output_offset;
    int32_t output_min;
    int32_t output_max;
} mcuq_sum_shift_parameters;

typedef struct {
    int32_t sum_offset;
    int32_t left;
    int32_t divisor; /* holds the count as well */
    int32_t output_offset;
} mcuq_mean_shift_parameters;

typedef struct {
    const int32_t *a_table; /* four times the scaled operand, by its byte */
    const int32_t *b_table;
    int32_t multiplier;
    int32_t rounding; /* both roundings and the zero point */
    int32_t output_min;
    int32_t output_max;
} mcuq_sum_tables_parameters;

typedef struct {
    int32_t elements;
    int32_t a_offset;
    int32_t b_offset;
    int32_t a_multiplier;
    int32_t b_multiplier;
    int32_t output_multiplier;
    int32_t a_shift; /* right shifts, unlike above */
    int32_t b_shift;
    int32_t output_shift;
    int32_t output_rounding; /* both roundings and the zero point */
    int32_t output_min;
    int32_t output_max;
} mcuq_sum_dsp_parameters;

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
    int32_t elements;
    int32_t input_offset;
    int32_t multiplier;
    int32_t shift;
    int32_t output_offset;
    int32_t output_min;
    int32_t output_max;
} mcuq_rescale_parameters;

/* int16 activations have zero point 0; of the two biases one is null. */
typedef struct {
    const int8_t *weights;
    const int32_t *bias;
    const int64_t *wide_bias; /* with sums of 64 bits */
    const int16_t *multipliers; /* 15 bits, one a channel (mcuq_requantize_sum) */
    const int8_t *shifts;
    int32_t output_min;
    int32_t output_max;
} mcuq_int16_parameters;

typedef struct {
    const uint16_t *table; /* the logistic function in steps of 1/24 */
    int32_t elements;
    int32_t multiplier;
    int32_t shift; /* to the right */
} mcuq_curve_parameters;

typedef struct {
    const int16_t *exponentials; /* exp on [-10, 0] */
    const int16_t *reciprocals;  /* 1 / (1 + x) on [0, 1] */
    int32_t multiplier;
    int32_t shift;
} mcuq_softmax_int16_parameters;

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

typedef struct {
    const void *weights; /* float, halves as uint16_t, or int8_t: the kernel knows */
    const float *bias;
    const float *scales; /* of int8 weights, one or one a channel; null for others */
} mcuq_float_weights_parameters;

typedef struct {
    int32_t elements;
} mcuq_float_unary_parameters;

typedef struct {
    float beta;
} mcuq_float_softmax_parameters;

#ifdef __cplusplus
}
#endif

#endif
