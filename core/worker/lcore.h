/* SPDX-License-Identifier: BSD-3-Clause */
/* What a worker is made of: shared by the files of this room only. */
#ifndef CORE_WORKER_LCORE_H
#define CORE_WORKER_LCORE_H

#include <stdatomic.h>

#include <rte_common.h>
#include <rte_power_intrinsics.h>
#include <rte_ring.h>

#include <core/fault/fault.h>
#include <core/worker/worker.h>

/* What the main thread wants of the loop; it grows until the worker is launched or resumed. */
enum sl_worker_wish {
	SL_WORKER_RUN,
	SL_WORKER_QUIESCE, /* poll no more */
	SL_WORKER_DRAIN,   /* end when inbox and graph are empty */
	SL_WORKER_STOP,    /* end now */
};

/* How long a worker has had nothing to do. Worker only. */
struct sl_idle {
	struct sl_idle_config config;
	bool shared;        /* the core has other threads */
	bool can_pause;     /* TPAUSE or its like */
	bool can_monitor;   /* UMWAIT or its like */
	uint32_t empty;     /* rounds without a packet */
	uint32_t sleep_ns;  /* the last sleep; they get longer */
	uint64_t us_cycles; /* TSC ticks in a microsecond */
};

/* What the watchdog saw the last time that something had moved on. */
struct sl_watchdog {
	uint64_t heartbeat, place;
	uint64_t since;     /* TSC */
	uint64_t processor; /* ns that the thread had run for */
	uint64_t next;      /* TSC: look again */
	unsigned int tries; /* to get it out of the call */
};

struct sl_worker {
	/* Written by main, read by the worker each round. */
	_Atomic(struct sl_worker_graph *) running;
	_Atomic(struct sl_worker_job *) job;
	_Atomic int wish;
	/* Written by the worker last of all: what it did before can be seen by who reads it. */
	_Atomic bool ended;
	struct rte_ring *inbox;
	uint16_t index;
	unsigned int lcore;
	uint32_t burst;
	bool launched;

	/* Written by the worker, read by anyone. */
	struct sl_worker_stats stats __rte_cache_aligned;
	/* What it runs now: what was `running` before is not seen any more. */
	_Atomic(struct sl_worker_graph *) turned;
	/* Written by whoever sends. */
	uint64_t inbox_full __rte_cache_aligned;

	struct sl_fault_thread *fault;
	/* The main thread's. */
	uint32_t watchdog_ms; /* 0: none */
	struct sl_watchdog watch;

	struct sl_idle idle __rte_cache_aligned;
	uint64_t next_tick;
	uint32_t warm; /* most packets of a poll for now: `burst`, but soon after a change */
};

/* A statistic has one writer; relaxed atomics are plain moves, and no data race. */
static inline void sl_stat_add(uint64_t *stat, uint64_t by)
{
	__atomic_store_n(stat, *stat + by, __ATOMIC_RELAXED);
}

static inline uint64_t sl_stat_read(const uint64_t *stat)
{
	return __atomic_load_n(stat, __ATOMIC_RELAXED);
}

/* watchdog.c */
void sl_watchdog_add(struct sl_worker *worker);
void sl_watchdog_remove(struct sl_worker *worker);

/* The loop: what rte_eal_remote_launch() runs. */
int sl_worker_loop(void *worker);
/* Up to SL_BURST packets from the inbox into the graphs; returns how many. Worker only. */
uint32_t sl_worker_inbox_take(struct sl_worker *worker, const struct sl_worker_graph *running);

void sl_idle_init(struct sl_idle *idle, const struct sl_idle_config *config);
static inline void sl_idle_busy(struct sl_idle *idle)
{
	idle->empty = 0;
}
/* A round without packets: rest as the ladder says. Returns true when it slept. */
bool sl_idle_rest(struct sl_worker *worker, const struct sl_worker_graph *running);

#endif
