/* One pin that firmware moves for an instrument: a timestamp of energy mode, the begin and end of an inference. */
#ifndef MCUQ_MARKER_H
#define MCUQ_MARKER_H

#include <stdbool.h>

void mcuq_marker_init(void);
void mcuq_marker_set(bool is_high);

#endif
