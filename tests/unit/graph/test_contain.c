/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Nodes that crash, hang, or say what makes no sense: the burst is dropped, the instance
 * quarantined, and the chain beside it loses nothing.
 */
#include "bed.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>

#include <sluice/trail.h>

#include <core/fault/fault.h>

struct bed bed;

static struct sl_loaded_plugin plugin;
static struct sl_fault_thread *thread;

enum how {
	SEGV,
	FPE,
	ILL,
	ABORT,
	NOWHERE_CODE, /* a call of a function that is none */
	TOO_DEEP,     /* of the stack */
	NO_PACKET,    /* emits NULL */
	LOOP,
	SLEEP,
	EDGE,
};

struct script {
	enum how how;
	uint32_t at; /* the packet of this number */
	bool emits;  /* a copy of the first packet of each burst */
	bool holds;  /* the second packet of each burst */
	bool tick, collect;
};

static int *volatile null;
static void (*volatile no_code)(void);
static volatile int zero, hundred = 100;
static volatile uint64_t spins;

static __rte_noinline int deeper(volatile char *above)
{
	volatile char here[4096];

	here[0] = above[0];
	return here[0] == 77 ? 0 : deeper(here) + here[1];
}

static void misbehave(struct sl_node *node, enum how how)
{
	char first = 1;

	switch (how) {
	case SEGV:
		*null = 7;
		break;
	case FPE:
		spins = (uint64_t)(hundred / zero);
		break;
	case ILL:
		__builtin_trap();
	case ABORT:
		abort();
	case NOWHERE_CODE:
		no_code();
		break;
	case TOO_DEEP:
		zero = deeper(&first) & 0;
		break;
	case NO_PACKET:
		sl_emit(node, (struct rte_mbuf *)null, SL_ON);
		break;
	case LOOP:
		for (;;)
			spins++;
	case SLEEP:
		for (;;)
			nanosleep(&(struct timespec){.tv_sec = 100}, NULL);
	case EDGE:
		break;
	}
}

static void process(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	const struct script *script = node->instance->config;

	if (script->emits)
		sl_emit(node, sl_copy(node, pkts[0]), SL_ON);
	if (script->holds && n > 1) {
		sl_hold(node, pkts[1]);
		*(struct rte_mbuf **)node->state = pkts[1];
		edge[1] = SL_HELD;
	}
	for (uint16_t i = 0; i < n && !script->tick && !script->collect; i++) {
		if (*number_of(pkts[i]) != script->at)
			continue;
		if (script->how == EDGE)
			edge[i] = 99;
		misbehave(node, script->how);
	}
}

static void tick(struct sl_node *node)
{
	const struct script *script = node->instance->config;

	if (script->tick)
		misbehave(node, script->how);
}

static uint32_t collect(struct sl_node *node, const void *args, uint64_t *cursor, void *records,
			uint32_t room)
{
	misbehave(node, ((const struct script *)node->instance->config)->how);
	return 0;
}

static uint16_t guard(struct sl_node *node, const uint64_t *handles,
		      const struct rte_mbuf *const *pkts, uint8_t *edge, uint16_t n, bool commit)
{
	misbehave(node, ((const struct script *)node->instance->config)->how);
	return n;
}

static void credit(struct sl_node *node, uint64_t handle, const struct sl_usage *usage)
{
	misbehave(node, ((const struct script *)node->instance->config)->how);
}

static const struct sl_node_type bad_type = {
	.name = "bad",
	.flags = SL_NODE_HOLDS | SL_NODE_TRAILS,
	.state_size = sizeof(void *),
	.process = process,
	.tick = tick,
	.tick_ms = 1,
	.guard = guard,
	.credit = credit,
};

static void pass(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
}
static const struct sl_node_type pass_type = {.name = "pass", .process = pass};

static void sink(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		bed.got_by[bed.got_count] = node->hop;
		bed.got[bed.got_count++] = *number_of(pkts[i]);
		rte_pktmbuf_free(pkts[i]);
		edge[i] = SL_SENT;
	}
}
static const struct sl_node_type sink_type = {.name = "sink", .process = sink};

/* first -> bad -> last, and a neighbour: first -> good -> last, by edge 2. */
static uint16_t first, bad, good, last;

static void spread(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		edge[i] = *number_of(pkts[i]) & 1 ? SL_EDGE_FIRST : SL_ON;
}
static const struct sl_node_type spread_type = {.name = "spread", .process = spread};

static void make(const struct script *script)
{
	sl_fault_install();
	sl_fault_adopt(thread);
	first = bed_hop(&spread_type, NULL, 3);
	bad = bed_hop(&bad_type, script, 2);
	good = bed_hop(&pass_type, NULL, 2);
	last = bed_hop(&sink_type, NULL, 2);
	sl_instance_belongs(bed.instances[bad], &plugin);
	bed.hops[first].edges[SL_ON] = bad;
	bed.hops[first].edges[2] = good;
	bed.hops[bad].edges[SL_ON] = last;
	bed.hops[good].edges[SL_ON] = last;
	bed_compile();
}

static void walk(uint32_t from, uint32_t n)
{
	bed_push(first, from, n);
	sl_graph_walk(bed.graph, rte_rdtsc());
	bed_balance();
}

static unsigned int neighbours(void)
{
	unsigned int count = 0;

	for (uint32_t i = 0; i < bed.got_count; i++)
		count += bed.got[i] & 1;
	return count;
}

static struct sl_fault taken(void)
{
	struct sl_fault fault;

	assert_true(sl_fault_take(&fault));
	assert_ptr_equal(fault.instance, bed.instances[bad]);
	for (unsigned int i = 0; i < fault.packet_count; i++)
		rte_pktmbuf_free(fault.packets[i]);
	return fault;
}

static int setup(void **state)
{
	bed_reset();
	plugin = (struct sl_loaded_plugin){0};
	thread = sl_fault_thread_new();
	return thread == NULL;
}

static int teardown(void **state)
{
	struct sl_fault fault;

	assert_false(sl_fault_take(&fault));
	sl_fault_disown();
	sl_fault_thread_free(thread);
	bed_close();
	return 0;
}

static bool names(const struct sl_fault *fault, const char *function)
{
	for (unsigned int i = 0; i < fault->cause.frame_count; i++) {
		struct sl_symbol symbol;

		sl_symbol_find((uintptr_t)fault->cause.frames[i], &symbol);
		/* The compiler may have made a variant of it. */
		if (strncmp(symbol.name, function, strlen(function)) == 0)
			return true;
	}
	return false;
}

static void expect_signal(enum how how, int signal, const char *in)
{
	const struct script script = {.how = how, .at = 10};
	struct sl_fault fault;

	make(&script);
	walk(0, 200);
	assert_int_equal(bed_drops(bad, SL_REASON_FAULT), 100);
	assert_int_equal(neighbours(), 100);
	fault = taken();
	assert_int_equal(fault.cause.kind, SL_FAULT_SIGNAL);
	assert_int_equal(fault.cause.signal, signal);
	assert_int_equal(fault.call, SL_CALL_PROCESS);
	assert_int_equal(fault.hop, bad);
	assert_int_equal(fault.burst, 100);
	assert_int_equal(fault.packet_count, SL_FAULT_PACKETS);
	if (in != NULL)
		assert_true(names(&fault, in));
	/* From now on it gets nothing. */
	walk(0, 200);
	assert_int_equal(bed_drops(bad, SL_REASON_FAULT), 100);
	assert_int_equal(bed_drops(bad, SL_REASON_QUARANTINE), 100);
	assert_int_equal(neighbours(), 200);
}

static void test_segv(void **state)
{
	expect_signal(SEGV, SIGSEGV, "process");
}

static void test_division(void **state)
{
#if !defined(__x86_64__)
	skip(); /* divides by zero without a word */
#endif
	expect_signal(FPE, SIGFPE, "process");
}

static void test_illegal(void **state)
{
	expect_signal(ILL, SIGILL, "process");
}

static void test_abort(void **state)
{
	expect_signal(ABORT, SIGABRT, "process");
}

static void test_no_code(void **state)
{
	expect_signal(NOWHERE_CODE, SIGSEGV, "process");
}

static void test_overflow(void **state)
{
	expect_signal(TOO_DEEP, SIGSEGV, "deeper");
}

static void test_no_packet(void **state)
{
	expect_signal(NO_PACKET, SIGSEGV, "process");
}

/* Many crashes one after the other: nothing is used up. */
static void test_again(void **state)
{
	const struct script script = {.how = SEGV, .at = 10};

	make(&script);
	for (int i = 0; i < 1000; i++) {
		walk(0, 40);
		taken();
		/* As in a fresh instance. */
		sl_instance_quarantine(bed.instances[bad], SL_QUARANTINE_NONE);
	}
	assert_int_equal(bed_drops(bad, SL_REASON_FAULT), 20 * 1000);
	assert_int_equal(neighbours(), 20 * 1000);
}

/* Several bursts wait for the hop: one is lost, the others get what the policy says, in order. */
static void test_bypass(void **state)
{
	const struct script script = {.how = SEGV, .at = 400};
	uint32_t before = 0;

	make(&script);
	atomic_store(&bed.instances[bad]->on_fault, SL_QUARANTINE_BYPASS);
	for (uint32_t i = 0; i < 4; i++)
		bed_push(bad, i * 200, 200);
	sl_graph_walk(bed.graph, rte_rdtsc());
	bed_balance();
	assert_int_equal(bed_drops(bad, SL_REASON_FAULT), 200);
	assert_int_equal(bed.got_count, 600);
	for (uint32_t i = 0; i < bed.got_count; i++) {
		assert_true(i == 0 || bed.got[i] > before);
		assert_true(bed.got[i] < 400 || bed.got[i] >= 600);
		before = bed.got[i];
	}
	taken();
	/* The operator changes their mind. */
	sl_instance_quarantine(bed.instances[bad], SL_QUARANTINE_DROP);
	bed_push(bad, 0, 10);
	sl_graph_walk(bed.graph, rte_rdtsc());
	assert_int_equal(bed_drops(bad, SL_REASON_QUARANTINE), 10);
	bed_balance();
}

/* What it emitted in the call is dropped; what it keeps stays with it. */
static void test_emitted_and_held(void **state)
{
	const struct script script = {.how = SEGV, .at = 300, .emits = true, .holds = true};
	struct sl_fault fault;

	make(&script);
	bed_push(bad, 0, 100);
	sl_graph_walk(bed.graph, rte_rdtsc());
	rte_pktmbuf_free(*(struct rte_mbuf **)sl_graph_node(bed.graph, bad)->state);
	bed_push(bad, 300, 100);
	sl_graph_walk(bed.graph, rte_rdtsc());
	assert_int_equal(bed_balance().held, 2);
	assert_int_equal(bed_balance().made, 2);
	assert_int_equal(bed.got_count, 100);
	/* The burst but for the one that is held, and the copy. */
	assert_int_equal(bed_drops(bad, SL_REASON_FAULT), 100);
	fault = taken();
	assert_int_equal(fault.burst, 100);
	rte_pktmbuf_free(*(struct rte_mbuf **)sl_graph_node(bed.graph, bad)->state);
}

static void test_wild_edge(void **state)
{
	const struct script script = {.how = EDGE, .at = 10};
	struct sl_fault fault;

	make(&script);
	walk(0, 200);
	assert_int_equal(bed_drops(bad, SL_REASON_BAD_EDGE), 1);
	assert_int_equal(bed.got_count, 199);
	fault = taken();
	assert_int_equal(fault.cause.kind, SL_FAULT_EDGE);
	assert_int_equal(fault.edge, 99);
	assert_int_equal(fault.packet_count, 1);
	walk(0, 200);
	assert_int_equal(bed_drops(bad, SL_REASON_QUARANTINE), 100);
	assert_int_equal(neighbours(), 200);
}

static void test_tick(void **state)
{
	const struct script script = {.how = SEGV, .tick = true};

	make(&script);
	walk(0, 200);
	assert_int_equal(bed.got_count, 200);
	sl_graph_tick(bed.graph, rte_rdtsc() + rte_get_tsc_hz());
	assert_int_equal(taken().call, SL_CALL_TICK);
	sl_graph_tick(bed.graph, rte_rdtsc() + 2 * rte_get_tsc_hz()); /* not called again */
	walk(0, 200);
	assert_int_equal(bed.got_count, 300);
}

static void test_collect(void **state)
{
	const struct script script = {.how = SEGV, .collect = true};
	const struct sl_command command = {.name = "list", .collect = collect};
	uint64_t cursor = 0;
	uint32_t got = 0;

	make(&script);
	for (int i = 0; i < 2; i++)
		assert_int_equal(
			sl_graph_collect(bed.graph, bad, &command, NULL, &cursor, NULL, 0, &got),
			-EFAULT);
	assert_int_equal(taken().call, SL_CALL_COLLECT);
}

static void test_guard_and_credit(void **state)
{
	const struct script script = {.how = SEGV, .collect = true};
	struct rte_mbuf *m = rte_pktmbuf_alloc(bed.pool);
	const struct rte_mbuf *pkts[] = {m, m, m};
	const uint64_t handles[] = {1, 2, 3};
	uint8_t edge[3] = {0};
	struct sl_usage usage = {0};
	struct sl_fault fault;
	struct sl_hop *hop;

	make(&script);
	hop = sl_hop_of(sl_graph_node(bed.graph, bad));
	rte_pktmbuf_append(m, 64);
	for (int i = 0; i < 2; i++) /* it has decided about none of them */
		assert_int_equal(sl_hop_guard(hop, handles, pkts, edge, 3, true), 0);
	fault = taken();
	assert_int_equal(fault.call, SL_CALL_GUARD);
	assert_int_equal(fault.packet_count, 3);
	assert_int_equal(fault.burst, 3);
	sl_hop_credit(hop, 1, &usage); /* not called */
	atomic_store(&bed.instances[bad]->quarantine, SL_QUARANTINE_NONE);
	sl_hop_credit(hop, 1, &usage);
	assert_int_equal(taken().call, SL_CALL_CREDIT);
	rte_pktmbuf_free(m);
}

/* What the main thread does when a worker does not come back. */
static void *watch(void *context)
{
	uint64_t before = 0;

	for (int same = 0; atomic_load(&thread->alive);
	     nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL)) {
		uint64_t place = sl_fault_place(thread);

		same = place == before ? same + 1 : 0;
		before = place;
		if (same > 10)
			sl_fault_accuse(thread, place, *(const bool *)context);
	}
	return NULL;
}

static void expect_stuck(enum how how, bool force)
{
	const struct script script = {.how = how, .at = 10};
	pthread_t watchdog;
	struct sl_fault fault;

	make(&script);
	assert_int_equal(pthread_create(&watchdog, NULL, watch, &force), 0);
	walk(0, 200);
	sl_fault_disown();
	pthread_join(watchdog, NULL);
	assert_int_equal(bed_drops(bad, SL_REASON_FAULT), 100);
	assert_int_equal(neighbours(), 100);
	fault = taken();
	assert_int_equal(fault.cause.kind, SL_FAULT_STUCK);
	assert_true(names(&fault, "process"));
}

static void test_loop(void **state)
{
	expect_stuck(LOOP, false);
}

/* In a function of the system's: only when it is forced. */
static void test_sleep(void **state)
{
	expect_stuck(SLEEP, true);
}

/* More faults than the main thread could take: they hold all the same. */
static void test_full(void **state)
{
	const struct script script = {.how = SEGV, .collect = true};
	uint64_t lost = sl_faults_lost();
	struct sl_usage usage = {0};
	struct sl_fault fault;
	unsigned int count = 0;

	make(&script);
	for (int i = 0; i < 100; i++) {
		atomic_store(&bed.instances[bad]->quarantine, SL_QUARANTINE_NONE);
		sl_hop_credit(sl_hop_of(sl_graph_node(bed.graph, bad)), 1, &usage);
		assert_int_equal(sl_instance_quarantined(bed.instances[bad]), SL_QUARANTINE_DROP);
	}
	while (sl_fault_take(&fault))
		count++;
	assert_int_equal(count + sl_faults_lost() - lost, 100);
	assert_true(count > 0);
}

/* The engine's own fault is told, and ends the program. */
static void test_engine(void **state)
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		for (int i = 1; i < NSIG; i++)
			signal(i, SIG_DFL); /* cmocka's */
		fclose(stderr);
		dup2(open("/dev/null", O_WRONLY), 2);
		sl_fault_install();
		sl_fault_adopt(thread);
		*null = 7;
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
#ifndef SL_SANITIZED
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSEGV);
#endif
}

static int open_bed(void **state)
{
	bed_open();
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_segv),      TEST(test_division),
		TEST(test_illegal),   TEST(test_abort),
		TEST(test_no_code),   TEST(test_overflow),
		TEST(test_no_packet), TEST(test_again),
		TEST(test_bypass),    TEST(test_emitted_and_held),
		TEST(test_wild_edge), TEST(test_tick),
		TEST(test_collect),   TEST(test_guard_and_credit),
		TEST(test_loop),      TEST(test_sleep),
		TEST(test_full),      cmocka_unit_test(test_engine),
	};

#ifdef SL_SANITIZED
	/* Sanitizers do not bear with handlers that are left by a jump from another stack:
	 * ThreadSanitizer's keep signals blocked, AddressSanitizer's allocator loses count. */
	cmocka_set_test_filter("test_wild_edge");
#endif
	return cmocka_run_group_tests(tests, open_bed, NULL);
}
