/* MLPerf Tiny firmware: the model `mcuq_the_model` behind the benchmark's own protocol, on the board that the port knows. */
#include "../marker/marker.h"
#include "mcuq/port.h"
#include "mcuq_mlperf.h"

int main(void)
{
    static mcuq_mlperf mlperf;
    static const mcuq_mlperf_hooks hooks = {
        .vendor = MCUQ_MLPERF_VENDOR,
        .model = MCUQ_MLPERF_MODEL,
        .task = MCUQ_MLPERF_TASK,
        .energy_mode = MCUQ_MLPERF_ENERGY != 0,
        .read = mcuq_port_read,
        .write = mcuq_port_write,
        .ticks = mcuq_port_ticks,
        .ticks_hz = mcuq_port_ticks_hz,
        .pin = mcuq_marker_set,
    };

    mcuq_port_init();
    mcuq_marker_init();
    if (mcuq_the_model.init() != 0) {
        mcuq_port_write((const uint8_t *)"e-[The model did not start]\r\n", 29);
        for (;;) {
        }
    }
    mcuq_mlperf_init(&mlperf, &hooks, &mcuq_the_model);
    for (;;) {
        mcuq_mlperf_poll(&mlperf);
    }
}
