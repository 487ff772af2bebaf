/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where several paths end at a port and no steering says which a packet takes: it takes the one
 * its session came out by. PIN hops, before the packet leaves, note the session's path; the UNPIN
 * hop of the port looks it up for what comes back.
 *
 * One instance per port, of sl_pin_type, serves the port's UNPIN hop and all its PIN hops, so
 * that they share the worker's table: give the same struct sl_instance to each. Its config
 * tells by the number of the hop what each does. Both directions of a session must come to the
 * same worker.
 */
#ifndef CORE_FLOW_PIN_H
#define CORE_FLOW_PIN_H

#include <sluice/node.h>

/* Role of the UNPIN hop: edge SL_EDGE_FIRST + rank of the session's path, or on if unknown. */
#define SL_PIN_LOOK_UP UINT8_MAX

struct sl_pin_config {
	uint32_t sessions;    /* remembered per worker; the oldest make room; 0: 65536 */
	uint16_t hop_count;   /* of the plan */
	const uint8_t *roles; /* per hop of the plan: a PIN's rank of path (0..120), or
			       * SL_PIN_LOOK_UP; lives as long as the instance */
};

extern const struct sl_node_type sl_pin_type;

#endif
