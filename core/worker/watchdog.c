/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Workers that do not come back from a call into a plugin. A worker says by its heartbeat that it
 * has been round its loop, and by sl_fault_place() which call it is in; one that stays in the same
 * call for too long is signalled, and its handler leaves the call (core/fault/signal.c).
 *
 * On a busy machine a worker may not be scheduled for long: it counts how long its thread has run,
 * by the thread's own clock, and not how late it is. A thread that sleeps inside of a plugin does
 * not run either; the kernel tells that from one that waits for a processor.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>

#include <core/plugin/instance.h>
#include <core/worker/lcore.h>

/* How often to look: this part of the limit, between these. */
#define LOOKS    10
#define LEAST_MS 1
#define MOST_MS  100
/* Tries, a millisecond apart, to meet it in the plugin's own code. */
#define TRIES 300

/* Of the one engine: who waits for a worker may know no other. */
static struct sl_worker *watched[SL_MAX_WORKERS];

void sl_watchdog_add(struct sl_worker *worker)
{
	if (worker->index < SL_MAX_WORKERS)
		watched[worker->index] = worker;
}

void sl_watchdog_remove(struct sl_worker *worker)
{
	if (worker->index < SL_MAX_WORKERS && watched[worker->index] == worker)
		watched[worker->index] = NULL;
}

void sl_worker_watchdog(struct sl_worker *worker, uint32_t ms)
{
	worker->watchdog_ms = ms;
}

static uint64_t processor_time(const struct sl_worker *worker)
{
	struct timespec time;
	clockid_t clock;

	if (pthread_getcpuclockid(worker->fault->thread, &clock) != 0 ||
	    clock_gettime(clock, &time) != 0)
		return 0;
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* By its own will: not waiting for a processor, and not stopped. */
static bool sleeps(const struct sl_worker *worker)
{
	char path[64], text[256];
	const char *state;
	ssize_t size;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%ld/stat", worker->fault->number);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	size = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (size <= 0)
		return false;
	text[size] = '\0';
	state = strrchr(text, ')'); /* behind the name, which may hold anything */
	return state != NULL && (state[1] == ' ') && (state[2] == 'S' || state[2] == 'D');
}

static uint64_t ms(uint64_t n)
{
	return rte_get_tsc_hz() / 1000 * n;
}

static void watch(struct sl_worker *worker, uint64_t now)
{
	struct sl_watchdog *watch = &worker->watch;
	uint64_t limit = (uint64_t)worker->watchdog_ms * 1000000, place, heartbeat;

	watch->next = now + ms(RTE_MAX(RTE_MIN(worker->watchdog_ms / LOOKS, (uint32_t)MOST_MS),
				       (uint32_t)LEAST_MS));
	if (!atomic_load_explicit(&worker->fault->alive, memory_order_acquire))
		return;
	heartbeat = sl_stat_read(&worker->stats.heartbeat);
	place = sl_fault_place(worker->fault);
	if (heartbeat != watch->heartbeat || place != watch->place || watch->since == 0) {
		*watch = (struct sl_watchdog){.heartbeat = heartbeat,
					      .place = place,
					      .since = now,
					      .processor = processor_time(worker),
					      .next = watch->next};
		return;
	}
	if (now - watch->since < ms(worker->watchdog_ms))
		return;
	if (processor_time(worker) - watch->processor < limit && !sleeps(worker))
		return;
	watch->next = now + ms(LEAST_MS);
	sl_fault_accuse(worker->fault, place, ++watch->tries > TRIES);
}

void sl_workers_watch(void)
{
	uint64_t now = rte_rdtsc();

	for (unsigned int i = 0; i < SL_MAX_WORKERS; i++) {
		struct sl_worker *worker = watched[i];

		if (worker != NULL && worker->watchdog_ms != 0 && now >= worker->watch.next)
			watch(worker, now);
	}
}
