/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The one engine: everything that runs. Owned by the main thread; workers only ever see what is
 * published to them.
 */
#ifndef CORE_HOST_ENGINE_H
#define CORE_HOST_ENGINE_H

#include <core/chain/plan.h>
#include <core/host/config.h>
#include <core/plugin/instance.h>
#include <core/worker/worker.h>

/* One compiled version of a chain: instances, plan, and a graph per worker. */
struct sl_generation {
	uint64_t number;
	struct sl_chain *chain;
	struct sl_plan *plan;
	struct sl_instance **vnfs;       /* per VNF of the chain */
	struct sl_instance **own;        /* the engine's own nodes, per hop; NULL for VNF hops */
	struct sl_graph_hop *hops;       /* plan->hop_count */
	struct sl_worker_graph **graphs; /* per worker */
};

struct sl_engine {
	const struct sl_host_config *config;
	struct sl_registry *registry;
	struct rte_mempool *pool;
	struct sl_port **ports;
	unsigned int port_count;
	struct sl_worker **workers;
	unsigned int worker_count;
	struct sl_generation *generation;
	uint64_t started; /* TSC */
};

/* Sum of all ledgers: workers, main thread, rings. rx + made == tx + drops + joined + held. */
struct sl_totals {
	uint64_t rx, made, tx, drops, joined, held;
};
void sl_engine_totals(const struct sl_engine *engine, struct sl_totals *totals);

/* EAL, pool, plugins, ports, generation, workers, privileges: in that order. */
int sl_engine_start(struct sl_engine *engine, struct sl_chain *chain, struct sl_errors *errors);
/* One round of the main thread: rings, timers, events, signals, the socket; waits at most
 * wait_us when there is nothing to do. */
void sl_engine_poll(struct sl_engine *engine, unsigned int wait_us);
/* All inputs are drained (captures read to their end) and nothing is in flight. */
bool sl_engine_drained(const struct sl_engine *engine);
void sl_engine_stop(struct sl_engine *engine);

#endif
