/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cycles are looked at in windows of some milliseconds, of which one of the least is taken (an
 * eighth is less): what else the machine does falls into others. The worker's own time, for all
 * that stands outside of hops, is what the kernel says it had its core.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>

#include <core/flow/fusion.h>
#include <core/forecast/profile.h>
#include <core/graph/hop.h>
#include <core/host/engine.h>
#include <core/host/log.h>

#define LONGEST_S 240
#define WARM_S    60
#define PACKETS   16384
#define WINDOWS   40
#define WINDOW_US 4000
/* Packets of a window, so that some of its bursts are timed in each hop. */
#define ENOUGH     4096
#define MOST_TRIES 5000

struct look {
	uint64_t tsc;
	double cpu; /* seconds of the worker's thread */
	uint64_t polled;
	uint64_t second_busy, second_got; /* of the second worker, if any */
	struct {
		uint64_t cycles, packets, passed, drops;
	} hops[SL_PROFILE_HOPS];
};

struct run {
	const struct sl_profile_conf *conf;
	struct sl_profile *profile;
	struct sl_engine engine;
	clockid_t clock; /* of the worker's thread */
	double tsc_cost; /* cycles of reading the counter, which each timed hop does */
};

/* The worker's thread by its name; its clock as clock_getcpuclockid() would make it. */
static bool find_clock(clockid_t *clock)
{
	DIR *folder = opendir("/proc/self/task");
	struct dirent *entry;
	bool found = false;

	while (folder != NULL && !found && (entry = readdir(folder)) != NULL) {
		char path[300], name[32] = "";
		FILE *file;

		snprintf(path, sizeof(path), "/proc/self/task/%s/comm", entry->d_name);
		file = fopen(path, "re");
		if (file == NULL)
			continue;
		if (fgets(name, sizeof(name), file) != NULL && strcmp(name, "sl-worker-0\n") == 0) {
			*clock = (clockid_t)(~(unsigned int)atoi(entry->d_name) << 3 | 6);
			found = true;
		}
		fclose(file);
	}
	if (folder != NULL)
		closedir(folder);
	return found;
}

static void take_look(struct run *r, struct look *look)
{
	const struct sl_graph *graph = r->engine.generation->graphs[0]->graph;
	unsigned int hops = r->engine.generation->plan->hop_count;
	struct sl_worker_stats stats;
	struct timespec cpu = {0, 0};

	clock_gettime(r->clock, &cpu);
	look->cpu = (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9;
	look->tsc = rte_rdtsc();
	sl_worker_stats(r->engine.workers[0], &stats);
	look->polled = stats.polled;
	if (r->engine.worker_count > 1) {
		sl_worker_stats(r->engine.workers[1], &stats);
		look->second_busy = stats.busy_cycles;
		look->second_got = stats.inbox_out;
	}
	for (unsigned int i = 0; i < hops; i++) {
		const struct sl_hop *hop = graph->by_index[i];
		struct sl_hop_stats counts;

		look->hops[i].cycles = sl_tally_read(&hop->cycles);
		look->hops[i].packets = sl_tally_read(&hop->timed_packets);
		sl_graph_stats(graph, (uint16_t)i, &counts);
		look->hops[i].passed = counts.packets;
		look->hops[i].drops = counts.drops;
	}
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double calm(double *values, unsigned int count)
{
	if (count == 0)
		return 0;
	qsort(values, count, sizeof(*values), compare);
	return values[count / 8];
}

/* Which way a hop's packets go. */
static enum sl_side side(const struct sl_plan_hop *hop)
{
	switch (hop->kind) {
	case SL_PLAN_VNF:
	case SL_PLAN_PIN:
	case SL_PLAN_L3_OUT:
	case SL_PLAN_FRAGMENT:
		return hop->from;
	case SL_PLAN_TX:
		return hop->port == SL_PROFILE_OUT ? SL_INSIDE : SL_OUTSIDE;
	default:
		if (hop->port == UINT_MAX)
			return hop->from;
		return hop->port == SL_PROFILE_IN ? SL_INSIDE : SL_OUTSIDE;
	}
}

/* Timed packets of a hop in all windows, over those of the port that they came by. */
static double share(const struct run *r, const struct look *first, const struct look *last,
		    unsigned int hop)
{
	const struct sl_plan *plan = r->engine.generation->plan;
	unsigned int port = side(&plan->hops[hop]) == SL_INSIDE ? SL_PROFILE_IN : SL_PROFILE_OUT;
	uint16_t rx = plan->rx[port];
	uint64_t all = last->hops[rx].packets - first->hops[rx].packets;

	if (all == 0)
		return 0;
	return (double)(last->hops[hop].packets - first->hops[hop].packets) / (double)all;
}

/* Of a packet that the second worker takes from its inbox: what is not its hops' work. */
static double taking(struct run *r, const struct look *looks)
{
	const struct sl_graph *graph;
	double values[WINDOWS], hops = 0;
	unsigned int count = 0;
	uint64_t taken;

	if (r->engine.worker_count < 2)
		return 0;
	for (unsigned int w = 1; w <= WINDOWS; w++) {
		taken = looks[w].second_got - looks[w - 1].second_got;
		if (taken != 0)
			values[count++] =
				(double)(looks[w].second_busy - looks[w - 1].second_busy) /
				(double)taken;
	}
	graph = r->engine.generation->graphs[1]->graph;
	taken = looks[WINDOWS].second_got;
	for (unsigned int i = 0; taken != 0 && i < r->profile->hop_count; i++) {
		struct sl_hop_stats stats;

		sl_graph_stats(graph, (uint16_t)i, &stats);
		hops += (double)stats.cycles / (double)taken;
	}
	hops = calm(values, count) - hops;
	return hops > 0 ? hops : 0;
}

static int measure(struct run *r, enum sl_profile_mode mode, struct sl_errors *errors)
{
	static struct look looks[WINDOWS + 1];
	static double values[SL_PROFILE_HOPS][WINDOWS], totals[WINDOWS];
	unsigned int hops = r->profile->hop_count, count[SL_PROFILE_HOPS] = {0}, total = 0;

	take_look(r, &looks[0]);
	for (unsigned int w = 1, tries = 0; w <= WINDOWS; tries++) {
		uint64_t until = rte_rdtsc() + rte_get_tsc_hz() / 1000000 * WINDOW_US;

		do
			sl_engine_poll(&r->engine, WINDOW_US / 4, -1);
		while (rte_rdtsc() < until);
		take_look(r, &looks[w]);
		/* The worker may have had to wait for its core all that time. */
		if (looks[w].polled - looks[w - 1].polled < ENOUGH && tries < MOST_TRIES)
			continue;
		if (looks[w].polled == looks[w - 1].polled)
			return sl_fail(errors, ETIMEDOUT, "the worker's core is too busy");
		totals[total++] = (looks[w].cpu - looks[w - 1].cpu) * r->profile->hz /
				  (double)(looks[w].polled - looks[w - 1].polled);
		for (unsigned int i = 0; i < hops; i++) {
			uint64_t packets = looks[w].hops[i].packets - looks[w - 1].hops[i].packets;
			uint64_t cycles = looks[w].hops[i].cycles - looks[w - 1].hops[i].cycles;

			if (packets != 0)
				values[i][count[i]++] = (double)cycles / (double)packets;
		}
		w++;
	}
	r->profile->total[mode] = calm(totals, total);
	r->profile->taking = taking(r, looks);
	for (unsigned int i = 0; i < hops; i++) {
		struct sl_profile_hop *hop = &r->profile->hops[i];
		uint64_t passed = looks[WINDOWS].hops[i].passed - looks[0].hops[i].passed;
		double cycles = calm(values[i], count[i]);

		cycles -= r->tsc_cost / r->conf->host->burst;
		hop->cycles[mode] = cycles > 0 ? cycles : 0;
		hop->share[mode] = share(r, &looks[0], &looks[WINDOWS], i);
		if (mode == SL_PROFILE_PLAIN && passed != 0)
			hop->dropped =
				(double)(looks[WINDOWS].hops[i].drops - looks[0].hops[i].drops) /
				(double)passed;
	}
	return 0;
}

/* Until every flow was there, in both directions; fused: until no more become so. */
static int warm_up(struct run *r, bool fused, struct sl_errors *errors)
{
	uint64_t end = rte_rdtsc() + WARM_S * rte_get_tsc_hz(), flows = UINT64_MAX, next = 0;
	struct look look;
	uint64_t first;

	take_look(r, &look);
	first = look.polled;
	while (rte_rdtsc() < end) {
		struct sl_fusion_stats stats;

		sl_engine_poll(&r->engine, 1000, -1);
		take_look(r, &look);
		if (look.polled - first < (fused ? 2 : 3) * r->conf->flows + 50000)
			continue;
		if (!fused)
			return 0;
		if (look.polled < next)
			continue;
		sl_fusion_stats(r->engine.fusion[0], &stats);
		if (stats.flows == flows)
			return 0;
		flows = stats.flows;
		next = look.polled + r->conf->flows + 10000;
	}
	return sl_fail(errors, ETIMEDOUT,
		       "%llu flows do not come to rest: is the worker's core a busy one?",
		       (unsigned long long)r->conf->flows);
}

static void describe(struct run *r)
{
	const struct sl_plan *plan = r->engine.generation->plan;

	r->profile->hop_count = plan->hop_count;
	for (unsigned int i = 0; i < plan->hop_count; i++) {
		const struct sl_plan_hop *hop = &plan->hops[i];

		r->profile->hops[i] = (struct sl_profile_hop){
			.kind = hop->kind,
			.from = side(hop),
			.stop = hop->kind == SL_PLAN_VNF ? hop->vnf : UINT_MAX,
		};
	}
}

static double tsc_cost(void)
{
	uint64_t first = rte_rdtsc(), last = first;

	for (unsigned int i = 0; i < 1000; i++)
		last = rte_rdtsc();
	return (double)(last - first) / 1000;
}

static int run_engine(struct run *r, struct sl_errors *errors)
{
	int err;

	if (r->engine.generation->plan->hop_count > SL_PROFILE_HOPS)
		return sl_fail(errors, E2BIG, "too many hops to measure at a time");
	describe(r);
	r->profile->hz = (double)rte_get_tsc_hz();
	r->tsc_cost = tsc_cost();
	for (unsigned int i = 0; i < 1000 && !find_clock(&r->clock); i++)
		sl_engine_poll(&r->engine, 1000, -1);
	err = warm_up(r, false, errors);
	if (err != 0)
		return err;
	err = measure(r, SL_PROFILE_PLAIN, errors);
	sl_engine_fuse(&r->engine, SL_FUSION_ON);
	if (err == 0)
		err = warm_up(r, true, errors);
	return err == 0 ? measure(r, SL_PROFILE_FUSED, errors) : err;
}

static void ignore_event(void *context, struct sl_engine *engine, const char *line)
{
}

/* In the child. */
static int run_here(const struct sl_profile_conf *conf, struct sl_profile *profile,
		    struct sl_errors *errors)
{
	struct sl_host_config host = *conf->host;
	unsigned int two[] = {host.worker_cores[0], host.main_core};
	struct run r = {.conf = conf, .profile = profile};
	struct sl_chain *chain;
	int err = -EINVAL;

	if (conf->what == SL_PROFILE_SPREAD && host.worker_count < 2)
		host.worker_cores = two;
	host.worker_count = conf->what == SL_PROFILE_SPREAD ? 2 : 1;
	host.packets = PACKETS;
	host.memory_mb = 0;
	host.idle.performance = true;
	host.watchdog_ms = 0;
	if (!conf->hugepages)
		host.memory = SL_MEMORY_NORMAL;
	if (conf->bytes + 256 > host.data_room)
		host.data_room = conf->bytes + 256;
	sl_log_open(SL_LOG_ERROR, NULL);
	r.engine.config = &host;
	r.engine.registry = conf->registry;
	r.engine.event = ignore_event;
	r.engine.fusion_mode = -1;
	chain = sl_profile_chain(conf, errors);
	if (chain != NULL)
		err = sl_engine_start(&r.engine, chain, errors);
	if (err == 0)
		err = run_engine(&r, errors);
	return err;
}

static bool read_all(int fd, void *to, size_t size)
{
	char *at = to;

	while (size > 0) {
		ssize_t got = read(fd, at, size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		at += got;
		size -= (size_t)got;
	}
	return true;
}

static void __attribute__((noreturn)) child(const struct sl_profile_conf *conf, int to)
{
	static struct sl_profile profile;
	struct sl_errors *errors = sl_errors_new(); /* the parent prints its own */
	const char *at = (const char *)&profile;
	size_t left = sizeof(profile);
	int err;

	alarm(LONGEST_S);
	err = run_here(conf, &profile, errors);
	sl_errors_resolve(errors, NULL, NULL);
	if (err != 0)
		sl_errors_print(errors, stderr);
	while (err == 0 && left > 0) {
		ssize_t put = write(to, at, left);

		if (put < 0 && errno != EINTR)
			err = -errno;
		at += put > 0 ? put : 0;
		left -= put > 0 ? (size_t)put : 0;
	}
	fflush(NULL);
	/* All memory and the engine's threads go with the process. */
	_exit(err != 0);
}

int sl_profile(const struct sl_profile_conf *conf, struct sl_profile *profile,
	       struct sl_errors *errors)
{
	int ends[2], status = 0;
	bool whole;
	pid_t pid;

	fflush(NULL);
	if (pipe(ends) != 0)
		return sl_fail(errors, errno, "pipe: %s", strerror(errno));
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		child(conf, ends[1]);
	}
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return sl_fail(errors, errno, "fork: %s", strerror(errno));
	}
	whole = read_all(ends[0], profile, sizeof(*profile));
	close(ends[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (whole && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFSIGNALED(status))
		return sl_fail(errors, EIO, "measuring ended with: %s",
			       WTERMSIG(status) == SIGALRM ? "time is over"
							   : strsignal(WTERMSIG(status)));
	return sl_fail(errors, EIO, "measuring failed");
}
