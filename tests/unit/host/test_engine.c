/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whole runs: chain file and host file in, packets through workers, totals out. DPDK starts once a
 * process, so each run is a child; what it counted comes back in shared memory.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <core/host/run.h>
#include <core/port/l3.h>

static char folder[] = "/tmp/sluice-engine-XXXXXX";

/* What the child saw. */
struct seen {
	bool started, ended;
	unsigned int polls, seconds, events;
	unsigned int workers;
	uint64_t polled[8], inbox[8];
	struct sl_totals totals;
	struct sl_leftover leftover;
	bool told_stuck;
	char stuck_in[64];
};

static struct seen *seen;

static void write_file(const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int on_started(void *context, struct sl_engine *engine, struct sl_errors *errors)
{
	seen->started = true;
	seen->workers = engine->worker_count;
	return 0;
}

static void on_poll(void *context, struct sl_engine *engine)
{
	uint16_t hop = SL_GRAPH_NO_HOP;

	seen->polls++;
	if (sl_engine_worker_stuck(engine, 0, &hop) && hop != SL_GRAPH_NO_HOP) {
		seen->told_stuck = true;
		snprintf(seen->stuck_in, sizeof(seen->stuck_in), "%s",
			 engine->generation->hops[hop].name);
	}
}

static void on_second(void *context, struct sl_engine *engine)
{
	seen->seconds++;
}

static int on_ended(void *context, struct sl_engine *engine)
{
	seen->ended = true;
	sl_engine_totals(engine, &seen->totals);
	seen->leftover = engine->leftover;
	for (unsigned int w = 0; w < engine->worker_count; w++) {
		struct sl_worker_stats stats;

		sl_worker_stats(engine->workers[w], &stats);
		seen->polled[w] = stats.polled;
		seen->inbox[w] = stats.inbox_out;
	}
	return 0;
}

static pid_t start(const char *host, const char *chain, uint64_t duration_ms)
{
	pid_t child;

	write_file("host.conf", host);
	write_file("chain.yaml", chain);
	memset(seen, 0, sizeof(*seen));
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		char chain_path[256], host_path[256];
		struct sl_run_options options = {
			.chain = chain_path, .config = host_path, .duration_ms = duration_ms};
		struct sl_run_hooks hooks = {.started = on_started,
					     .poll = on_poll,
					     .second = on_second,
					     .ended = on_ended};

		snprintf(chain_path, sizeof(chain_path), "%s/chain.yaml", folder);
		snprintf(host_path, sizeof(host_path), "%s/host.conf", folder);
		_exit(sl_run(&options, &hooks));
	}
	return child;
}

static int finish(pid_t child)
{
	int status;

	assert_int_equal(waitpid(child, &status, 0), child);
	if (!WIFEXITED(status))
		fail_msg("killed by signal %d", WTERMSIG(status));
	return WEXITSTATUS(status);
}

static void expect_law(void)
{
	const struct sl_totals *t = &seen->totals;

	assert_true(seen->ended);
	assert_int_equal(t->rx + t->made, t->tx + t->drops + t->joined + t->held);
	assert_int_equal(t->held, 0);
}

#define PLUGINS "plugins = [\"" SL_BUILD_DIR "/plugins\"];\n"
#define COMMON                                                                              \
	"memory = { mode = \"normal\"; packets = 8192; };\ncontrol = { socket = \"\"; };\n" \
	"log = { level = \"error\"; };\n" PLUGINS
#define ONE COMMON "cores = { main = 0; workers = [0]; };\n"
#define PORTS                                               \
	"sluice: 1\n"                                       \
	"ports:\n"                                          \
	"  a: {kind: generator, count: 20000, flows: 64}\n" \
	"  b: {kind: sink}\n"

/* Two workers where there are two cores. */
static const char *two(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN) > 1 ? COMMON
		       "cores = { main = 0; workers = [0, 1]; };\n"
						 : NULL;
}

static void test_drains(void **state)
{
	assert_int_equal(finish(start(ONE, PORTS "paths:\n  p: a -> b\n", 20000)), 0);
	expect_law();
	assert_true(seen->started);
	assert_int_equal(seen->totals.rx, 20000);
	assert_int_equal(seen->totals.tx, 20000);
}

static void test_two_workers(void **state)
{
	if (two() == NULL)
		skip();
	assert_int_equal(finish(start(two(), PORTS "paths:\n  p: a -> b\n", 20000)), 0);
	expect_law();
	assert_int_equal(seen->workers, 2);
	assert_true(seen->polled[0] > 0 && seen->polled[1] > 0);
	assert_int_equal(seen->inbox[0] + seen->inbox[1], 0);
}

static void test_one_queue(void **state)
{
	if (two() == NULL)
		skip();
	assert_int_equal(finish(start(two(),
				      "sluice: 1\n"
				      "ports:\n"
				      "  a: {kind: generator, queues: 1, count: 20000, flows: 64}\n"
				      "  b: {kind: sink}\n"
				      "paths:\n  p: a -> b\n",
				      20000)),
			 0);
	expect_law();
	assert_int_equal(seen->polled[0], 20000);
	assert_int_equal(seen->polled[1], 0);
	assert_int_equal(seen->inbox[0], 0);
	/* About half of the sessions, but for what found the inbox full. */
	assert_in_range(seen->inbox[1], 2000, 18000);
}

static void test_placed(void **state)
{
	if (two() == NULL)
		skip();
	assert_int_equal(finish(start(two(),
				      PORTS "vnfs:\n"
					    "  c: {plugin: classifier, cores: 1, rules: [{match: "
					    "{proto: tcp}, mark: 1}]}\n"
					    "paths:\n  p: a -> c -> b\n",
				      20000)),
			 0);
	expect_law();
	assert_true(seen->inbox[1] > 0);
	assert_int_equal(seen->polled[1], 0);
}

static void test_no_such_core(void **state)
{
	assert_int_equal(finish(start(ONE,
				      PORTS "vnfs:\n"
					    "  c: {plugin: classifier, cores: 99, rules: [{match: "
					    "{proto: tcp}, mark: 1}]}\n"
					    "paths:\n  p: a -> c -> b\n",
				      20000)),
			 1);
	assert_false(seen->started);
}

static void test_signal(void **state)
{
	pid_t child =
		start(ONE,
		      "sluice: 1\nports:\n  a: {kind: generator, rate: 100000/s}\n  b: {kind: "
		      "sink}\npaths:\n  p: a -> b\n",
		      0);

	for (int i = 0; i < 200 && seen->polls < 200; i++)
		usleep(20000);
	assert_true(seen->polls > 0);
	kill(child, SIGTERM);
	assert_int_equal(finish(child), 0);
	expect_law();
	assert_true(seen->totals.rx > 0);
	assert_int_equal(seen->totals.drops, 0);
}

static void test_duration(void **state)
{
	assert_int_equal(finish(start(ONE,
				      "sluice: 1\nports:\n  a: {kind: generator, rate: 1000/s}\n"
				      "  b: {kind: sink}\npaths:\n  p: a -> b\n",
				      1200)),
			 0);
	expect_law();
	assert_int_equal(seen->seconds, 1);
	assert_in_range(seen->totals.tx, 500, 2000);
}

static void test_wrong_chain(void **state)
{
	assert_int_equal(finish(start(ONE, "sluice: 1\nports: {a: {kind: nonsense}}\n", 0)), 2);
	assert_false(seen->started);
	assert_int_equal(finish(start("brust = 3;", PORTS "paths:\n  p: a -> b\n", 0)), 2);
	assert_false(seen->started);
}

/* A next hop that does not answer: packets wait on the main thread, and are counted there. */
static void test_waits_for_neighbour(void **state)
{
	assert_int_equal(finish(start(ONE,
				      "sluice: 1\n"
				      "ports:\n"
				      "  a: {kind: generator, count: 500, flows: 1, dst: "
				      "192.0.2.2, dst-mac: \"02:00:00:00:00:0a\", mac: "
				      "\"02:00:00:00:00:0a\", addresses: [198.18.0.254/24]}\n"
				      "  b: {kind: sink, addresses: [192.0.2.1/24]}\n"
				      "paths:\n  p: a <-> b\n",
				      1000)),
			 0);
	expect_law();
	assert_int_equal(seen->totals.rx, 500);
	/* ARP requests, and host unreachable in the end. */
	assert_true(seen->totals.made > 0);
}

#define STALL(time)                                                                             \
	"sluice: 1\n"                                                                           \
	"ports:\n"                                                                              \
	"  a: {kind: generator, count: 100, flows: 4}\n"                                        \
	"  b: {kind: sink}\n"                                                                   \
	"vnfs:\n  slow: {plugin: " SL_BUILD_DIR "/tests/unit/host/stall.so, stall: " time "}\n" \
	"paths:\n  p: a -> slow -> b\n"

/* It does not come back for long enough to be told, and not for so long as to be taken out. */
static void test_late(void **state)
{
	assert_int_equal(finish(start(ONE "watchdog-ms = 5000;\n", STALL("600 ms"), 20000)), 0);
	expect_law();
	assert_int_equal(seen->totals.tx, 100);
}

/* It would never come back: it is taken out of the call, and what it had is dropped. */
static void test_watchdog(void **state)
{
#ifdef __SANITIZE_THREAD__
	skip(); /* it delivers no signal to a loop that calls nothing */
#endif
	assert_int_equal(finish(start(ONE "watchdog-ms = 100;\n", STALL("1 h"), 20000)), 0);
	expect_law();
	assert_true(seen->told_stuck);
	assert_string_equal(seen->stuck_in, "p/slow>");
	assert_int_equal(seen->totals.tx, 0);
	assert_int_equal(seen->totals.drops, 100);
}

/* Nobody watches it: it is left behind, and the statistics are written all the same. */
static void test_abandoned(void **state)
{
	assert_int_equal(finish(start(ONE "watchdog-ms = 0;\n", STALL("1 h"), 300)), 1);
	assert_true(seen->ended);
}

static int set_up(void **state)
{
	seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return seen == MAP_FAILED || mkdtemp(folder) == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/host.conf", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/chain.yaml", folder);
	unlink(path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drains),       cmocka_unit_test(test_two_workers),
		cmocka_unit_test(test_one_queue),    cmocka_unit_test(test_placed),
		cmocka_unit_test(test_no_such_core), cmocka_unit_test(test_signal),
		cmocka_unit_test(test_duration),     cmocka_unit_test(test_late),
		cmocka_unit_test(test_watchdog),     cmocka_unit_test(test_abandoned),
		cmocka_unit_test(test_wrong_chain),  cmocka_unit_test(test_waits_for_neighbour),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
