/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker: a thread pinned to one lcore that polls its queues and inbox and walks its graph.
 * What it runs (struct sl_worker_graph) is published by the main thread with one release store
 * and replaced between two packets; the old one is freed after quiescence.
 */
#ifndef CORE_WORKER_WORKER_H
#define CORE_WORKER_WORKER_H

#include <core/graph/graph.h>
#include <core/port/port.h>

struct sl_worker;

/* A queue to poll and the hop its packets enter by. */
struct sl_poll {
	struct sl_port *port;
	uint16_t queue;
	uint16_t hop;
};

/*
 * All that a worker runs. Immutable but for the graphs themselves.
 *
 * While one generation follows another (core/host/switch.c), workers serve the hops of both: what
 * other workers send may be numbered by either.
 */
struct sl_worker_graph {
	struct sl_graph *graph;
	struct sl_poll *polls;
	unsigned int poll_count;
	uint64_t generation;
	struct sl_graph *older; /* one that ends: walked before `graph`; or NULL */
	struct sl_graph *newer; /* one that comes: walked after it; or NULL */
	/* With `older`: called once it has been walked for the last time, before `graph` is; or
	 * NULL. */
	void (*before)(void *context, uint16_t worker, uint64_t now);
	void *before_context;
};

/* The idle ladder: after so many empty polls, the next step. See docs/host.md. */
struct sl_idle_config {
	bool performance;     /* never rest */
	uint32_t pause_after; /* empty polls before pausing */
	uint32_t sleep_after; /* empty polls before sleeping */
	uint32_t sleep_us;    /* longest sleep */
};

/* Work for a worker between two bursts: runs on it, replies over `done`. */
struct sl_worker_job {
	void (*run)(struct sl_worker *worker, struct sl_worker_job *job);
	_Atomic bool done;
};

struct sl_worker_stats {
	uint64_t loops, busy_loops;
	uint64_t busy_cycles, idle_cycles;
	uint64_t sleeps;
	uint64_t polled;      /* packets received from ports */
	uint64_t inbox_in;    /* packets put into the inbox, by whomever */
	uint64_t inbox_out;   /* packets taken out of it */
	uint64_t inbox_full;  /* packets that found no room in it: they stayed with the sender */
	uint64_t inbox_stale; /* packets for a hop that is no more: dropped */
	uint64_t heartbeat;   /* TSC of the last loop */
	uint64_t longest_gap; /* TSC ticks of the longest loop that did not sleep */
	uint64_t switch_gap;  /* the same, since generations were last switched */
	uint64_t switch_own;  /* ns that it had its core in the longest loop that turned then */
};

struct sl_worker *sl_worker_new(uint16_t index, unsigned int lcore, uint32_t burst,
				const struct sl_idle_config *idle, struct sl_errors *errors);
void sl_worker_free(struct sl_worker *worker);
/* Another thread runs on the same core: be kind to it when there is nothing to do. Before launch.
 */
void sl_worker_share_core(struct sl_worker *worker);
int sl_worker_launch(struct sl_worker *worker, struct sl_errors *errors);
/* Ask it to poll its queues no more; it goes on with its inbox, graph, ticks and jobs. */
void sl_worker_quiesce(struct sl_worker *worker);
/* Go on after sl_worker_quiesce() or sl_worker_stop(), with the same graph. */
int sl_worker_resume(struct sl_worker *worker, struct sl_errors *errors);
/* Ask to stop and wait. drain: first let what is in the graph and inbox out. -ETIMEDOUT when it
 * does not come back from some node: it and all it sees must stay. */
int sl_worker_stop(struct sl_worker *worker, bool drain);
/* Throw away what is left in the inbox of a stopped worker; returns how many. */
uint64_t sl_worker_empty_inbox(struct sl_worker *worker);
/* Publish; returns the one before, which may be freed once the worker runs the new one. */
struct sl_worker_graph *sl_worker_publish(struct sl_worker *worker, struct sl_worker_graph *graph);
/* Whether the worker runs what was published last, or does not run. */
bool sl_worker_has_turned(const struct sl_worker *worker);
/* Packets for a hop of that worker; any thread. Returns how many were taken. */
uint16_t sl_worker_inbox(struct sl_worker *worker, uint16_t hop, struct rte_mbuf **pkts,
			 uint16_t n);
/* Run a job on the worker and wait for it; on the caller when the worker does not run. Main
 * thread. -ETIMEDOUT when it does not answer: it has not and will not run the job. */
int sl_worker_run(struct sl_worker *worker, struct sl_worker_job *job);
/*
 * Watchdog: a call into a plugin that takes a worker longer than this is left, and its instance
 * quarantined; 0: never. Time counts that the worker runs, and that it sleeps in there; time that
 * it is not scheduled, or stopped by a debugger, does not. Main thread.
 */
void sl_worker_watchdog(struct sl_worker *worker, uint32_t ms);
/* Look at all workers, if it is time to. Whoever waits for workers calls it as well. Main thread.
 */
void sl_workers_watch(void);
/* Packets that its inbox has room for. */
uint32_t sl_worker_inbox_size(const struct sl_worker *worker);
struct sl_graph *sl_worker_graph_now(struct sl_worker *worker);
void sl_worker_stats(const struct sl_worker *worker, struct sl_worker_stats *stats);
uint16_t sl_worker_index(const struct sl_worker *worker);
unsigned int sl_worker_lcore(const struct sl_worker *worker);

#endif
