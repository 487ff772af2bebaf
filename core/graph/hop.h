/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What graph.h keeps to itself: hops, frames, and the counters that other threads may read
 * while they change.
 */
#ifndef CORE_GRAPH_HOP_H
#define CORE_GRAPH_HOP_H

#include <core/fault/fault.h>
#include <core/graph/graph.h>
#include <core/graph/histogram.h>
#include <core/plugin/instance.h>

/* Pointers beyond the end of an array of them that whole vectors may read or write. */
#define SL_SLACK 8

/* A bit for each packet of a burst. */
#define SL_BURST_WORDS (SL_BURST / 64)

/*
 * Packets on their way into a hop. The header has its line for itself, so that the pointers
 * are aligned for vector loads.
 */
struct sl_frame {
	struct sl_frame *next; /* in the hop's input, or in the list of free frames */
	uint64_t bytes;        /* sum of pkt_len of the packets */
	uint16_t n;
	struct rte_mbuf *pkts[SL_BURST + SL_SLACK] __rte_cache_aligned;
} __rte_cache_aligned;

/* What a call of a hop reads and writes stands in the first two lines. */
struct sl_hop {
	struct sl_node node; /* first: the plugin's pointer is ours */
	sl_process_fn process;
	struct sl_frame *first; /* input, in order; NULL: none */

	struct sl_frame *last __rte_cache_aligned;
	struct sl_hop *plain_on; /* where whole bursts go on to by pointer; NULL: not so simple */
	struct sl_hop *adjacent; /* the same, when it comes next in the order */
	struct sl_hop **targets; /* of each edge; NULL: leads nowhere */
	uint32_t rank;           /* place in the order of the walk */
	uint16_t index;          /* place in the list that the graph was made from */
	bool resizes;            /* SL_NODE_RESIZES: bytes must be summed again */
	bool remote;             /* does not run here: hands its packets to other threads */
	bool own;                /* the engine's own type: may use SL_SENT and its like */
	bool holds;
	bool barrier;        /* fused actions end before it */
	bool fuses;          /* looks flows up */
	bool watched;        /* a view looks at it */
	uint8_t quarantined; /* enum sl_quarantine: what its instance was in when last looked at */
	uint8_t fuse_edge;   /* of hops that fuse: leads here; 0: none does */
	uint64_t calls;
	uint64_t packets;
	uint64_t bytes;
	uint64_t cycles;        /* of the walks that were timed */
	uint64_t timed_packets; /* in those walks */

	struct sl_graph *graph __rte_cache_aligned;
	const struct sl_node_type *type; /* whose code it runs */
	uint64_t *drops;                 /* the type's own reasons, then enum sl_graph_reason */
	struct sl_histogram *timing;     /* cycles a packet, of the calls that were timed */
	uint32_t own_reasons;
	uint32_t reason_count;
	uint64_t fused; /* of `packets`: they took their flow's action instead */
	uint64_t emitted;
	uint64_t held;
	uint64_t lost_events;
	sl_process_fn unwatched; /* what process stands for when it is sl_watch_process() */
} __rte_cache_aligned;

/* Send each packet of a burst the way that its edge says. Reads whole vectors of pkts and edge. */
typedef void (*sl_sort_fn)(struct sl_graph *graph, struct sl_hop *hop, struct rte_mbuf *const *pkts,
			   const uint8_t *edge, uint16_t n);

/* Packets that a node emitted or released during the call it is in. */
struct sl_emission {
	struct sl_hop *hop;
	uint16_t n;
	uint8_t edge[SL_BURST] __rte_cache_aligned;
	struct rte_mbuf *pkts[SL_BURST + SL_SLACK] __rte_cache_aligned;
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
	sl_sort_fn sort;
	uint64_t now;
	uint32_t untimed; /* walks until the next one that is timed */
	uint32_t random;
	uint64_t next_tick;   /* the earliest of all tickers */
	uint32_t recording;   /* trails of packets in the graph */
	uint16_t current;     /* hop whose process() or tick() runs; SL_GRAPH_NO_HOP: none */
	uint32_t quarantines; /* sl_quarantines, when last looked at */
	/* What that process() was given; NULL: it has come back. */
	struct sl_frame *volatile inside;

	uint64_t pushed, made, sent, joined, handed;
	uint64_t waiting; /* put in since the last walk ended */

	struct sl_graph_conf conf;
	uint16_t hop_count;
	struct sl_hop **by_index;
	struct sl_hop **by_number; /* NULL where there is none of that number */
	uint32_t number_count;
	struct sl_graph *other; /* see sl_graph_meet() */
	bool beside;            /* the other one is polled into: no flow is fused here */
	bool watched_inside;    /* a view wants to see every packet at every hop: none is fused */
	struct sl_watch_view *views; /* who looks: see watch.h; NULL: nobody */
	uint64_t orphans;            /* held by instances for hops that are no more */
	struct sl_ticker *tickers;
	uint32_t ticker_count;
	struct sl_latency *latency; /* NULL: none is measured */
	struct sl_histogram *timings;
	struct sl_frame *frames; /* all of them, as allocated */
	struct sl_emission emission;
} __rte_cache_aligned;

static inline struct sl_hop *sl_hop_of(struct sl_node *node)
{
	return (struct sl_hop *)node;
}

/* The hop of a number, or NULL. */
static inline struct sl_hop *sl_hop_by_number(const struct sl_graph *graph, uint16_t number)
{
	return number < graph->number_count ? graph->by_number[number] : NULL;
}

/* order.c: rank[i] of each hop, so that as few edges as can be lead to a lower rank. Returns 0
 * or -ENOMEM. */
int sl_graph_order(const struct sl_graph_hop *hops, uint16_t count, uint32_t *rank);

/* sort.c: one sort for each width of vectors; all give the same. */
struct sl_sort {
	const char *name;
	uint16_t bits; /* width of the vectors it needs */
	sl_sort_fn sort;
};
/* The widest that the CPU has and EAL allows: 256 bits, unless --force-max-simd-bitwidth says
 * otherwise. */
const struct sl_sort *sl_sort_choose(void);
/* All that this CPU can run, the widest first; NULL past the last. */
const struct sl_sort *sl_sort_get(unsigned int i);

/* leave.c: packets that took an edge which does not lead forward: sent, held, dropped, turned
 * back. picked: `count` of them, which may be overwritten. */
void sl_hop_leave(struct sl_graph *graph, struct sl_hop *hop, uint8_t edge,
		  struct rte_mbuf **picked, uint16_t count);
void sl_hop_drop(struct sl_hop *hop, uint32_t reason, struct rte_mbuf **pkts, uint16_t n);
/* leave.c: the process() of hops that run on other workers. */
void sl_hop_hand_over(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n);

/* direct.c */
/* Set process to what the hop's remote, quarantined and watched ask for. Between two calls. */
void sl_hop_direct(struct sl_hop *hop);
/* Hops of quarantined instances do what their chain says. */
void sl_graph_quarantine(struct sl_graph *graph);

/* contain.c */
/* Whose call it is that a walk is in: see struct sl_contain. */
struct sl_instance *sl_graph_blame(const struct sl_contain *contain);
uint64_t sl_graph_place(const void *graph);
/* The walk was left in the middle of a call of process(): drop what was in it, quarantine the
 * instance, and leave everything as if the call had come back. */
void sl_graph_recover(struct sl_graph *graph);
/* Call tick(), with the emissions of one that did not come back dropped. */
void sl_graph_call_tick(struct sl_graph *graph, struct sl_hop *hop);
/* Packets that took an edge which there is not; they are dropped, and the node is at fault. */
void sl_graph_wild_edge(struct sl_graph *graph, struct sl_hop *hop, uint8_t edge,
			struct rte_mbuf **pkts, uint16_t n);
/* Calls that flow fusion makes. What credit() leaves undone is forgotten; a guard() that does not
 * come back, or cannot be asked, lets the packets walk, into its quarantine. */
void sl_hop_credit(struct sl_hop *hop, uint64_t handle, const struct sl_usage *usage);
uint16_t sl_hop_guard(struct sl_hop *hop, const uint64_t *handles,
		      const struct rte_mbuf *const *pkts, uint8_t *edge, uint16_t n, bool commit);
/* Does the type know() the packet? False when it cannot be asked. */
bool sl_hop_knows(struct sl_hop *hop, const struct rte_mbuf *m);

/* walk.c: let out what was emitted. */
void sl_graph_flush(struct sl_graph *graph);

#endif
