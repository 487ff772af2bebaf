/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of the engine, on the main thread: start, poll, stop, free. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>

#include <core/fault/fault.h>
#include <core/host/drain.h>
#include <core/host/eal.h>
#include <core/host/faults.h>
#include <core/host/log.h>
#include <core/host/privileges.h>
#include <core/host/private.h>
#include <core/host/recent.h>
#include <core/host/signals.h>
#include <core/plugin/growth.h>
#include <core/port/l3.h>

#define L3_TICK_MS     10
#define WATCH_MS       100
#define EVENTS_A_ROUND 256
/* How long what is inside may take to leave when the engine stops. */
#define DRAIN_MS 1000

static uint64_t ms(uint64_t n)
{
	return rte_get_tsc_hz() / 1000 * n;
}

/*
 * Start
 */

static bool needs_pci(const struct sl_chain *chain)
{
	for (unsigned int i = 0; i < chain->port_count; i++)
		if (chain->ports[i].kind->needs_pci)
			return true;
	return false;
}

static int open_ports(struct sl_engine *engine, struct sl_chain *chain, struct sl_errors *errors)
{
	engine->ports = sl_ports_open(engine, chain, NULL, errors);
	if (engine->ports == NULL)
		return -EIO;
	engine->port_count = chain->port_count;
	return 0;
}

static int make_workers(struct sl_engine *engine, struct sl_errors *errors)
{
	const struct sl_host_config *config = engine->config;
	struct sl_engine_private *private = engine->private;

	engine->workers = calloc(config->worker_count, sizeof(struct sl_worker *));
	private->events = calloc(config->worker_count, sizeof(struct sl_events *));
	private->stuck = calloc(config->worker_count, sizeof(*private->stuck));
	private->seen_loops = calloc(config->worker_count, sizeof(*private->seen_loops));
	if (engine->workers == NULL || private->events == NULL || private->stuck == NULL ||
	    private->seen_loops == NULL)
		return sl_fail(errors, ENOMEM, "out of memory");
	for (uint16_t i = 0; i < config->worker_count; i++) {
		engine->workers[i] = sl_worker_new(i, SL_LCORE_OF_WORKER(i), config->burst,
						   &config->idle, errors);
		if (engine->workers[i] == NULL)
			return -ENOMEM;
		engine->worker_count++;
		sl_worker_watchdog(engine->workers[i], config->watchdog_ms);
		private->events[i] = sl_events_new(i, errors);
		if (private->events[i] == NULL)
			return -ENOMEM;
		if (config->worker_cores[i] == config->main_core)
			sl_worker_share_core(engine->workers[i]);
	}
	return 0;
}

int sl_engine_launch(struct sl_engine *engine, struct sl_errors *errors)
{
	engine->started = rte_rdtsc();
	engine->started_at = time(NULL);
	for (unsigned int i = 0; i < engine->worker_count; i++) {
		int err;

		sl_worker_publish(engine->workers[i], engine->generation->graphs[i]);
		err = sl_worker_launch(engine->workers[i], errors);
		if (err != 0)
			return err;
	}
	return 0;
}

/* The chain is the generation's when it succeeds. */
static int make_generation(struct sl_engine *engine, struct sl_chain *chain,
			   struct sl_errors *errors)
{
	engine->generation = sl_generation_new(engine, chain, engine->ports, NULL, errors);
	if (engine->generation == NULL)
		return -EINVAL;
	engine->private->chain = NULL;
	engine->private->generations = engine->generation->number;
	return sl_claims_add(engine->generation, errors);
}

int sl_engine_open(struct sl_engine *engine, struct sl_chain *chain, struct sl_errors *errors)
{
	int err = 0;

	engine->private = calloc(1, sizeof(*engine->private));
	if (engine->private == NULL) {
		sl_chain_free(chain);
		return sl_fail(errors, ENOMEM, "out of memory");
	}
	engine->private->chain = chain;
	engine->private->signals = -1;
	engine->private->numbers = sl_numbers_new();
	engine->private->recent = sl_recent_new();
	if (engine->private->numbers == NULL || engine->private->recent == NULL)
		return sl_fail(errors, ENOMEM, "out of memory");
	engine->private->signals = sl_signals_open(errors);
	if (engine->private->signals < 0)
		return engine->private->signals;
	sl_fault_install();
	engine->private->fault = sl_fault_thread_new();
	if (engine->private->fault == NULL)
		return sl_fail(errors, ENOMEM, "out of memory");
	engine->private->fault->main = true;
	sl_fault_adopt(engine->private->fault);
	err = sl_eal_start(engine->config, needs_pci(chain), errors);
	engine->private->eal = err == 0;
	engine->private->pci = needs_pci(chain);
	if (err == 0)
		engine->pool = sl_eal_pool(engine->config, errors);
	if (err == 0 && engine->pool == NULL)
		err = -ENOMEM;
	if (err == 0)
		err = sl_punt_open(engine, errors);
	if (err == 0)
		err = make_workers(engine, errors);
	if (err == 0)
		err = sl_engine_fusion_start(engine, chain, errors);
	return err;
}

int sl_engine_build(struct sl_engine *engine, struct sl_errors *errors)
{
	struct sl_chain *chain = engine->private->chain;
	int err = open_ports(engine, chain, errors);

	return err == 0 ? make_generation(engine, chain, errors) : err;
}

int sl_engine_start(struct sl_engine *engine, struct sl_chain *chain, struct sl_errors *errors)
{
	int err = sl_engine_open(engine, chain, errors);

	if (err == 0)
		err = sl_engine_build(engine, errors);
	return err == 0 ? sl_engine_launch(engine, errors) : err;
}

int sl_engine_drop_privileges(struct sl_engine *engine, struct sl_errors *errors)
{
	bool network = false;

	for (unsigned int i = 0; i < engine->port_count; i++)
		network |= engine->ports[i]->kind->needs_root;
	return sl_privileges_drop(engine->config, network, errors);
}

/*
 * Poll
 */

static void show_event(void *context, const char *line)
{
	struct sl_engine *engine = context;

	engine->events++;
	sl_recent_add(engine->private->recent, line);
	if (engine->event != NULL)
		engine->event(engine->event_context, engine, line);
	else
		sl_log(SL_LOG_INFO, "%s", line);
}

unsigned int sl_engine_take_events(struct sl_engine *engine)
{
	unsigned int taken = 0;
	uint64_t lost = 0;

	for (unsigned int i = 0; i < engine->worker_count; i++) {
		taken += sl_events_take(engine->private->events[i], EVENTS_A_ROUND, show_event,
					engine);
		lost += sl_events_lost(engine->private->events[i]);
	}
	engine->events_lost = lost;
	return taken;
}

static void take_signals(struct sl_engine *engine)
{
	int signal;

	while ((signal = sl_signals_next(engine->private->signals)) != 0) {
		if (signal != SIGHUP) {
			engine->stop_asked = true;
		} else if (engine->config->log_file != NULL) {
			/* The file was rotated. */
			if (sl_log_reopen(engine->config->log_file) != 0)
				sl_log(SL_LOG_WARNING, "%s: cannot be opened again",
				       engine->config->log_file);
		}
	}
}

bool sl_engine_worker_stuck(const struct sl_engine *engine, unsigned int worker, uint16_t *hop)
{
	struct sl_worker_stats stats;
	uint64_t now;

	if (engine->config->watchdog_ms == 0 || engine->stopped || engine->paused)
		return false;
	sl_worker_stats(engine->workers[worker], &stats);
	now = rte_rdtsc();
	if (now < stats.heartbeat || now - stats.heartbeat < ms(engine->config->watchdog_ms))
		return false;
	if (hop != NULL)
		*hop = sl_graph_current(engine->generation->graphs[worker]->graph);
	return true;
}

static void watch(struct sl_engine *engine)
{
	for (unsigned int i = 0; i < engine->worker_count; i++) {
		uint16_t hop = SL_GRAPH_NO_HOP;
		bool stuck = sl_engine_worker_stuck(engine, i, &hop);
		bool told = engine->private->stuck[i];
		const char *where = hop < engine->generation->plan->hop_count
					    ? engine->generation->hops[hop].name
					    : "no hop: a port, or it is not scheduled";

		if (stuck && !told) {
			sl_log(SL_LOG_ERROR,
			       "worker %u on core %u has not come back for %u ms; it is in %s", i,
			       engine->config->worker_cores[i], engine->config->watchdog_ms, where);
			sl_engine_note(engine, "worker-stuck", "{si ss si}", "worker", (int)i, "in",
				       where, "core", (int)engine->config->worker_cores[i]);
		} else if (!stuck && told) {
			sl_log(SL_LOG_WARNING, "worker %u is back", i);
			sl_engine_note(engine, "worker-back", "{si}", "worker", (int)i);
		}
		engine->private->stuck[i] = stuck;
	}
}

static void poll_instances(struct sl_engine *engine, uint64_t now)
{
	const struct sl_generation *generation = engine->generation;

	for (unsigned int i = 0; generation->vnfs[i] != NULL; i++)
		sl_instance_poll(generation->vnfs[i], now);
	for (unsigned int i = 0; i < generation->made_count; i++)
		sl_instance_poll(generation->made[i], now);
}

unsigned int sl_engine_tend(struct sl_engine *engine)
{
	unsigned int work = sl_punt_take(engine) + sl_engine_take_events(engine) +
			    sl_engine_fusion_tend(engine);
	uint64_t now = rte_rdtsc();

	sl_growth_tend();
	if (now >= engine->private->next_l3_tick) {
		engine->private->next_l3_tick = now + ms(L3_TICK_MS);
		for (unsigned int i = 0; i < engine->port_count; i++)
			if (engine->ports[i]->l3 != NULL)
				sl_l3_tick(engine->ports[i]->l3, now);
	}
	return work;
}

void sl_engine_poll(struct sl_engine *engine, unsigned int wait_us, int fd)
{
	struct pollfd files[2] = {
		{.fd = engine->private->signals, .events = POLLIN},
		{.fd = fd, .events = POLLIN},
	};
	struct timespec wait = {.tv_sec = wait_us / 1000000,
				.tv_nsec = (long)(wait_us % 1000000) * 1000};
	uint64_t now = rte_rdtsc();

	if (now >= engine->private->next_watch) {
		engine->private->next_watch = now + ms(WATCH_MS);
		watch(engine);
		sl_links_watch(engine);
	}
	sl_workers_watch();
	poll_instances(engine, now);
	sl_drain_tend(engine);
	if (sl_faults_tend(engine) + sl_engine_tend(engine) > 0)
		wait.tv_sec = wait.tv_nsec = 0;
	if (ppoll(files, 2, &wait, NULL) > 0 && files[0].revents != 0)
		take_signals(engine);
}

void sl_engine_ask_stop(struct sl_engine *engine)
{
	engine->stop_asked = true;
}

/*
 * Drained: twice the same, and every worker has been round between the two looks.
 */

static uint64_t moves(const struct sl_engine *engine)
{
	struct sl_ledger workers, here;

	sl_engine_worker_ledger(engine, &workers);
	sl_engine_main_ledger(engine, &here);
	return workers.pushed + workers.made + workers.handed + workers.sent + workers.dropped +
	       here.pushed + here.made + here.handed + here.dropped;
}

static bool holds_packets(const struct sl_engine *engine)
{
	struct sl_ledger workers, here;

	sl_engine_worker_ledger(engine, &workers);
	sl_engine_main_ledger(engine, &here);
	return workers.held + here.held > 0;
}

bool sl_engine_drained(struct sl_engine *engine)
{
	struct sl_engine_private *private = engine->private;
	uint64_t moved = moves(engine);
	bool round = true;

	for (unsigned int i = 0; i < engine->port_count; i++) {
		if (!sl_port_drained(engine->ports[i])) {
			private->seen = false;
			return false;
		}
	}
	if (sl_engine_in_flight(engine) || holds_packets(engine)) {
		private->seen = false;
		return false;
	}
	for (unsigned int i = 0; i < engine->worker_count && private->seen; i++) {
		struct sl_worker_stats stats;

		sl_worker_stats(engine->workers[i], &stats);
		/* Two: the first may have begun before the first look. */
		round &= stats.loops >= private->seen_loops[i] + 2;
	}
	if (private->seen && moved == private->seen_moves)
		return round;
	private->seen = true;
	private->seen_moves = moved;
	for (unsigned int i = 0; i < engine->worker_count; i++) {
		struct sl_worker_stats stats;

		sl_worker_stats(engine->workers[i], &stats);
		private->seen_loops[i] = stats.loops;
	}
	return false;
}

/*
 * Stop
 */

/* Let everything out: workers go on with what they have, the main thread with what it gets. */
void sl_engine_settle(struct sl_engine *engine)
{
	uint64_t give_up = rte_rdtsc() + ms(DRAIN_MS), last = 0;
	unsigned int still = 0;

	for (unsigned int i = 0; i < engine->worker_count; i++)
		sl_worker_quiesce(engine->workers[i]);
	while (still < 3 && rte_rdtsc() < give_up) {
		uint64_t moved = moves(engine);

		sl_engine_tend(engine);
		still = sl_engine_in_flight(engine) || moved != last ? 0 : still + 1;
		last = moved;
		nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
	}
}

static void count_leftover(struct sl_engine *engine)
{
	struct sl_ledger workers, here;

	sl_engine_worker_ledger(engine, &workers);
	sl_engine_main_ledger(engine, &here);
	engine->leftover = (struct sl_leftover){
		.punted = sl_punt_empty(engine),
		.graphs = workers.pending,
		.held = workers.held + here.held,
	};
	for (unsigned int i = 0; i < engine->worker_count; i++)
		engine->leftover.inboxes += sl_worker_empty_inbox(engine->workers[i]);
}

void sl_engine_stop(struct sl_engine *engine)
{
	if (engine->private == NULL || engine->stopped || engine->generation == NULL)
		return;
	sl_engine_settle(engine);
	for (unsigned int i = 0; i < engine->worker_count; i++) {
		uint16_t hop;

		if (sl_worker_stop(engine->workers[i], true) == 0)
			continue;
		hop = sl_graph_current(engine->generation->graphs[i]->graph);
		sl_log(SL_LOG_ERROR, "worker %u cannot be stopped: it does not come back from %s",
		       i,
		       hop < engine->generation->plan->hop_count
			       ? engine->generation->hops[hop].name
			       : "a port");
		engine->private->abandoned = true;
	}
	if (engine->private->abandoned)
		return;
	sl_engine_take_events(engine);
	sl_faults_take(engine);
	count_leftover(engine);
	engine->stopped = true;
	for (unsigned int i = 0; i < engine->port_count; i++)
		sl_port_stop(engine->ports[i]);
}

bool sl_engine_abandoned(const struct sl_engine *engine)
{
	return engine->private != NULL && engine->private->abandoned;
}

static void free_workers(struct sl_engine *engine)
{
	for (unsigned int i = 0; i < engine->worker_count; i++) {
		sl_worker_free(engine->workers[i]);
		sl_events_free(engine->private->events[i]);
	}
	free(engine->workers);
	engine->workers = NULL;
	engine->worker_count = 0;
}

void sl_engine_free(struct sl_engine *engine)
{
	struct sl_engine_private *private = engine->private;

	if (private == NULL)
		return;
	sl_engine_stop(engine);
	if (private->abandoned)
		return;
	/* Nodes refer to ports. */
	sl_generation_free(engine->generation);
	engine->generation = NULL;
	sl_engine_fusion_end(engine);
	sl_ports_close(engine);
	free_workers(engine);
	if (private->punted != NULL)
		sl_punt_close(engine);
	sl_chain_free(private->chain);
	rte_mempool_free(engine->pool);
	engine->pool = NULL;
	if (private->eal)
		sl_eal_end();
	sl_signals_close(private->signals);
	sl_numbers_free(private->numbers);
	sl_history_free(private->history);
	sl_drain_free(engine);
	sl_recent_free(private->recent);
	free(private->gone);
	free(private->events);
	free(private->stuck);
	free(private->seen_loops);
	sl_faults_free(engine);
	sl_fault_disown();
	sl_fault_thread_free(private->fault);
	free(private);
	engine->private = NULL;
}
