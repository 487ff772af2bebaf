/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What graph.h keeps to itself: hops, frames, and the counters that other threads may read
 * while they change.
 */
#ifndef CORE_GRAPH_HOP_H
#define CORE_GRAPH_HOP_H

#include <core/graph/graph.h>
#include <core/graph/scatter.h>
#include <core/plugin/instance.h>

/*
 * Packets on their way into a hop. The header has its line for itself, so that the pointers
 * are aligned for vector loads. SL_SCATTER_SLACK: a vector store may write beyond the end.
 */
struct sl_frame {
	struct sl_frame *next; /* in the hop's input, or in the list of free frames */
	uint64_t bytes;        /* sum of pkt_len of the packets */
	uint16_t n;
	struct rte_mbuf *pkts[SL_BURST + SL_SCATTER_SLACK] __rte_cache_aligned;
} __rte_cache_aligned;

/* What a call of a hop reads and writes stands in the first two lines. */
struct sl_hop {
	struct sl_node node; /* first: the plugin's pointer is ours */
	sl_process_fn process;
	struct sl_frame *first; /* input, in order; NULL: none */

	struct sl_frame *last __rte_cache_aligned;
	struct sl_hop *plain_on; /* where whole bursts go on to by pointer; NULL: not so simple */
	struct sl_hop **targets; /* of each edge; NULL: leads nowhere */
	uint32_t rank;           /* place in the order of the walk */
	bool resizes;            /* SL_NODE_RESIZES: bytes must be summed again */
	bool remote;             /* does not run here: hands its packets to other threads */
	bool own;                /* the engine's own type: may use SL_SENT and its like */
	bool holds;
	uint64_t calls;
	uint64_t packets;
	uint64_t bytes;
	uint64_t cycles;

	struct sl_graph *graph __rte_cache_aligned;
	uint64_t *drops; /* the type's own reasons, then enum sl_graph_reason */
	uint32_t own_reasons;
	uint32_t reason_count;
	uint64_t emitted;
	uint64_t held;
	uint64_t lost_events;
} __rte_cache_aligned;

/* Packets that a node emitted or released during the call it is in. */
struct sl_emission {
	struct sl_hop *hop;
	uint16_t n;
	uint8_t edge[SL_BURST] __rte_cache_aligned;
	struct rte_mbuf *pkts[SL_BURST + SL_SCATTER_SLACK] __rte_cache_aligned;
};

struct sl_ticker {
	struct sl_hop *hop; /* the first of its instance */
	uint64_t period;
	uint64_t next;
};

struct sl_graph {
	/* All zeros between two calls of process(). */
	uint8_t edge[SL_BURST] __rte_cache_aligned;

	struct sl_hop *hops;   /* in the order of the walk */
	uint64_t *pending;     /* bit per rank: it has input */
	uint32_t words;        /* of pending */
	struct sl_frame *free; /* last in, first out: the hottest frame is used next */
	const struct sl_scatter *scatter;
	uint64_t now;
	uint64_t next_tick; /* the earliest of all tickers */
	uint16_t current;   /* hop whose process() or tick() runs; SL_GRAPH_NO_HOP: none */

	uint64_t pushed, made, sent, joined, handed;
	uint64_t waiting; /* put in since the last walk ended */

	struct sl_graph_conf conf;
	uint16_t hop_count;
	struct sl_hop **by_number;
	struct sl_ticker *tickers;
	uint32_t ticker_count;
	struct sl_frame *frames; /* all of them, as allocated */
	struct sl_emission emission;
} __rte_cache_aligned;

/* Counters have one writer; relaxed atomics tell other threads' reads from a data race and
 * cost nothing. */
static inline void sl_tally(uint64_t *counter, uint64_t by)
{
	__atomic_store_n(counter, *counter + by, __ATOMIC_RELAXED);
}

static inline uint64_t sl_tally_read(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static inline struct sl_hop *sl_hop_of(struct sl_node *node)
{
	return (struct sl_hop *)node;
}

/* order.c: rank[i] of each hop, so that as few edges as can be lead to a lower rank. Returns 0
 * or -ENOMEM. */
int sl_graph_order(const struct sl_graph_hop *hops, uint16_t count, uint32_t *rank);

/* walk.c: let out what was emitted. */
void sl_graph_flush(struct sl_graph *graph);
/* walk.c: the process() of hops that run on other workers. */
void sl_graph_hand_over(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n);

#endif
