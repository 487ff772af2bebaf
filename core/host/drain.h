/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `sluice apply --drain`: flows of the chain that runs finish on its paths, new ones take those of
 * the next. That is two ordinary applies: to a chain that is merged of both (core/chain/merge.h),
 * and from there, when the old flows have ended or their time is up, to the new one alone.
 */
#ifndef CORE_HOST_DRAIN_H
#define CORE_HOST_DRAIN_H

#include <core/flow/drain.h>
#include <core/host/apply.h>

/* How long a drain lasts at most, unless it is said, and the longest that can be said. */
#define SL_DRAIN_SECONDS 60
#define SL_DRAIN_MOST    86400

/* What a drain is doing. */
struct sl_draining {
	uint64_t generation; /* whose flows finish */
	bool learning;       /* which flows those are: all go the old way yet */
	uint64_t flows;      /* that have not ended */
	uint64_t finished;   /* that have */
	double left;         /* seconds, at most */
};
/* False: nothing drains. */
bool sl_engine_draining(const struct sl_engine *engine, struct sl_draining *draining);

/* Cut, and end, when it is time. */
void sl_drain_tend(struct sl_engine *engine);
/* End it now; nothing drains, or 0: the new chain runs alone. -errno with messages: it drains on.
 */
int sl_drain_end(struct sl_engine *engine, struct sl_errors *errors);
/* Whether the chain that drains is that generation's, and can go on as if nothing had been. */
bool sl_drain_can_return(const struct sl_engine *engine, uint64_t generation);
/* Go back to it, with all that it had: `applied` as of an apply. */
int sl_drain_return(struct sl_engine *engine, bool dry_run, struct sl_applied *applied,
		    struct sl_errors *errors);
void sl_drain_free(struct sl_engine *engine);

/* For apply.c: the merged chain of the running one and `chain`, and the way there. diff: to
 * `chain`. *merged is NULL when there is nothing to drain. 0, or -errno with messages. */
int sl_drain_merge(struct sl_engine *engine, struct sl_chain *chain, const struct sl_diff *diff,
		   struct sl_chain **merged, struct sl_diff **there, struct sl_errors *errors);
/* Whether a generation of a merged chain can do what it has to. 0, or -EINVAL with messages. */
int sl_drain_check(const struct sl_generation *running, const struct sl_generation *generation,
		   struct sl_errors *errors);
/* What a diff says of sessions, when they drain. */
void sl_drain_say(struct sl_diff *diff);
/* There is going to be a drain of so many seconds, unless sl_drain_free() calls it off. */
int sl_drain_prepare(struct sl_engine *engine, unsigned int seconds, struct sl_errors *errors);
/* The merged chain runs, after that generation. */
void sl_drain_begin(struct sl_engine *engine, uint64_t was);

/* For drain.c: from the merged chain to the new one, and back to the old one. NULL with messages.
 */
struct sl_diff *sl_drain_diff_on(struct sl_engine *engine, const struct sl_chain *new,
				 struct sl_errors *errors);
struct sl_diff *sl_drain_diff_back(struct sl_engine *engine, const struct sl_chain *merged,
				   struct sl_errors *errors);
/* TSC ticks: an old flow that is not seen for longer has ended. */
uint64_t sl_drain_quiet(const struct sl_engine *engine);

/* For port_nodes.c: what the DRAIN hops of a port do. numbers: of the plan's hops. */
struct sl_plan;
void sl_drain_describe(struct sl_engine *engine, struct sl_drain_config *config, uint8_t *roles,
		       const struct sl_chain *chain, const struct sl_plan *plan,
		       const uint16_t *numbers, unsigned int port);

#endif
