/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Looking at packets on their way: captures and traces. A watch says what is looked for; in each
 * graph a *view* of it says what that means at every hop there. What is found goes to the main
 * thread as records, by a ring a worker.
 *
 * Hops that a view looks at are called by way of sl_watch_process(). The others, and graphs that
 * nobody looks at, do nothing more than they did.
 *
 * A trace follows single packets. Those that are chosen, at the hops where packets come in, carry
 * SL_PKT_TRACED and have a slot in the watch, by which their hops find their number. Their flows'
 * actions leave them alone: they walk the graph.
 */
#ifndef CORE_GRAPH_WATCH_H
#define CORE_GRAPH_WATCH_H

#include <stdatomic.h>

#include <core/graph/graph.h>

struct bpf_insn;

/* What is noted. */
enum sl_watch_what {
	SL_WATCH_VOID, /* nothing: room that was not needed */
	SL_WATCH_IN,   /* it came to the hop */
	SL_WATCH_OUT,  /* it left the hop by an edge */
	SL_WATCH_DROP, /* the hop dropped it */
};

struct sl_watch_record {
	uint32_t size;     /* of all of it, a multiple of 8 */
	uint32_t captured; /* bytes that follow */
	uint64_t tsc;
	uint32_t hop;    /* text: its name */
	uint32_t how;    /* text: the edge, or the reason */
	uint32_t packet; /* of a trace: its number, from 1 */
	uint32_t length; /* pkt_len */
	uint8_t what;    /* enum sl_watch_what */
	uint8_t fused;   /* the action of its flow did it */
	uint8_t bytes[] __attribute__((aligned(8)));
};

/* Written by one worker, read by the main thread. */
struct sl_watch_ring {
	uint64_t tail __rte_cache_aligned; /* bytes ever written */
	uint64_t reserved;                 /* and those of records that are not finished */
	bool open;                         /* within a call of a hop: there may be such */
	uint64_t lost;                     /* packets that found no room */
	uint64_t head __rte_cache_aligned; /* bytes ever read */
	uint64_t size;                     /* a power of two */
	uint8_t *bytes;
};

/* A packet that is traced. Its owner alone reads and writes what follows `m`. */
struct sl_watch_slot {
	_Atomic(const struct rte_mbuf *) m; /* NULL: free */
	uint32_t number;
	_Atomic uint64_t seen; /* TSC: it is given up after a while */
};

#define SL_WATCH_SLOTS 64

struct sl_watch {
	bool traces;
	const struct bpf_insn *filter; /* NULL: every packet */
	uint32_t snap;                 /* most bytes of a packet */
	uint32_t limit;                /* trace: most packets */
	_Atomic uint32_t chosen;       /* so far */
	struct sl_watch_slot slots[SL_WATCH_SLOTS];
};

/* What of a hop is looked at. Texts are numbers of the main thread's. */
struct sl_watch_hop {
	bool in, begins;
	uint64_t out[2];   /* bit per edge */
	uint64_t drops[3]; /* bit per reason */
	uint32_t name;     /* texts */
	uint32_t *edges;   /* of each edge of the hop */
	uint32_t *reasons; /* of each reason, the engine's own too */
};

struct sl_watch_view {
	struct sl_watch_view *next; /* of the same graph */
	struct sl_watch *watch;
	struct sl_watch_ring *ring;
	bool inside; /* it looks at hops that fused packets do not come to: all walk */
	uint32_t *texts;
	/* Texts of ways that are no edges of the plan. */
	uint32_t sent, handed, joined, held;
	uint16_t hop_count;
	struct sl_watch_record *pending[SL_BURST]; /* what may become of a packet at hand */
	struct sl_watch_hop hops[];                /* by place in the graph's list */
};

/* Look and look no more: between two walks of the graph, on its worker, or before it runs. The
 * view is the graph's as long as it is there: sl_graph_free() frees it. */
void sl_watch_add(struct sl_graph *graph, struct sl_watch_view *view);
/* Returns the view of that watch, which is the caller's now; NULL: there is none. */
struct sl_watch_view *sl_watch_remove(struct sl_graph *graph, const struct sl_watch *watch);
void sl_watch_view_free(struct sl_watch_view *view);

/* The next record; NULL: none is there. It stays until sl_watch_ring_done(). Main. */
const struct sl_watch_record *sl_watch_ring_next(struct sl_watch_ring *ring);
void sl_watch_ring_done(struct sl_watch_ring *ring, const struct sl_watch_record *record);

/* Room for a record of so many bytes, which only its worker sees until the ring is published; NULL:
 * there is none, which is counted. Worker. */
struct sl_watch_record *sl_watch_ring_reserve(struct sl_watch_ring *ring, uint32_t bytes);
/* Let the main thread see what was reserved, unless the ring is open. Worker. */
void sl_watch_ring_publish(struct sl_watch_ring *ring);

/*
 * For the graph and for the engine's own nodes. Not on hot ways.
 */
struct sl_hop;

/* The process() of hops that are looked at. */
void sl_watch_process(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n);
/* The call of a hop that was looked at did not come back. */
void sl_watch_fault(struct sl_graph *graph);
/* They are about to be freed. */
void sl_watch_dropped(struct sl_hop *hop, uint32_t reason, struct rte_mbuf *const *pkts, uint16_t n,
		      bool fused);
/* They leave besides the burst of the hop. */
void sl_watch_emitted(struct sl_graph *graph, struct sl_hop *hop, struct rte_mbuf *const *pkts,
		      const uint8_t *edge, uint16_t n);

#endif
