/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Flow fusion of one worker: a table of flows, each with the action that its first packet's walk
 * through the graph was compiled to. See docs/fusion.md.
 *
 * It outlives generations: a new graph makes all flows stale, and sl_fusion_swept() says when
 * nothing refers to the old one any more.
 */
#ifndef CORE_FLOW_FUSION_H
#define CORE_FLOW_FUSION_H

#include <stdatomic.h>

#include <sluice/trail.h>

#include <core/graph/graph.h>

enum sl_fusion_mode {
	SL_FUSION_OFF,
	SL_FUSION_ON,
	SL_FUSION_VERIFY, /* every hit is verified */
};

/* By its word; -1: there is no such mode. */
int sl_fusion_mode_of(const char *word);
const char *sl_fusion_mode_name(unsigned int mode);

/* What may change while workers run; of the engine, shared by all workers. */
struct sl_fusion_control {
	_Atomic uint8_t mode;    /* enum sl_fusion_mode */
	_Atomic uint32_t sample; /* with SL_FUSION_ON: one hit in so many is verified; 0: none */
};

struct sl_fusion_conf {
	const struct sl_fusion_control *control;
	uint32_t flows;           /* most flows of IPv4, and of IPv6 */
	uint64_t idle;            /* TSC: a flow that was not used for so long ends */
	struct rte_mempool *pool; /* for copies of packets that are verified */
	/* A mismatch: the packet as the action made it and as the graph made it (either may be
	 * NULL: dropped). Takes both over. NULL: they are freed. Worker. */
	void (*mismatch)(void *context, struct rte_mbuf *fused, struct rte_mbuf *walked);
	void *mismatch_context;
};

#define SL_FUSION_FLOWS  (1u << 20)
#define SL_FUSION_SAMPLE 4096u
#define SL_FUSION_IDLE_S 30u

struct sl_fusion;

struct sl_fusion *sl_fusion_new(const struct sl_fusion_conf *conf, struct sl_errors *errors);
/* No flow is synced: the instances may be gone. NULL is allowed. */
void sl_fusion_free(struct sl_fusion *fusion);

/* Worker: credit what hops and counters are owed. */
void sl_fusion_settle(struct sl_fusion *fusion);
/* Worker: if something was un-fused since the last call, settle what it is owed, and use it no
 * more. Called before the worker says that it is quiescent. */
void sl_fusion_refresh(struct sl_fusion *fusion);
/* Worker: take some of the flows that became stale out of the table, for a few microseconds.
 * Whether there are more. Each round, and by the node's tick. */
bool sl_fusion_sweep(struct sl_fusion *fusion);
/* Any thread: whether no flow refers to what was un-fused before `since`, a value of
 * sl_fusion_changes(), so that instances and graphs of then can go. */
bool sl_fusion_swept(const struct sl_fusion *fusion, uint64_t since);
uint64_t sl_fusion_changes(void);
/* Un-fuse everything, on all workers: the graph is another one. */
void sl_unfuse_all(void);

struct sl_fusion_stats {
	uint64_t flows, capacity; /* now, of both families */
	uint64_t actions;         /* different ones, now */
	uint64_t fused;           /* flows, ever */
	uint64_t refused;         /* recordings that came to nothing */
	uint64_t aged, evicted, cut;
	uint64_t no_room; /* flows that were not fused for want of memory */
	uint64_t hits;    /* packets that took their action */
	uint64_t walked;  /* packets of fused flows that walked the graph */
	uint64_t misses;
	uint64_t unfit; /* packets that are never fused */
	uint64_t verified, mismatches;
	uint64_t unverified; /* sampled, but the walk came to no end that can be compared */
	uint64_t memory;     /* bytes, touched */
};
/* Any thread. */
void sl_fusion_stats(const struct sl_fusion *fusion, struct sl_fusion_stats *stats);

/* The node that looks flows up: one instance serves all hops. Besides SL_ON its hops have, all the
 * same, an edge to each hop where actions may end. */
extern const struct sl_node_type sl_fuse_type;

/* Hooks of the graph, called while packets with a trail are in it. */
struct sl_hop;
struct sl_frame;
void sl_trails_arrive(struct sl_graph *graph, struct sl_hop *hop, struct sl_frame *frame);
void sl_trails_leave(struct sl_graph *graph, struct sl_hop *hop, struct sl_frame *frame);
/* The hop did not come back from the burst that arrived last. */
void sl_trails_fault(struct sl_graph *graph);
/* The walk is over: what is still being recorded has come to no end. */
void sl_trails_abandon(struct sl_graph *graph);

#endif
