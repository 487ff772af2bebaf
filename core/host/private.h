/* SPDX-License-Identifier: BSD-3-Clause */
/* What the engine keeps for itself, for the files of this room only. */
#ifndef CORE_HOST_PRIVATE_H
#define CORE_HOST_PRIVATE_H

#include <rte_ring.h>

#include <core/graph/graph.h>
#include <core/host/diff.h>
#include <core/host/engine.h>
#include <core/host/events.h>
#include <core/host/numbers.h>

/* Most ports that can be open at a time. */
#define SL_MAX_PORTS 1024

/* Of a port, as it was last looked at. */
enum sl_link { SL_LINK_UNKNOWN, SL_LINK_UP, SL_LINK_DOWN };

struct sl_engine_private {
	int signals;       /* file, -1: none */
	bool eal;          /* it runs */
	bool pci;          /* and looked at the PCI bus */
	bool abandoned;    /* a worker could not be stopped: nothing may be freed */
	bool starts_later; /* ports that can be open in two processes: sl_ports_start() */
	uint64_t generations;
	struct sl_chain *chain; /* before it is a generation's */
	struct sl_numbers *numbers;
	/* Per index of an open port: the chain that its configuration lies in; NULL: free. */
	struct sl_chain *port_chains[SL_MAX_PORTS];
	struct sl_ledger gone_workers, gone_main; /* of generations and ports that are no more */
	struct sl_gone *gone;
	unsigned int gone_count;
	struct sl_history *history;
	struct views *stranded;    /* switch.c: of workers that did not come back */
	struct sl_events **events; /* per worker */
	struct sl_recent *recent;
	struct sl_watching *watchings;    /* captures and traces */
	enum sl_link links[SL_MAX_PORTS]; /* per index of a port */
	struct rte_ring *punted;          /* of struct punt: see punt.c */
	uint64_t next_l3_tick, next_watch;
	bool *stuck; /* per worker: told already */
	/* What sl_engine_drained() saw the last time. */
	uint64_t seen_moves;
	uint64_t *seen_loops; /* per worker */
	bool seen;
	struct sl_faults *faults;
	struct sl_fault_thread *fault; /* the main thread's */
	struct rte_ring *mismatches;   /* of struct mismatch: see fusion.c */
	struct sl_drain *drain;        /* NULL: nothing drains */
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

/* reload.c: the running chain again, with a fresh instance for that VNF, or for the steering of
 * that port. The generation is not one of the history's. */
int sl_engine_renew(struct sl_engine *engine, const char *name, struct sl_errors *errors);
/* history.c: the running generation is entry `was` again, by another number. */
void sl_history_renumber(struct sl_engine *engine, uint64_t was);

/* engine.c: show what nodes reported; returns how many events there were. */
unsigned int sl_engine_take_events(struct sl_engine *engine);

/* links.c: report what links went up or down since the last call. */
void sl_links_watch(struct sl_engine *engine);

/* engine.c: rings, events and neighbours; returns how much there was to do. */
unsigned int sl_engine_tend(struct sl_engine *engine);
/* engine.c: let out what is inside; workers poll no more and go on with what they have. */
void sl_engine_settle(struct sl_engine *engine);

/* pause.c: workers poll no more when this returns; TSC of when they were told. */
uint64_t sl_engine_quiesce(struct sl_engine *engine);
/* Settle, and stop all workers. 0, or -errno with messages: sl_engine_resume() in any case. */
int sl_engine_pause(struct sl_engine *engine, struct sl_errors *errors);
int sl_engine_resume(struct sl_engine *engine, struct sl_errors *errors);

/* totals.c: what the main thread did with all ports' packets. */
struct sl_ledger;
void sl_engine_main_ledger(const struct sl_engine *engine, struct sl_ledger *ledger);
void sl_engine_worker_ledger(const struct sl_engine *engine, struct sl_ledger *ledger);
/* Is anything in frames, inboxes or on the way to the main thread? */
bool sl_engine_in_flight(const struct sl_engine *engine);

/* claims.c: tell the ports what the instances of a generation answer for, too. */
int sl_claims_add(const struct sl_generation *generation, struct sl_errors *errors);
/* And that it is all they answer for. */
void sl_claims_only(const struct sl_generation *generation);

/* ports.c: open the ports of a chain: those that go on are taken from the running generation, the
 * others opened and started; NULL with messages, and nothing changed. diff: may be NULL. */
struct sl_port **sl_ports_open(struct sl_engine *engine, struct sl_chain *chain,
			       const struct sl_diff *diff, struct sl_errors *errors);
/* Start those that were left for later. */
int sl_ports_start(struct sl_engine *engine, struct sl_errors *errors);
/* Undo sl_ports_open(). */
void sl_ports_abandon(struct sl_engine *engine, struct sl_port **ports,
		      const struct sl_chain *chain, const struct sl_diff *diff);
/* Close the engine's ports that are not among these, which become the engine's. */
void sl_ports_commit(struct sl_engine *engine, struct sl_port **ports, unsigned int count);
/* Close all of the engine's. */
void sl_ports_close(struct sl_engine *engine);

/* A merged chain hands out no port of an address twice. 0, or -EINVAL with messages. */
int sl_claims_check(const struct sl_generation *generation, struct sl_errors *errors);

struct sl_applied;
/* apply.c: one attempt to get to the chain as the diff says. The chain is the generation's when it
 * returns 0. stubborn: set to the name of what needs a new instance, with -EOPNOTSUPP; or NULL. */
int sl_apply_step(struct sl_engine *engine, struct sl_chain *chain, const struct sl_diff *diff,
		  const char **stubborn, struct sl_applied *applied, struct sl_errors *errors);

/* go_on.c: give its own instances that go on from another generation their new configuration,
 * and that of before back, which it had kept. Call it again to undo it. */
void sl_generation_settle(struct sl_generation *generation);
/* Give back the numbers that the other one, if any, has not too. */
void sl_generation_give_numbers(struct sl_engine *engine, struct sl_generation *generation,
				const struct sl_generation *other);

/* carry.c: the state of instances that other code replaces, into those of the next generation. The
 * last of it goes over with each worker, by sl_carry_last(). 0, or -errno with messages; free it in
 * any case, when no worker sees it any more. */
struct sl_carry;
int sl_carry_begin(struct sl_engine *engine, const struct sl_generation *next,
		   const struct sl_diff *diff, struct sl_carry **begun, struct sl_errors *errors);
void sl_carry_last(void *context, uint16_t worker, uint64_t now);
/* How many records were taken, and how many were not though they had to be. */
void sl_carry_sum(const struct sl_carry *carry, uint64_t *carried, uint64_t *lost);
void sl_carry_free(struct sl_carry *carry);

/* switch.c: let the workers go over from the running generation to the next, which is
 * engine->generation when it returns 0. Else (-ETIMEDOUT: a worker does not come back) nothing
 * changed, but `next` may be freed only if *seen is false. *old: the one before; NULL: a worker
 * may still see it. */
int sl_switch(struct sl_engine *engine, struct sl_generation *next, struct sl_carry *carry,
	      struct sl_generation **old, bool *seen, struct sl_errors *errors);

/* past.c: keep what the hops of a generation did that no worker sees any more, for the one that
 * runs now, and what its instances counted. */
void sl_past_keep(struct sl_engine *engine, const struct sl_generation *old);
void sl_past_add_ledger(struct sl_ledger *sum, const struct sl_ledger *one);

/* diff.c */
bool sl_diff_same_entries(const struct sl_chain *old, unsigned int was, const struct sl_chain *new,
			  unsigned int port, bool more);

struct sl_history;
void sl_history_free(struct sl_history *history);

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
			const struct sl_chain *chain, struct sl_port *const *ports,
			struct sl_errors *errors);
/* Only the workers of each VNF: `masks` has room for them. */
int sl_placement_vnfs(const struct sl_engine *engine, const struct sl_chain *chain, uint64_t *masks,
		      struct sl_errors *errors);
void sl_placement_free(struct sl_placement *placement);
/* Workers of one hop. */
uint64_t sl_placement_hop(const struct sl_placement *placement, const struct sl_plan_hop *hop);

#endif
