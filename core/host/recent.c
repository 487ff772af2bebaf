/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <core/host/private.h>
#include <core/host/recent.h>

struct sl_recent {
	uint64_t next;
	struct sl_recent_event events[SL_RECENT]; /* at their number % SL_RECENT */
};

struct sl_recent *sl_recent_new(void)
{
	struct sl_recent *recent = calloc(1, sizeof(*recent));

	if (recent != NULL)
		recent->next = 1;
	return recent;
}

void sl_recent_free(struct sl_recent *recent)
{
	for (unsigned int i = 0; recent != NULL && i < SL_RECENT; i++)
		free(recent->events[i].line);
	free(recent);
}

void sl_recent_add(struct sl_recent *recent, const char *line)
{
	struct sl_recent_event *event = &recent->events[recent->next % SL_RECENT];

	free(event->line);
	event->number = recent->next++;
	clock_gettime(CLOCK_REALTIME, &event->when);
	event->line = strdup(line);
}

const struct sl_recent_event *sl_recent_get(const struct sl_recent *recent, uint64_t number)
{
	uint64_t oldest = recent->next > SL_RECENT ? recent->next - SL_RECENT : 1;

	if (number < oldest)
		number = oldest;
	for (; number < recent->next; number++)
		if (recent->events[number % SL_RECENT].line != NULL)
			return &recent->events[number % SL_RECENT];
	return NULL;
}

uint64_t sl_recent_next(const struct sl_recent *recent)
{
	return recent->next;
}

const struct sl_recent *sl_engine_recent(const struct sl_engine *engine)
{
	return engine->private != NULL ? engine->private->recent : NULL;
}

void sl_engine_note(struct sl_engine *engine, const char *event, const char *members, ...)
{
	json_t *more, *object;
	char *line;
	va_list args;

	if (engine->private == NULL || engine->private->recent == NULL)
		return;
	va_start(args, members);
	more = json_vpack_ex(NULL, 0, members, args);
	va_end(args);
	object = json_pack("{ss}", "event", event);
	json_object_update(object, more);
	json_decref(more);
	line = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	if (line != NULL) {
		engine->events++;
		sl_recent_add(engine->private->recent, line);
	}
	free(line);
}
