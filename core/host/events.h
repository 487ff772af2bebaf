/* SPDX-License-Identifier: BSD-3-Clause */
/* Events on their way from a worker's nodes to the main thread: one ring a worker. */
#ifndef CORE_HOST_EVENTS_H
#define CORE_HOST_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include <core/error/errors.h>

struct sl_events;
struct sl_instance;

struct sl_events *sl_events_new(uint16_t worker, struct sl_errors *errors);
void sl_events_free(struct sl_events *events);
/* sl_graph_conf.event; context: a struct sl_events. Worker only. */
bool sl_events_put(void *context, struct sl_instance *instance, uint32_t event, const void *data,
		   uint32_t size);
/* Take up to most events and call show for each, with JSON of one line. Returns how many. Main. */
unsigned int sl_events_take(struct sl_events *events, unsigned int most,
			    void (*show)(void *context, const char *line), void *context);
/* Events that found the ring full. */
uint64_t sl_events_lost(const struct sl_events *events);

#endif
