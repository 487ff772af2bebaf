/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands of DPDK's telemetry (dpdk-telemetry.py, and the inputs for DPDK that collectors have):
 * /sluice/ports, /sluice/hops and so on, over the Unix socket that DPDK opens in its runtime
 * folder.
 *
 * That socket has threads of its own. They ask, and the main thread answers in its round, so that
 * all of the engine is read where it may be.
 */
#ifndef CORE_CONTROL_TELEMETRY_H
#define CORE_CONTROL_TELEMETRY_H

#include <core/host/engine.h>

/* Once EAL runs. 0, or -errno with a message. */
int sl_telemetry_open(struct sl_errors *errors);
/* Main thread, each round: answer what is asked. */
void sl_telemetry_poll(const struct sl_engine *engine);
/* No more answers; before the engine ends. */
void sl_telemetry_close(void);

#endif
