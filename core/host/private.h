/* SPDX-License-Identifier: BSD-3-Clause */
/* What the engine keeps for itself, for the files of this room only. */
#ifndef CORE_HOST_PRIVATE_H
#define CORE_HOST_PRIVATE_H

#include <rte_ring.h>

#include <core/host/engine.h>
#include <core/host/events.h>

struct sl_engine_private {
	int signals; /* file, -1: none */
	bool eal;    /* it runs */
	bool ports_started;
	bool abandoned; /* a worker could not be stopped: nothing may be freed */
	uint64_t generations;
	struct sl_chain *chain;    /* before it is a generation's */
	struct sl_events **events; /* per worker */
	struct rte_ring *punted;   /* of struct punt: see punt.c */
	uint64_t next_l3_tick, next_watch;
	bool *stuck; /* per worker: told already */
	/* What sl_engine_drained() saw the last time. */
	uint64_t seen_moves;
	uint64_t *seen_loops; /* per worker */
	bool seen;
	struct rte_ring *mismatches; /* of struct mismatch: see fusion.c */
	FILE *mismatch_file;
};

/* punt.c: the way of packets between workers and the main thread. */
int sl_punt_open(struct sl_engine *engine, struct sl_errors *errors);
int sl_punt_join(struct sl_engine *engine, struct sl_port *port, struct sl_errors *errors);
/* Hand punted packets to their ports; returns how many. */
unsigned int sl_punt_take(struct sl_engine *engine);
/* Throw away what is still on the way; returns how many. */
uint64_t sl_punt_empty(struct sl_engine *engine);
void sl_punt_close(struct sl_engine *engine);

/* fusion.c */
int sl_engine_fusion_start(struct sl_engine *engine, const struct sl_chain *chain,
			   struct sl_errors *errors);
/* Memory that workers will want, mismatches that they found; returns how many. */
unsigned int sl_engine_fusion_tend(struct sl_engine *engine);
void sl_engine_fusion_end(struct sl_engine *engine);

/* totals.c: what the main thread did with all ports' packets. */
struct sl_ledger;
void sl_engine_main_ledger(const struct sl_engine *engine, struct sl_ledger *ledger);
void sl_engine_worker_ledger(const struct sl_engine *engine, struct sl_ledger *ledger);
/* Is anything in frames, inboxes or on the way to the main thread? */
bool sl_engine_in_flight(const struct sl_engine *engine);

/* generation.c: tell the ports what the instances answer for. */
int sl_generation_claim(struct sl_engine *engine, const struct sl_generation *generation,
			struct sl_errors *errors);

/* placement.c: which workers run what. */
struct sl_placement {
	uint64_t all;   /* every worker */
	uint64_t chain; /* those that run what is not placed, and poll by default */
	uint64_t *vnfs; /* per VNF of the chain */
	uint64_t *rx;   /* per port: who polls it */
	uint64_t *tx;   /* per port: who may send there */
};
/* 0, or -EINVAL with messages. sl_placement_free() it in any case. */
int sl_placement_choose(struct sl_placement *placement, const struct sl_engine *engine,
			const struct sl_chain *chain, struct sl_errors *errors);
void sl_placement_free(struct sl_placement *placement);
/* Workers of one hop. */
uint64_t sl_placement_hop(const struct sl_placement *placement, const struct sl_plan_hop *hop);

#endif
