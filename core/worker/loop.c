/* SPDX-License-Identifier: BSD-3-Clause */
/* The loop of a worker: poll, walk, tick, one job, say that it is quiescent, rest when idle. */
#include <pthread.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_rcu_qsbr.h>

#include <core/worker/lcore.h>
#include <core/worker/quiescence.h>
#include <core/worker/ring.h>

/* Ticks of instances are due in milliseconds; looking for them costs a little. */
#define TICKS_A_SECOND 2000

static uint32_t poll_ports(struct sl_worker *worker, const struct sl_worker_graph *running,
			   uint64_t now)
{
	struct rte_mbuf *pkts[SL_BURST];
	uint32_t burst = worker->warm, total = 0, unwalked = 0;

	for (unsigned int i = 0; i < running->poll_count; i++) {
		const struct sl_poll *poll = &running->polls[i];
		sl_burst_fn rx = __atomic_load_n(&poll->port->rx, __ATOMIC_RELAXED);
		uint16_t got = rx(poll->port, poll->queue, pkts, (uint16_t)burst);

		if (got == 0)
			continue;
		sl_graph_push(running->graph, poll->hop, pkts, got);
		total += got;
		unwalked += got;
		/* More at once would only leave the caches. */
		if (unwalked >= burst) {
			sl_graph_walk(running->graph, now);
			unwalked = 0;
		}
	}
	if (total > 0)
		sl_stat_add(&worker->stats.polled, total);
	return total;
}

static uint32_t round_of_packets(struct sl_worker *worker, const struct sl_worker_graph *running,
				 int wish, uint64_t now)
{
	uint32_t got = 0;

	if (likely(wish == SL_WORKER_RUN))
		got = poll_ports(worker, running, now);
	got += sl_worker_inbox_take(worker, running);
	/* Packets of a flow that were sent by the older generation came first. */
	if (unlikely(running->older != NULL))
		got += sl_graph_walk(running->older, now);
	/* Also without new packets: some wait for the next round, or were let go by a tick. */
	got += sl_graph_walk(running->graph, now);
	if (unlikely(running->newer != NULL))
		got += sl_graph_walk(running->newer, now);
	if (now >= worker->next_tick) {
		worker->next_tick = now + rte_get_tsc_hz() / TICKS_A_SECOND;
		sl_graph_tick(running->graph, now);
	}
	return got;
}

/*
 * After a change caches are cold, and flows whose actions are stale walk and are recorded anew: few
 * packets make the first rounds, and more only while they take no longer than this, so that none
 * waits long for those before it.
 */
#define FEW      16u
#define ROUND_US 25

static void pace(struct sl_worker *worker, uint64_t took, bool stale)
{
	uint64_t most = worker->idle.us_cycles * ROUND_US;

	if (!stale || took < most)
		worker->warm = RTE_MIN(worker->warm * 2, worker->burst);
	else if (took > 2 * most)
		worker->warm = RTE_MAX(worker->warm / 2, RTE_MIN(worker->burst, FEW));
}

/* From what it ran to what was published: see core/host/switch.c. */
static void turn(struct sl_worker *worker, struct sl_worker_graph *to, uint64_t now)
{
	struct sl_worker_graph *from = atomic_load_explicit(&worker->turned, memory_order_relaxed);

	if (to == NULL) {
		/* nothing to run */
	} else if (to->newer != NULL) {
		sl_graph_meet(to->graph, to->newer);
		__atomic_store_n(&worker->stats.switch_gap, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&worker->stats.switch_own, 0, __ATOMIC_RELAXED);
	} else if (to->older != NULL) {
		/* What it has let go meanwhile came before anything that is polled from now on. */
		sl_graph_walk(to->older, now);
		if (to->before != NULL)
			to->before(to->before_context, worker->index, now);
		sl_graph_succeed(to->graph, to->older);
	} else if (from != NULL) {
		sl_graph_forget(to->graph);
	}
	worker->warm = RTE_MIN(worker->burst, FEW);
	atomic_store_explicit(&worker->turned, to, memory_order_release);
}

static void run_job(struct sl_worker *worker)
{
	struct sl_worker_job *job = atomic_load_explicit(&worker->job, memory_order_acquire);

	if (likely(job == NULL))
		return;
	/* Taken: from here on the main thread cannot call it back. */
	if (!atomic_compare_exchange_strong(&worker->job, &job, NULL))
		return;
	job->run(worker, job);
	atomic_store_explicit(&job->done, true, memory_order_release);
}

static void note_gap(struct sl_worker_stats *stats, uint64_t gap)
{
	__atomic_store_n(&stats->switch_gap, gap, __ATOMIC_RELAXED);
	if (gap > stats->longest_gap)
		__atomic_store_n(&stats->longest_gap, gap, __ATOMIC_RELAXED);
}

/* Time that this thread had a core, in ns: a system call, for loops that turn only. */
static uint64_t own_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void note_own(struct sl_worker_stats *stats, uint64_t own)
{
	if (own > stats->switch_own)
		__atomic_store_n(&stats->switch_own, own, __ATOMIC_RELAXED);
}

static bool is_empty(const struct sl_worker *worker, const struct sl_worker_graph *running)
{
	struct sl_ledger ledger;

	if (running == NULL)
		return true;
	sl_graph_ledger(running->graph, &ledger);
	return ledger.pending == 0 && running->older == NULL && running->newer == NULL &&
	       sl_ring_count(worker->inbox) == 0;
}

/* Nothing is owed when the worker ends. */
static void settle(struct sl_worker *worker)
{
	const struct sl_worker_graph *running =
		atomic_load_explicit(&worker->running, memory_order_acquire);

	if (running != NULL)
		sl_graph_settle(running->graph);
}

static void prepare_thread(const struct sl_worker *worker)
{
	char name[16];

	snprintf(name, sizeof(name), "sl-worker-%u", worker->index);
	pthread_setname_np(pthread_self(), name);
	/* Sleeps of microseconds shall last microseconds; the kernel rounds up by 50 else. */
	prctl(PR_SET_TIMERSLACK, 1000UL);
}

int sl_worker_loop(void *context)
{
	struct sl_worker *worker = context;
	struct sl_worker_stats *stats = &worker->stats;
	struct rte_rcu_qsbr *qsbr = sl_quiescence();
	uint64_t now = rte_rdtsc();
	int wish;

	/* Acquire: with it all that was set up before the launch. */
	(void)atomic_load_explicit(&worker->wish, memory_order_acquire);
	prepare_thread(worker);
	sl_fault_adopt(worker->fault);
	rte_rcu_qsbr_thread_register(qsbr, worker->index);
	rte_rcu_qsbr_thread_online(qsbr, worker->index);
	for (;;) {
		struct sl_worker_graph *running;
		bool slept = false, turns, stale = false;
		uint32_t got = 0;
		uint64_t then, own = 0;

		wish = atomic_load_explicit(&worker->wish, memory_order_acquire);
		running = atomic_load_explicit(&worker->running, memory_order_acquire);
		turns = running != atomic_load_explicit(&worker->turned, memory_order_relaxed);
		if (unlikely(turns)) {
			own = own_time();
			turn(worker, running, now);
		}
		if (likely(running != NULL))
			got = round_of_packets(worker, running, wish, now);
		run_job(worker);
		if (wish >= SL_WORKER_STOP ||
		    (wish == SL_WORKER_DRAIN && got == 0 && is_empty(worker, running)))
			break;
		if (likely(running != NULL)) {
			sl_graph_refresh(running->graph);
			stale = sl_graph_sweep(running->graph);
		}
		rte_rcu_qsbr_quiescent(qsbr, worker->index);
		sl_stat_add(&stats->loops, 1);
		if (got > 0) {
			sl_idle_busy(&worker->idle);
			sl_stat_add(&stats->busy_loops, 1);
		} else if (stale) {
			/* Somebody waits for the last of it. */
		} else if (sl_idle_rest(worker, running)) {
			sl_stat_add(&stats->sleeps, 1);
			slept = true;
		}
		then = now;
		now = rte_rdtsc();
		sl_stat_add(got > 0 ? &stats->busy_cycles : &stats->idle_cycles, now - then);
		if (unlikely(!slept && now - then > stats->switch_gap))
			note_gap(stats, now - then);
		if (unlikely(stale || worker->warm < worker->burst) && got > 0)
			pace(worker, now - then, stale);
		if (unlikely(turns))
			note_own(stats, own_time() - own);
		__atomic_store_n(&stats->heartbeat, now, __ATOMIC_RELAXED);
	}
	settle(worker);
	sl_fault_disown();
	rte_rcu_qsbr_thread_offline(qsbr, worker->index);
	rte_rcu_qsbr_thread_unregister(qsbr, worker->index);
	atomic_store_explicit(&worker->ended, true, memory_order_release);
	return 0;
}
