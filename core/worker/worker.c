/* SPDX-License-Identifier: BSD-3-Clause */
/* The main thread's side of a worker: make, launch, publish, ask, stop. */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>

#include <core/worker/lcore.h>
#include <core/worker/quiescence.h>
#include <core/worker/ring.h>

/* Packets that may wait for a worker: eight full frames of each of two senders. */
#define INBOX_SIZE 4096
/* How long the main thread waits for a worker to take a job. */
#define JOB_TIMEOUT_MS 1000
/* And for one to end its loop. */
#define STOP_TIMEOUT_MS 3000

static void nap(long us)
{
	nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL);
}

struct sl_worker *sl_worker_new(uint16_t index, unsigned int lcore, uint32_t burst,
				const struct sl_idle_config *idle, struct sl_errors *errors)
{
	struct sl_worker *worker;
	char name[RTE_RING_NAMESIZE];

	worker = rte_zmalloc_socket("sl-worker", sizeof(*worker), RTE_CACHE_LINE_SIZE,
				    (int)rte_lcore_to_socket_id(lcore));
	if (worker == NULL) {
		sl_fail(errors, ENOMEM, "worker %u: no memory", index);
		return NULL;
	}
	worker->index = index;
	worker->lcore = lcore;
	worker->burst = burst == 0 ? 1 : RTE_MIN(burst, (uint32_t)SL_BURST);
	worker->warm = worker->burst;
	sl_idle_init(&worker->idle, idle);
	snprintf(name, sizeof(name), "sl-inbox-%u", index);
	worker->inbox = rte_ring_create(name, INBOX_SIZE, (int)rte_lcore_to_socket_id(lcore),
					SL_RING_TO_ONE);
	if (worker->inbox == NULL) {
		sl_fail(errors, rte_errno, "worker %u: cannot make its inbox: %s", index,
			rte_strerror(rte_errno));
		rte_free(worker);
		return NULL;
	}
	worker->fault = sl_fault_thread_new();
	if (worker->fault == NULL || sl_quiescence_join() != 0) {
		sl_fail(errors, ENOMEM, "worker %u: no memory", index);
		sl_fault_thread_free(worker->fault);
		rte_ring_free(worker->inbox);
		rte_free(worker);
		return NULL;
	}
	worker->fault->worker = (uint16_t)index;
	sl_watchdog_add(worker);
	return worker;
}

void sl_worker_free(struct sl_worker *worker)
{
	if (worker == NULL)
		return;
	if (sl_worker_stop(worker, false) != 0)
		return;
	sl_worker_empty_inbox(worker);
	sl_watchdog_remove(worker);
	sl_fault_thread_free(worker->fault);
	rte_ring_free(worker->inbox);
	sl_quiescence_leave();
	rte_free(worker);
}

void sl_worker_share_core(struct sl_worker *worker)
{
	worker->idle.shared = true;
}

int sl_worker_launch(struct sl_worker *worker, struct sl_errors *errors)
{
	int err;

	__atomic_store_n(&worker->stats.heartbeat, rte_rdtsc(), __ATOMIC_RELAXED);
	atomic_store_explicit(&worker->ended, false, memory_order_relaxed);
	atomic_store_explicit(&worker->wish, SL_WORKER_RUN, memory_order_release);
	err = rte_eal_remote_launch(sl_worker_loop, worker, worker->lcore);
	if (err != 0)
		return sl_fail(errors, -err, "worker %u: cannot run on lcore %u: %s", worker->index,
			       worker->lcore, rte_strerror(-err));
	worker->launched = true;
	return 0;
}

void sl_worker_quiesce(struct sl_worker *worker)
{
	atomic_store_explicit(&worker->wish, SL_WORKER_QUIESCE, memory_order_release);
}

int sl_worker_resume(struct sl_worker *worker, struct sl_errors *errors)
{
	if (!worker->launched)
		return sl_worker_launch(worker, errors);
	atomic_store_explicit(&worker->wish, SL_WORKER_RUN, memory_order_release);
	return 0;
}

int sl_worker_stop(struct sl_worker *worker, bool drain)
{
	uint64_t give_up = rte_rdtsc() + rte_get_tsc_hz() / 1000 * STOP_TIMEOUT_MS;

	if (!worker->launched)
		return 0;
	atomic_store_explicit(&worker->wish, drain ? SL_WORKER_DRAIN : SL_WORKER_STOP,
			      memory_order_release);
	while (!atomic_load_explicit(&worker->ended, memory_order_acquire)) {
		if (rte_rdtsc() > give_up)
			return -ETIMEDOUT;
		sl_workers_watch();
		nap(50);
	}
	rte_eal_wait_lcore(worker->lcore);
	worker->launched = false;
	return 0;
}

struct sl_worker_graph *sl_worker_publish(struct sl_worker *worker, struct sl_worker_graph *graph)
{
	return atomic_exchange_explicit(&worker->running, graph, memory_order_acq_rel);
}

bool sl_worker_has_turned(const struct sl_worker *worker)
{
	return !worker->launched ||
	       atomic_load_explicit(&worker->turned, memory_order_acquire) ==
		       atomic_load_explicit(&worker->running, memory_order_relaxed);
}

int sl_worker_run(struct sl_worker *worker, struct sl_worker_job *job)
{
	uint64_t give_up = rte_rdtsc() + rte_get_tsc_hz() / 1000 * JOB_TIMEOUT_MS;
	struct sl_worker_job *mine = job;

	atomic_store_explicit(&job->done, false, memory_order_relaxed);
	if (!worker->launched) {
		job->run(worker, job);
		atomic_store_explicit(&job->done, true, memory_order_relaxed);
		return 0;
	}
	atomic_store_explicit(&worker->job, job, memory_order_release);
	while (!atomic_load_explicit(&job->done, memory_order_acquire)) {
		/* Once the worker has taken it, the job is the worker's until it is done. */
		if (rte_rdtsc() > give_up &&
		    atomic_compare_exchange_strong(&worker->job, &mine, NULL))
			return -ETIMEDOUT;
		mine = job;
		sl_workers_watch();
		nap(5);
	}
	return 0;
}

struct sl_graph *sl_worker_graph_now(struct sl_worker *worker)
{
	struct sl_worker_graph *running;

	running = atomic_load_explicit(&worker->running, memory_order_acquire);
	return running == NULL ? NULL : running->graph;
}

void sl_worker_stats(const struct sl_worker *worker, struct sl_worker_stats *stats)
{
	const struct sl_worker_stats *live = &worker->stats;

	stats->loops = sl_stat_read(&live->loops);
	stats->busy_loops = sl_stat_read(&live->busy_loops);
	stats->busy_cycles = sl_stat_read(&live->busy_cycles);
	stats->idle_cycles = sl_stat_read(&live->idle_cycles);
	stats->sleeps = sl_stat_read(&live->sleeps);
	stats->polled = sl_stat_read(&live->polled);
	stats->inbox_out = sl_stat_read(&live->inbox_out);
	stats->inbox_in = stats->inbox_out + sl_ring_count(worker->inbox);
	stats->inbox_full = sl_stat_read(&worker->inbox_full);
	stats->inbox_stale = sl_stat_read(&live->inbox_stale);
	stats->heartbeat = sl_stat_read(&live->heartbeat);
	stats->longest_gap = sl_stat_read(&live->longest_gap);
	stats->switch_gap = sl_stat_read(&live->switch_gap);
	stats->switch_own = sl_stat_read(&live->switch_own);
}

uint16_t sl_worker_index(const struct sl_worker *worker)
{
	return worker->index;
}

unsigned int sl_worker_lcore(const struct sl_worker *worker)
{
	return worker->lcore;
}
