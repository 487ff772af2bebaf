/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The idle ladder: poll, then pause between polls, then sleep. Each empty round climbs it, one
 * packet sends the worker back to its foot. Sleeps double up to sleep_us, so a packet waits at
 * most about that long.
 */
/* The calls for power states are still marked experimental in DPDK 22.11. */
#define ALLOW_EXPERIMENTAL_API

#include <sched.h>
#include <time.h>

#include <rte_cpuflags.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_pause.h>
#include <rte_rcu_qsbr.h>

#include <core/worker/lcore.h>
#include <core/worker/quiescence.h>

#define FIRST_SLEEP_NS 4000
/* One rest of the middle rung. */
#define PAUSE_US 1
#define PAUSES   16
/* A worker that shares its core soon lets the others run. */
#define SHARED_SLEEP_AFTER 32

void sl_idle_init(struct sl_idle *idle, const struct sl_idle_config *config)
{
	struct rte_cpu_intrinsics cpu;

	*idle = (struct sl_idle){
		.config = *config,
		.us_cycles = rte_get_tsc_hz() / 1000000,
	};
	rte_cpu_get_intrinsics_support(&cpu);
	idle->can_pause = cpu.power_pause;
	idle->can_monitor = cpu.power_monitor;
}

/* Wait on the descriptor that the next packet will be written to. False where neither the one
 * queue there is nor the CPU can do that. */
static bool monitor(const struct sl_idle *idle, const struct sl_worker_graph *running, uint64_t us)
{
	struct rte_power_monitor_cond condition;
	const struct sl_poll *poll;

	if (!idle->can_monitor || idle->shared || running == NULL || running->poll_count != 1)
		return false;
	poll = &running->polls[0];
	if (poll->port->ethdev >= RTE_MAX_ETHPORTS ||
	    rte_eth_get_monitor_addr(poll->port->ethdev, poll->queue, &condition) != 0)
		return false;
	return rte_power_monitor(&condition, rte_rdtsc() + us * idle->us_cycles) == 0;
}

static void sleep_a_while(struct sl_worker *worker, const struct sl_worker_graph *running)
{
	struct sl_idle *idle = &worker->idle;
	uint64_t longest = (uint64_t)idle->config.sleep_us * 1000;

	if (idle->sleep_ns < FIRST_SLEEP_NS)
		idle->sleep_ns = FIRST_SLEEP_NS;
	else if (idle->sleep_ns < longest)
		idle->sleep_ns *= 2;
	idle->sleep_ns = (uint32_t)RTE_MIN(idle->sleep_ns, longest);
	if (monitor(idle, running, RTE_MAX(idle->sleep_ns / 1000, 1u)))
		return;
	/* Asleep it sees nothing that is published: nobody need wait for it. */
	rte_rcu_qsbr_thread_offline(sl_quiescence(), worker->index);
	nanosleep(&(struct timespec){.tv_sec = idle->sleep_ns / 1000000000,
				     .tv_nsec = idle->sleep_ns % 1000000000},
		  NULL);
	rte_rcu_qsbr_thread_online(sl_quiescence(), worker->index);
}

bool sl_idle_rest(struct sl_worker *worker, const struct sl_worker_graph *running)
{
	struct sl_idle *idle = &worker->idle;
	const struct sl_idle_config *config = &idle->config;
	uint32_t sleep_after = config->sleep_after;

	if (idle->empty < UINT32_MAX)
		idle->empty++;
	if (config->performance) {
		if (idle->shared)
			sched_yield();
		return false;
	}
	if (idle->shared)
		sleep_after = RTE_MIN(sleep_after, (uint32_t)SHARED_SLEEP_AFTER);
	if (idle->empty > sleep_after) {
		sleep_a_while(worker, running);
		return true;
	}
	idle->sleep_ns = 0;
	if (idle->shared) {
		sched_yield();
	} else if (idle->empty > config->pause_after) {
		if (idle->can_pause)
			rte_power_pause(rte_rdtsc() + PAUSE_US * idle->us_cycles);
		else
			for (int i = 0; i < PAUSES; i++)
				rte_pause();
	}
	return false;
}
