/* SPDX-License-Identifier: BSD-3-Clause */
/* What `sluice run` shows: a table redrawn each second on a terminal, else a line a second. */
#ifndef CORE_CONTROL_LIVE_H
#define CORE_CONTROL_LIVE_H

#include <core/control/snapshot.h>

struct sl_live;

/* Shows on standard output. NULL: out of memory. */
struct sl_live *sl_live_new(void);
void sl_live_free(struct sl_live *live);
/* Once a second. */
void sl_live_second(struct sl_live *live, const struct sl_engine *engine);
/* A line of text that stays above the table. */
void sl_live_line(struct sl_live *live, const char *line);
/* The last table, with averages over the whole run. */
void sl_live_end(struct sl_live *live, const struct sl_engine *engine);

#endif
