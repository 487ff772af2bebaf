/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_ring_elem.h>

#include <core/host/events.h>
#include <core/plugin/instance.h>
#include <core/plugin/json.h>

#define EVENTS_WAITING 1024
#define EVENT_DATA     96 /* as sl_event() promises */

struct record {
	struct sl_instance *instance;
	uint32_t event;
	uint32_t size;
	uint8_t data[EVENT_DATA];
};

struct sl_events {
	struct rte_ring *ring;
	uint64_t lost; /* written by the worker */
	uint16_t worker;
};

struct sl_events *sl_events_new(uint16_t worker, struct sl_errors *errors)
{
	struct sl_events *events = rte_zmalloc("sl-events", sizeof(*events), RTE_CACHE_LINE_SIZE);
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "sl-events-%u", worker);
	if (events != NULL)
		events->ring =
			rte_ring_create_elem(name, sizeof(struct record), EVENTS_WAITING,
					     (int)rte_socket_id(), RING_F_SP_ENQ | RING_F_SC_DEQ);
	if (events == NULL || events->ring == NULL) {
		sl_fail(errors, ENOMEM, "no memory for the events of worker %u", worker);
		rte_free(events);
		return NULL;
	}
	events->worker = worker;
	return events;
}

void sl_events_free(struct sl_events *events)
{
	if (events == NULL)
		return;
	rte_ring_free(events->ring);
	rte_free(events);
}

bool sl_events_put(void *context, struct sl_instance *instance, uint32_t event, const void *data,
		   uint32_t size)
{
	struct sl_events *events = context;
	struct record record = {.instance = instance, .event = event, .size = size};

	if (size > EVENT_DATA)
		record.size = EVENT_DATA;
	if (record.size > 0)
		memcpy(record.data, data, record.size);
	if (rte_ring_sp_enqueue_elem(events->ring, &record, sizeof(record)) == 0)
		return true;
	__atomic_store_n(&events->lost, events->lost + 1, __ATOMIC_RELAXED);
	return false;
}

static void render(const struct sl_events *events, const struct record *record,
		   void (*show)(void *context, const char *line), void *context)
{
	const struct sl_node_type *type = record->instance->type;
	json_t *json = json_object();
	const char *name = "event";
	char *line;

	for (uint32_t i = 0; type->events != NULL && type->events[i].name != NULL; i++)
		if (i == record->event)
			name = type->events[i].name;
	json_object_set_new(json, "event", json_string(name));
	json_object_set_new(json, "vnf", json_string(record->instance->name));
	json_object_set_new(json, "worker", json_integer(events->worker));
	if (type->render_event != NULL)
		type->render_event(record->instance, record->event, record->data,
				   sl_json_from(json));
	line = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	if (line == NULL)
		return;
	show(context, line);
	free(line);
}

unsigned int sl_events_take(struct sl_events *events, unsigned int most,
			    void (*show)(void *context, const char *line), void *context)
{
	struct record record;
	unsigned int taken = 0;

	while (taken < most &&
	       rte_ring_sc_dequeue_elem(events->ring, &record, sizeof(record)) == 0) {
		render(events, &record, show, context);
		taken++;
	}
	return taken;
}

uint64_t sl_events_lost(const struct sl_events *events)
{
	return __atomic_load_n(&events->lost, __ATOMIC_RELAXED);
}
