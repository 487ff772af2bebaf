/* SPDX-License-Identifier: BSD-3-Clause */
/* How long hops and packets take: the workers' histograms summed up, with those of generations that
 * are gone. Main thread. */
#ifndef CORE_HOST_TIMING_H
#define CORE_HOST_TIMING_H

#include <core/graph/latency.h>
#include <core/host/engine.h>

/* Packets that came in by one port and left by another. */
struct sl_pair_timing {
	const char *in, *out; /* names of the ports, as long as they are open; NULL: all others */
	struct sl_histogram histogram; /* in units of SL_ARRIVAL_SHIFT */
};

/* A list of them; NULL when there are none, or no memory. The caller frees it. */
struct sl_pair_timing *sl_timing_pairs(const struct sl_generation *generation, unsigned int *count);
/* Cycles a packet in a hop. */
void sl_timing_hop(const struct sl_generation *generation, unsigned int hop,
		   struct sl_histogram *sum);

/* The old generation ends: the running one keeps what its hops of the same names and pairs of the
 * same ports took. */
void sl_timing_keep_hop(struct sl_hop_past *past, const struct sl_generation *old,
			unsigned int hop);
void sl_timing_keep_pairs(struct sl_generation *running, const struct sl_generation *old);

/* Seconds of such a unit. */
double sl_timing_unit(void);

#endif
