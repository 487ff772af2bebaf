/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a capture or a trace looks, as the user says it: ports, hops, their edges, drops. See
 * struct sl_watching_conf. Main thread.
 */
#ifndef CORE_HOST_WATCH_POINTS_H
#define CORE_HOST_WATCH_POINTS_H

#include <core/host/private.h>

enum sl_watch_point_kind {
	SL_WATCH_AT_RX,
	SL_WATCH_AT_TX,
	SL_WATCH_AT_IN,
	SL_WATCH_AT_OUT,
	SL_WATCH_AT_DROPS,
};

struct sl_watch_point {
	enum sl_watch_point_kind kind;
	char *hop;   /* name; of RX and TX "lan:rx", "lan:tx" */
	char *which; /* the edge or reason; NULL: any */
};

/* All zeros is empty. */
struct sl_watch_points {
	struct sl_watch_point *list;
	unsigned int count;
};

/* Add what a text means in a generation. traces: ports only, and of those what they receive.
 * Returns 0, or -errno with messages. */
int sl_watch_points_add(struct sl_watch_points *points, const struct sl_generation *g,
			const char *text, bool traces, struct sl_errors *errors);
/* Add all ports. */
int sl_watch_points_add_ports(struct sl_watch_points *points, const struct sl_generation *g,
			      bool traces, struct sl_errors *errors);
void sl_watch_points_free(struct sl_watch_points *points);

/* What an edge of a hop is called. */
const char *sl_watch_edge_name(const struct sl_chain *chain, const struct sl_plan *plan,
			       const struct sl_plan_hop *hop, const struct sl_node_type *type,
			       unsigned int edge);
/* What a reason for drops of a type's hops is called, the graph's own too; NULL: past the last. */
const char *sl_watch_reason_name(const struct sl_node_type *type, unsigned int reason);

#endif
