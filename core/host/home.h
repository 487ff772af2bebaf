/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which worker the packets of a session will come to, before any came: what is restored has to be
 * there. The spread node behind the port decides for packets (core/worker/spread.h); it is asked
 * with one that looks like the session's.
 */
#ifndef CORE_HOST_HOME_H
#define CORE_HOST_HOME_H

#include <sluice/state.h>

#include <core/host/engine.h>

struct sl_spread_rule;

struct sl_home {
	struct sl_instance *instance; /* NULL: nothing is known */
	const struct sl_spread_rule *rule;
	enum sl_side side; /* of the path, from which the instance sees packets as that port does */
	struct rte_mbuf *m; /* to ask with */
};

/* sl_comes_here() tells of that instance from now on, if it can be known at all: not where devices
 * spread packets, nor where others change the ends before the instance sees them. Main thread. */
void sl_home_find(struct sl_home *home, const struct sl_engine *engine,
		  struct sl_instance *instance);
void sl_home_forget(struct sl_home *home);

#endif
