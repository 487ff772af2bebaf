/* SPDX-License-Identifier: BSD-3-Clause */
/* All workers stop and can go on again: what instances remember stands still meanwhile. */
#include <errno.h>
#include <time.h>

#include <rte_cycles.h>

#include <core/host/log.h>
#include <core/host/private.h>

/* A worker's round takes microseconds; one that the kernel keeps waiting, a few milliseconds. */
#define ROUND_MS 50

uint64_t sl_engine_quiesce(struct sl_engine *engine)
{
	uint64_t now = rte_rdtsc(), give_up = now + rte_get_tsc_hz() / 1000 * ROUND_MS;

	for (unsigned int w = 0; w < engine->worker_count; w++) {
		struct sl_worker_stats then, stats;

		sl_worker_stats(engine->workers[w], &then);
		sl_worker_quiesce(engine->workers[w]);
		/* The round in which it sees that, and the one before, which may poll. */
		do {
			sl_worker_stats(engine->workers[w], &stats);
			nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
		} while (stats.loops < then.loops + 2 && rte_rdtsc() < give_up);
	}
	return now;
}

int sl_engine_pause(struct sl_engine *engine, struct sl_errors *errors)
{
	sl_engine_settle(engine);
	for (unsigned int w = 0; w < engine->worker_count; w++)
		if (sl_worker_stop(engine->workers[w], true) != 0)
			return sl_fail(errors, ETIMEDOUT,
				       "worker %u does not come back to its loop", w);
	while (sl_engine_take_events(engine) > 0)
		;
	return 0;
}

int sl_engine_resume(struct sl_engine *engine, struct sl_errors *errors)
{
	int err = 0;

	for (unsigned int w = 0; w < engine->worker_count && err == 0; w++)
		err = sl_worker_resume(engine->workers[w], errors);
	return err;
}
