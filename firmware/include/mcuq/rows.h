/* Rows of images that several layers hand on to one another: they move to the front, and padding joins them. */
#ifndef MCUQ_ROWS_H
#define MCUQ_ROWS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* `to` lies before `from`, or apart from it: what is read is never written before. One copy serves all steps. */
__attribute__((noinline, unused)) static void mcuq_rows_move(uint8_t *to, const uint8_t *from, int32_t bytes)
{
    for (; bytes >= 16; bytes -= 16) {
        uint32_t words[4];
        __builtin_memcpy(&words[0], from, 4);
        __builtin_memcpy(&words[1], from + 4, 4);
        __builtin_memcpy(&words[2], from + 8, 4);
        __builtin_memcpy(&words[3], from + 12, 4);
        __builtin_memcpy(to, &words[0], 4);
        __builtin_memcpy(to + 4, &words[1], 4);
        __builtin_memcpy(to + 8, &words[2], 4);
        __builtin_memcpy(to + 12, &words[3], 4);
        from += 16;
        to += 16;
    }
    for (; bytes > 0; bytes--) {
        *to++ = *from++;
    }
}

__attribute__((noinline, unused)) static void mcuq_rows_fill(uint8_t *to, uint8_t value, int32_t bytes)
{
    for (int32_t i = 0; i < bytes; i++) {
        to[i] = value;
    }
}

/* A copy of `rows` rows from row `first` on of an image of `height` rows; rows outside of it are of `fill`. */
__attribute__((noinline, unused)) static void mcuq_rows_window(uint8_t *to, const uint8_t *image, int32_t first,
                                                               int32_t rows, int32_t height, int32_t row_bytes,
                                                               uint8_t fill)
{
    for (int32_t row = first; row < first + rows; row++) {
        if (row >= 0 && row < height) {
            mcuq_rows_move(to, image + row * row_bytes, row_bytes);
        } else {
            mcuq_rows_fill(to, fill, row_bytes);
        }
        to += row_bytes;
    }
}

#ifdef __cplusplus
}
#endif

#endif
