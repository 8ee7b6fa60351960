/* The last frames of a stream as one input: a ring that is due every `hop` frames. Optional, and independent of any model.
 *
 *     static uint8_t ring[FRAMES * FRAME_BYTES];
 *     static mcuq_window window = { ring, FRAME_BYTES, FRAMES, HOP, 0, FRAMES };
 *
 *     if (mcuq_window_push(&window, frame)) {
 *         mcuq_window_copy(&window, net_input(&net, 0)); // oldest first
 *         net_invoke(&net);
 *     }
 */
#ifndef MCUQ_WINDOW_H
#define MCUQ_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    uint8_t *ring;        /* frames * frame_bytes bytes */
    uint32_t frame_bytes; /* what arrives at a time */
    uint32_t frames;      /* what the model sees at a time */
    uint32_t hop;         /* frames from one window to the next, 1 or more */
    uint32_t next;        /* where the next frame goes; start with 0 */
    uint32_t waiting;     /* frames until the next window is due; start with `frames` */
} mcuq_window;

/* Take one frame; true when a window is due. */
static inline bool mcuq_window_push(mcuq_window *window, const void *frame)
{
    __builtin_memcpy(window->ring + window->next * window->frame_bytes, frame, window->frame_bytes);
    window->next = window->next + 1u == window->frames ? 0u : window->next + 1u;
    window->waiting--;
    if (window->waiting != 0u) {
        return false;
    }
    window->waiting = window->hop;
    return true;
}

/* The last `frames` frames to `to`, the oldest first. */
static inline void mcuq_window_copy(const mcuq_window *window, void *to)
{
    const uint32_t newer = window->next * window->frame_bytes;
    const uint32_t older = (window->frames - window->next) * window->frame_bytes;
    __builtin_memcpy(to, window->ring + newer, older);
    __builtin_memcpy((uint8_t *)to + older, window->ring, newer);
}

#ifdef __cplusplus
}
#endif

#endif
