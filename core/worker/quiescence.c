/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <time.h>

#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>

#include <core/plugin/instance.h>
#include <core/worker/quiescence.h>
#include <core/worker/worker.h>

/* Part of the one engine; here because sl_synchronize() has no argument to find it by. */
static struct rte_rcu_qsbr *qsbr;
static unsigned int users;

int sl_quiescence_join(void)
{
	if (users == 0) {
		size_t size = rte_rcu_qsbr_get_memsize(SL_MAX_WORKERS);

		qsbr = rte_zmalloc("sl-qsbr", size, RTE_CACHE_LINE_SIZE);
		if (qsbr == NULL)
			return -ENOMEM;
		rte_rcu_qsbr_init(qsbr, SL_MAX_WORKERS);
	}
	users++;
	return 0;
}

void sl_quiescence_leave(void)
{
	if (--users > 0)
		return;
	rte_free(qsbr);
	qsbr = NULL;
}

struct rte_rcu_qsbr *sl_quiescence(void)
{
	return qsbr;
}

static void wait_once(void)
{
	uint64_t token = rte_rcu_qsbr_start(qsbr);

	/* The main thread may share a core with the worker it waits for: sleep, do not spin. */
	while (rte_rcu_qsbr_check(qsbr, token, false) != 1) {
		sl_workers_watch();
		nanosleep(&(struct timespec){.tv_nsec = 10000}, NULL);
	}
}

/* Twice: a worker looks for what was un-fused before it says that it is quiescent, and may have
 * looked just before the caller's sl_unfuse(). Before it says so again it has looked again. */
void sl_synchronize(void)
{
	if (qsbr == NULL)
		return;
	wait_once();
	wait_once();
}
