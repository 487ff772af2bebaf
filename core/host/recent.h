/* SPDX-License-Identifier: BSD-3-Clause */
/* The last events, numbered, for who asks later and who follows. Main thread. */
#ifndef CORE_HOST_RECENT_H
#define CORE_HOST_RECENT_H

#include <stdint.h>
#include <time.h>

#include <jansson.h>

/* Events that are kept. */
#define SL_RECENT 1024

struct sl_engine;
struct sl_recent;

struct sl_recent_event {
	uint64_t number; /* 1, 2, ... since the engine started */
	struct timespec when;
	char *line; /* a JSON object of one line */
};

/* NULL: out of memory. */
struct sl_recent *sl_recent_new(void);
void sl_recent_free(struct sl_recent *recent);
/* Out of memory: the number is used, the event is not kept. */
void sl_recent_add(struct sl_recent *recent, const char *line);
/* The event of that number, or the first kept one after it; NULL: there is none yet. */
const struct sl_recent_event *sl_recent_get(const struct sl_recent *recent, uint64_t number);
/* The number that the next event will have. */
uint64_t sl_recent_next(const struct sl_recent *recent);

/* Events of the engine. NULL: it has not started. */
const struct sl_recent *sl_engine_recent(const struct sl_engine *engine);
/* Note an event of the engine's own, with members as json_pack() takes them: "{ss}", "port",
 * name. */
void sl_engine_note(struct sl_engine *engine, const char *event, const char *members, ...);

#endif
