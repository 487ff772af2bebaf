/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The graph of one worker: hops in topological order, the frames between them, and the walk.
 * A graph belongs to one thread; others may only read its counters.
 */
#ifndef CORE_GRAPH_GRAPH_H
#define CORE_GRAPH_GRAPH_H

#include <rte_mempool.h>

#include <sluice/node.h>

struct sl_graph;
struct sl_fusion;

/* A target that means "not on this worker's copy": handed to sl_graph_conf.handoff. */
#define SL_GRAPH_NO_HOP UINT16_MAX

/* One hop of the graph, as the planner wants it; the same list serves every worker. */
struct sl_graph_hop {
	const char *name; /* "web/fw>" : path, instance, direction; for tables */
	struct sl_instance *instance;
	/* The code that it runs: another type than the instance's when a new plugin takes it over;
	 * NULL: the instance's. */
	const struct sl_node_type *type;
	uint8_t from; /* enum sl_side */
	uint8_t edge_count;
	uint8_t own_path;                 /* see struct sl_node */
	uint16_t edges[SL_EDGE_LAST + 1]; /* hop of each edge, SL_GRAPH_NO_HOP: leads nowhere */
	uint64_t workers;                 /* bit per worker that runs it */
};

struct sl_graph_conf {
	const struct sl_graph_hop *hops; /* only read while the graph is made */
	uint16_t hop_count;
	/* What packets call the hops by; NULL: their places in the list. Hops of different
	 * generations that are the same have the same number, others never, so that a packet on
	 * its way between workers, or held, finds its hop in a graph that was made meanwhile.
	 * Only read while the graph is made. */
	const uint16_t *numbers;
	uint16_t worker;
	struct rte_mempool *pool; /* for sl_make() and sl_copy() */
	uint32_t max_rounds;      /* how often a packet may turn back: 0 means 16 */
	/* Packets whose next hop does not run on this worker. Takes over all n; hop says where
	 * they go on, by its place in the list. Returns how many it took; the graph drops and
	 * counts the rest. */
	uint16_t (*handoff)(void *context, uint16_t hop, struct rte_mbuf **pkts, uint16_t n);
	void *handoff_context;
	/* Where sl_event() goes. */
	bool (*event)(void *context, struct sl_instance *instance, uint32_t event, const void *data,
		      uint32_t size);
	void *event_context;
	struct sl_fusion *fusion; /* of the worker; NULL: nothing is recorded */
	unsigned int port_pairs; /* latency.h: most pairs of ports to tell apart; 0: not measured */
};

/* Engine's own drop reasons, counted per hop after the type's own. */
enum sl_graph_reason {
	SL_REASON_BAD_EDGE,   /* the node returned an edge that does not exist */
	SL_REASON_NO_WAY,     /* the edge leads nowhere here (back on a one-way path) */
	SL_REASON_ROUNDS,     /* went back in the graph too often */
	SL_REASON_NO_FRAME,   /* out of frames */
	SL_REASON_HANDOFF,    /* the other worker's queue was full */
	SL_REASON_REMOVED,    /* it was held in a path that was removed meanwhile */
	SL_REASON_FAULT,      /* the node crashed or hung with the burst that it was in */
	SL_REASON_QUARANTINE, /* the node had done so before */
	SL_REASON_COUNT,
};
extern const struct sl_name sl_graph_reasons[SL_REASON_COUNT + 1];

/* What a hop did on this worker. Read by others while it changes. */
struct sl_hop_stats {
	uint64_t calls;
	uint64_t packets;
	uint64_t fused;  /* of the packets: their flow's action spared the hop the work */
	uint64_t bytes;  /* pkt_len of the packets, as they came to the hop */
	uint64_t cycles; /* TSC, of one walk in four, scaled up to all packets that walked */
	uint64_t emitted;
	uint64_t held;  /* now */
	uint64_t drops; /* sum over reasons */
	uint64_t lost_events;
};

/* The type of a hop. */
const struct sl_node_type *sl_graph_hop_type(const struct sl_graph_hop *hop);
/* Compile; joins every instance on this worker. NULL with messages. Main thread. */
struct sl_graph *sl_graph_new(const struct sl_graph_conf *conf, struct sl_errors *errors);
/* Frees frames and any packet still in them (counted as drops is up to the caller). */
void sl_graph_free(struct sl_graph *graph);

/* Put packets into the input of the hop of that number. The graph owns them from now on. */
void sl_graph_push(struct sl_graph *graph, uint16_t number, struct rte_mbuf **pkts, uint16_t n);
/* Whether there is a hop of that number. */
bool sl_graph_has(const struct sl_graph *graph, uint16_t number);
/* Run hops in order until nothing is pending. now: TSC, what sl_now() says meanwhile.
 * Returns how many packets were processed. */
uint32_t sl_graph_walk(struct sl_graph *graph, uint64_t now);
/* Call tick() of the instances on this worker that are due. */
void sl_graph_tick(struct sl_graph *graph, uint64_t now);

/* What sl_now() says until the next walk, for calls of nodes that no worker runs yet. */
void sl_graph_set_now(struct sl_graph *graph, uint64_t now);

/* Call a command's collect() for a hop of this graph. -EFAULT: it crashed or hung and the instance
 * is quarantined, or is already; else 0. Worker, between walks. */
int sl_graph_collect(struct sl_graph *graph, uint16_t hop, const struct sl_command *command,
		     const void *args, uint64_t *cursor, void *records, uint32_t room,
		     uint32_t *got);

/* The same for any other call of the hop's type. False: it crashed, hung or is in quarantine. */
bool sl_graph_call(struct sl_node *node, void (*run)(void *context), void *context);

/* Worker, between walks: take note of what was un-fused; clear some of it away, and say whether
 * there is more; credit what fused packets are owed. */
void sl_graph_refresh(struct sl_graph *graph);
bool sl_graph_sweep(struct sl_graph *graph);
void sl_graph_settle(struct sl_graph *graph);

/*
 * A worker goes over from one graph to another in three steps, each between two rounds. Worker.
 * meet: both serve the packets that are sent to hops which only one of them has, and what an
 *       instance holds for such a hop leaves by it.
 * succeed: with nothing pending in the older one. Instances in both tick as they would have, and
 *       what they hold is the newer one's.
 * forget: the other one ends. What is held for hops that only it had is dropped when it is let go
 *       (SL_REASON_REMOVED); instances that only it had drop theirs when they are destroyed.
 */
void sl_graph_meet(struct sl_graph *older, struct sl_graph *newer);
void sl_graph_succeed(struct sl_graph *newer, struct sl_graph *older);
void sl_graph_forget(struct sl_graph *graph);

/*
 * From here on hops are named by their places in the list that the graph was made from.
 */

/* The hop whose process() or tick() runs now, SL_GRAPH_NO_HOP between them. Any thread. */
uint16_t sl_graph_current(const struct sl_graph *graph);

struct sl_node *sl_graph_node(struct sl_graph *graph, uint16_t hop);
uint16_t sl_graph_hop_count(const struct sl_graph *graph);
void sl_graph_stats(const struct sl_graph *graph, uint16_t hop, struct sl_hop_stats *stats);
/* Drops of a hop for a reason: the type's own first, then enum sl_graph_reason. */
uint64_t sl_graph_drops(const struct sl_graph *graph, uint16_t hop, uint32_t reason);

/* The law's terms: packets put in from outside, made here, sent (SL_SENT), dropped, held,
 * merged into others, handed to other threads. pushed + made == sent + dropped + held +
 * joined + handed + pending at any time between walks. */
struct sl_ledger {
	uint64_t pushed;
	uint64_t made;
	uint64_t sent;
	uint64_t dropped;
	uint64_t joined;
	uint64_t handed;
	uint64_t held;
	uint64_t pending; /* waiting in frames for the next round */
};
void sl_graph_ledger(const struct sl_graph *graph, struct sl_ledger *ledger);

/* Which scatter the machine was given: "avx512", "avx2", "scalar". */
const char *sl_graph_scatter_name(void);

/* Edges for the engine's own nodes only. The node has disposed of the packet itself: sent it
 * to a device, merged it into a reassembled one, put it on a ring to another thread. */
#define SL_SENT   125
#define SL_JOINED 124
#define SL_HANDED 123
/* Freed, and counted as a drop of some hop, already. */
#define SL_GONE 127

#endif
