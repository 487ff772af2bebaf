/* SPDX-License-Identifier: BSD-3-Clause */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <core/control/api_table.h>
#include <core/host/recent.h>

#define MOST_LINE 4096

/* {"number": 7, "time": "2026-11-21T09:40:42.123456Z", and what the event's own line says. Returns
 * its length with the newline, 0 when it is longer than `size`. */
static size_t put_event(char *out, size_t size, const struct sl_recent_event *event)
{
	char when[32];
	struct tm tm;
	int length;

	gmtime_r(&event->when.tv_sec, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	length = snprintf(out, size, "{\"number\":%llu,\"time\":\"%s.%06ldZ\",%s\n",
			  (unsigned long long)event->number, when, event->when.tv_nsec / 1000,
			  event->line + 1);
	return length > 0 && (size_t)length < size ? (size_t)length : 0;
}

struct follower {
	const struct sl_recent *recent;
	uint64_t next;
	char line[MOST_LINE]; /* being sent */
	size_t size, sent;
};

static bool ready(void *context)
{
	const struct follower *f = context;

	return f->sent < f->size || sl_recent_get(f->recent, f->next) != NULL;
}

static ssize_t follow(void *context, char *out, size_t room)
{
	struct follower *f = context;
	const struct sl_recent_event *event;
	size_t used = 0, some;

	while (used < room) {
		if (f->sent == f->size) {
			event = sl_recent_get(f->recent, f->next);
			if (event == NULL)
				break;
			f->next = event->number + 1;
			f->size = put_event(f->line, sizeof(f->line), event);
			f->sent = 0;
		}
		some = f->size - f->sent < room - used ? f->size - f->sent : room - used;
		memcpy(out + used, f->line + f->sent, some);
		f->sent += some;
		used += some;
	}
	return (ssize_t)used;
}

struct events_args {
	uint64_t given;
	uint64_t since, limit;
};

static const struct sl_param list_args[] = {
	{.name = "since",
	 .kind = SL_UINT,
	 .offset = offsetof(struct events_args, since),
	 .doc = "The number of the event to begin with; 0: with the last ones"},
	{.name = "limit",
	 .kind = SL_UINT,
	 .offset = offsetof(struct events_args, limit),
	 .def = "1024",
	 .min = 1,
	 .max = SL_RECENT,
	 .doc = "Most events"},
	{0},
};

static const struct sl_param follow_args[] = {
	{.name = "since",
	 .kind = SL_UINT,
	 .offset = offsetof(struct events_args, since),
	 .doc = "The number of the event to begin with; 0: with the next"},
	{0},
};

static const struct sl_api_member event_members[] = {
	{"number", SL_API_NUMBER, "From 1 on, since sluice started", NULL, false},
	{"time", SL_API_TEXT, "When it was, in UTC", NULL, false},
	{"event", SL_API_TEXT, "Its name; what else there is depends on it", NULL, false},
	{"vnf", SL_API_TEXT, "The instance that reports it", NULL, true},
	{"worker", SL_API_NUMBER, "The worker that it concerns", NULL, true},
	{.name = NULL},
};

static const struct sl_api_member list_members[] = {
	{"events", SL_API_LIST, "The oldest first", event_members, false},
	{"next", SL_API_NUMBER, "`since` for those that come later", NULL, false},
	{.name = NULL},
};

static json_t *list(const struct sl_recent *recent, uint64_t since, uint64_t limit)
{
	const struct sl_recent_event *event;
	json_t *events = json_array();
	uint64_t next = since;
	char line[MOST_LINE];

	/* The last ones when there are too many. */
	if (since == 0 && sl_recent_next(recent) > limit)
		next = sl_recent_next(recent) - limit;
	while ((event = sl_recent_get(recent, next)) != NULL && limit-- > 0) {
		next = event->number + 1;
		if (put_event(line, sizeof(line), event) != 0)
			json_array_append_new(events, json_loads(line, 0, NULL));
	}
	return json_pack("{sosI}", "events", events, "next",
			 (json_int_t)(next > 0 ? next : sl_recent_next(recent)));
}

static json_t *show_events(struct sl_api_call *call)
{
	const struct events_args *args = call->args;

	return list(sl_engine_recent(call->engine), args->since, args->limit);
}

static json_t *follow_events(struct sl_api_call *call)
{
	const struct events_args *args = call->args;
	const struct sl_recent *recent = sl_engine_recent(call->engine);
	struct follower *follower;

	if (call->request->source == NULL)
		return sl_api_fail(call, SL_API_UNAVAILABLE, NULL, NULL,
				   "too many captures, traces and followers already");
	follower = calloc(1, sizeof(*follower));
	if (follower == NULL)
		return NULL;
	follower->recent = recent;
	follower->next = args->since != 0 ? args->since : sl_recent_next(recent);
	*call->request->source = (struct sl_api_source){
		.type = call->operation->type,
		.ready = ready,
		.read = follow,
		.close = free,
		.context = follower,
	};
	return NULL;
}

const struct sl_api_operation sl_api_events[] = {
	{
		.method = "GET",
		.path = "/v1/events",
		.name = "show-events",
		.summary = "The last events",
		.role = SL_ROLE_READ,
		.args = list_args,
		.args_size = sizeof(struct events_args),
		.answer = list_members,
		.run = show_events,
	},
	{
		.method = "GET",
		.path = "/v1/events/follow",
		.name = "follow-events",
		.summary = "Events as they come, a JSON object a line, without end",
		.role = SL_ROLE_READ,
		.args = follow_args,
		.args_size = sizeof(struct events_args),
		.type = "application/x-ndjson",
		.run = follow_events,
	},
	{.method = NULL},
};
