/* SPDX-License-Identifier: BSD-3-Clause */
/* A packet's way through the graph, put together from what its hops noted. */
#ifndef CORE_CONTROL_TRACE_PACKET_H
#define CORE_CONTROL_TRACE_PACKET_H

#include <jansson.h>

#include <core/graph/watch.h>

struct sl_trace_packet;

/* Begin with the record of the packet as its port received it. NULL: out of memory. */
struct sl_trace_packet *sl_trace_packet_new(const struct sl_watch_record *record, const char *hop,
					    uint64_t stamp, unsigned int worker);
void sl_trace_packet_free(struct sl_trace_packet *packet);
uint32_t sl_trace_packet_number(const struct sl_trace_packet *packet);
/* TSC of the last record. */
uint64_t sl_trace_packet_last(const struct sl_trace_packet *packet);

/* What became of it at the next hop. */
void sl_trace_packet_add(struct sl_trace_packet *packet, const struct sl_watch_record *record,
			 const char *hop, const char *how, unsigned int worker);
/* Whether nothing can follow: it was sent, dropped or joined. */
bool sl_trace_packet_ended(const struct sl_trace_packet *packet);

/*
 * {"number", "time", "port", "worker", "length", "headers": TEXT, "steps": [{"hop", "ns", "worker",
 * "way", "changes": [TEXT], "headers"}], "end", "reason"}. A step's headers are there when others
 * came or went, its changes when fields differ from the step before.
 */
json_t *sl_trace_packet_json(const struct sl_trace_packet *packet);

#endif
