/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The counters of a running generation at one moment, summed over its workers. They are read
 * while workers count, so sums of different hops may differ by what is in between.
 */
#ifndef CORE_CONTROL_SNAPSHOT_H
#define CORE_CONTROL_SNAPSHOT_H

#include <core/host/engine.h>

struct sl_snapshot {
	uint64_t generation;
	uint64_t tsc;
	double seconds; /* since the engine started */
	struct sl_totals totals;
	unsigned int hop_count;
	struct sl_hop_stats *hops; /* per hop of the plan */
	uint64_t *drops;           /* of all hops, one after the other */
	unsigned int *first_drop;  /* per hop: where its drops start; hop_count: where all end */
};

/* NULL: out of memory, or nothing runs. */
struct sl_snapshot *sl_snapshot_take(const struct sl_engine *engine);
void sl_snapshot_free(struct sl_snapshot *snapshot);

/* A hop's drop reasons are the type's own and then the engine's; NULL beyond the last. */
const char *sl_drop_reason(const struct sl_node_type *type, unsigned int i);

#endif
