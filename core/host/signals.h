/* SPDX-License-Identifier: BSD-3-Clause */
/* Signals as something the main thread reads: no handler ever interrupts a worker. */
#ifndef CORE_HOST_SIGNALS_H
#define CORE_HOST_SIGNALS_H

#include <core/error/errors.h>

/* Block SIGTERM, SIGINT and SIGHUP in this thread and those it starts (so call it before EAL), and
 * ignore SIGPIPE. Returns a file to wait on, or -errno. */
int sl_signals_open(struct sl_errors *errors);
/* The next signal that came, 0: none. */
int sl_signals_next(int fd);
void sl_signals_close(int fd);

#endif
