/* The caches of a Cortex-M7. */
#ifndef MCUQ_CORTEX_M7_H
#define MCUQ_CORTEX_M7_H

void mcuq_caches_start(void);

#endif
