/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The one engine: everything that runs. Owned by the main thread; workers only ever see what is
 * published to them.
 */
#ifndef CORE_HOST_ENGINE_H
#define CORE_HOST_ENGINE_H

#include <time.h>

#include <core/chain/plan.h>
#include <core/host/config.h>
#include <core/plugin/instance.h>
#include <core/worker/worker.h>

struct sl_histogram;
struct sl_pair_timing; /* core/host/timing.h */

/* An own instance that goes on in a new generation. */
struct sl_settling {
	struct sl_instance *instance;
	const void *config;
};

/* What hops of the same name did in generations that are gone. */
struct sl_hop_past {
	struct sl_hop_stats stats;
	uint64_t *drops;             /* by reason; NULL: none */
	struct sl_histogram *timing; /* NULL: none */
};

/* One compiled version of a chain: instances, plan, and a graph per worker. Instances may be
 * those of the generation before. */
struct sl_generation {
	uint64_t number;
	struct sl_chain *chain;
	struct sl_plan *plan;
	struct sl_instance **vnfs;    /* per VNF of the chain */
	struct sl_instance **own;     /* the engine's own nodes, per hop; NULL for VNF hops */
	struct sl_graph_hop *hops;    /* plan->hop_count */
	uint16_t *numbers;            /* per hop: what packets call it by */
	unsigned int number_count;    /* of those set */
	struct sl_hop_past *past;     /* per hop */
	struct sl_pair_timing *pairs; /* timing.h: of generations that are gone */
	unsigned int pair_count;
	struct sl_worker_graph **graphs; /* per worker */
	struct sl_handoff *handoff;      /* core/worker/handoff.h: who runs which hop */
	unsigned int worker_count;
	struct sl_port **ports;    /* per port of the chain; the engine's */
	struct sl_instance **made; /* each of `own` once */
	unsigned int made_count;
	void **configs; /* of those */
	unsigned int config_count;
	struct sl_settling *settling; /* instances that go on with a configuration of `configs` */
	unsigned int settling_count;
	bool by_device;   /* every port can bring sessions to their workers */
	bool in_hardware; /* and does: no function wants another way */
};

/* Packets that were still inside when everything had to stop, by where they were. */
struct sl_leftover {
	uint64_t inboxes; /* on the way to a worker */
	uint64_t punted;  /* on the way to the main thread */
	uint64_t graphs;  /* in frames */
	uint64_t held;    /* by nodes, or waiting for a neighbour */
};

/* What the engine began with: see core/host/save.h. All zeros: nothing. */
struct sl_restored {
	uint64_t when;    /* it was saved: nanoseconds since 1970 */
	uint64_t taken;   /* records */
	uint64_t moved;   /* of those, to another worker than the one that had them */
	uint64_t void_;   /* that mean nothing any more */
	uint64_t refused; /* by the instance */
	uint64_t lost;    /* nobody is there to take them */
	int from;         /* process that was taken over from; 0: it was a file */
	uint64_t outage;  /* TSC ticks from its last poll to the first of this engine */
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
	struct sl_fusion **fusion; /* per worker */
	struct sl_fusion_control *fusion_control;
	int fusion_mode;   /* enum sl_fusion_mode instead of the chain's; -1: the chain's */
	uint64_t started;  /* TSC */
	time_t started_at; /* the same */
	bool stop_asked;   /* SIGTERM or SIGINT came, or sl_engine_ask_stop() */
	bool stopped;      /* sl_engine_stop() is done: counters stand still */
	bool paused;       /* workers stand still while another process takes over */
	bool handed_over;  /* and it has: this one ends, and what it had is the other's */
	int control;       /* listening control socket that was taken over; -1: none */
	struct sl_restored restored;
	struct sl_leftover leftover; /* all zeros before sl_engine_stop() */
	uint64_t events;             /* shown so far */
	uint64_t events_lost;        /* the queue to the main thread was full */
	/* Where events go, as JSON of one line; NULL: the log. */
	void (*event)(void *context, struct sl_engine *engine, const char *line);
	void *event_context;
	struct sl_engine_private *private;
};

/* Sum of all ledgers: workers, main thread, rings. rx + made == tx + drops + joined + held,
 * exactly when nothing moves, and after sl_engine_stop() with held == 0. */
struct sl_totals {
	uint64_t rx, made, tx, drops, joined, held;
};
void sl_engine_totals(const struct sl_engine *engine, struct sl_totals *totals);

/* Packets that wait for the main thread. */
unsigned int sl_engine_punted(const struct sl_engine *engine);

/* Packets dropped by hops that are no more, by reason. */
struct sl_gone {
	char reason[64];
	uint64_t count;
};

/* How many, and all of them. Main. */
unsigned int sl_engine_gone(const struct sl_engine *engine, const struct sl_gone **gone);

/* EAL, pool, workers, ports, generation: in that order. The caller has zeroed the engine and set
 * config and registry, the one the chain was loaded with. The chain is the engine's from now
 * on, whatever the result. After a failure only sl_engine_free() may be called. */
int sl_engine_start(struct sl_engine *engine, struct sl_chain *chain, struct sl_errors *errors);
/* The same in three steps. Open: all that needs no port. Build: ports, generation. Launch: from
 * here on it forwards. In between it can be given state: sl_engine_restore(). */
int sl_engine_open(struct sl_engine *engine, struct sl_chain *chain, struct sl_errors *errors);
int sl_engine_build(struct sl_engine *engine, struct sl_errors *errors);
int sl_engine_launch(struct sl_engine *engine, struct sl_errors *errors);
/* Become the configured user and group and give up capabilities. Call it once all sockets and
 * files are open. */
int sl_engine_drop_privileges(struct sl_engine *engine, struct sl_errors *errors);
/* One round of the main thread: rings, timers, events, signals, watchdog; waits at most wait_us
 * when there is nothing to do, less when fd (-1: none) can be read. */
void sl_engine_poll(struct sl_engine *engine, unsigned int wait_us, int fd);
/* All inputs are drained (captures read to their end) and nothing is in flight. Says so when it
 * has seen the same twice, so call it once a round. */
bool sl_engine_drained(struct sl_engine *engine);
/* fusion.c: enum sl_fusion_mode, from the next burst on. */
void sl_engine_fuse(struct sl_engine *engine, unsigned int mode);
/* As if SIGTERM had come. */
void sl_engine_ask_stop(struct sl_engine *engine);
/* Stop polling, let out what is inside, stop the workers. Counters, instances and ports can still
 * be read; nothing moves any more. */
void sl_engine_stop(struct sl_engine *engine);
/* A worker did not stop: some node does not come back. All that is left to do is to exit. */
bool sl_engine_abandoned(const struct sl_engine *engine);
/* Free everything. */
void sl_engine_free(struct sl_engine *engine);

/* Is the worker's heartbeat older than the watchdog allows? hop: where it has been since. */
bool sl_engine_worker_stuck(const struct sl_engine *engine, unsigned int worker, uint16_t *hop);

struct sl_diff; /* core/host/diff.h */

/*
 * Build a generation beside the running one: instances, a graph and polls per worker. diff: which
 * instances of the running one go on in it; NULL: none. ports: of the chain, in its order; kept.
 * Nothing of it runs yet. NULL with messages, and nothing changed. The chain stays the caller's
 * when it fails.
 */
struct sl_generation *sl_generation_new(struct sl_engine *engine, struct sl_chain *chain,
					struct sl_port **ports, const struct sl_diff *diff,
					struct sl_errors *errors);
/* No worker may see it any more. Lets go of its instances and its chain. NULL is allowed. */
void sl_generation_free(struct sl_generation *generation);
/* Place in the plan of the hop of that number; SL_PLAN_NONE: there is none. */
uint16_t sl_generation_hop(const struct sl_generation *generation, uint16_t number);

#endif
