/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How long packets are in the engine: of one burst in about 32, one packet gets the time of its
 * arrival on its way (port-rx), and where it leaves (port-tx) the difference goes into the
 * histogram of its two ports. Workers write each into their own graph's.
 */
#ifndef CORE_GRAPH_LATENCY_H
#define CORE_GRAPH_LATENCY_H

#include <rte_cycles.h>
#include <rte_mbuf.h>

#include <core/graph/histogram.h>
#include <core/graph/graph.h>

/* Where the time stands in an mbuf: the four bytes of the dynamic area before struct sl_packet. */
#define SL_ARRIVAL_OFFSET (SL_PACKET_OFFSET - sizeof(uint32_t))
static_assert(SL_ARRIVAL_OFFSET >= offsetof(struct rte_mbuf, dynfield1),
	      "the dynamic area begins four bytes before an 8-byte boundary");

/* In units of 32 TSC ticks, so that 32 bits last for a minute or so. */
#define SL_ARRIVAL_SHIFT 5

static inline uint32_t *sl_arrival(const struct rte_mbuf *m)
{
	return (uint32_t *)((uintptr_t)m + SL_ARRIVAL_OFFSET);
}

/* Which bursts and which of their packets: a worker's, at one port. */
struct sl_sampler {
	uint32_t left; /* bursts until the next that is sampled */
	uint32_t random;
};

#define SL_SAMPLED_EVERY 32

/* Of the bursts that there will be when `left` was 0: mark one packet of this one. */
static inline void sl_sampler_mark(struct sl_sampler *sampler, struct rte_mbuf **pkts, uint16_t n)
{
	struct rte_mbuf *m;

	sampler->random = sampler->random * 1664525 + 1013904223;
	sampler->left = (uint32_t)((uint64_t)sampler->random * (2 * SL_SAMPLED_EVERY - 1) >> 32);
	sampler->random = sampler->random * 1664525 + 1013904223;
	m = pkts[(uint64_t)sampler->random * n >> 32];
	*sl_arrival(m) = (uint32_t)(rte_rdtsc() >> SL_ARRIVAL_SHIFT);
	sl_packet(m)->flags |= SL_PKT_TIMED;
}

/* Ports of a pair that there was no room for. */
#define SL_PAIR_OTHERS UINT16_MAX

/* From one port to another, in units of SL_ARRIVAL_SHIFT. */
struct sl_latency_pair {
	uint16_t in, out; /* indexes of the ports; both SL_PAIR_OTHERS: all the rest */
	struct sl_histogram histogram;
};

struct sl_latency;

struct sl_latency *sl_latency_new(unsigned int pairs);
void sl_latency_free(struct sl_latency *latency);
/* Worker: what of these packets is marked leaves by that port now. */
void sl_latency_leave(struct sl_latency *latency, uint16_t out, struct rte_mbuf *const *pkts,
		      uint16_t n);
/* Any thread: the pair of that place, NULL past the last. */
const struct sl_latency_pair *sl_latency_pair(const struct sl_latency *latency, unsigned int i);

/* Of a graph; NULL when it was made without. */
struct sl_latency *sl_graph_latency(const struct sl_graph *graph);
/* Of the graph that the node stands in. */
struct sl_latency *sl_node_latency(struct sl_node *node);

/* Add a hop's histogram of cycles a packet: each call that was timed counts as often as it had
 * packets. */
void sl_graph_timing(const struct sl_graph *graph, uint16_t hop, struct sl_histogram *sum);

#endif
