/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two workers over ports of the test's own: spreading, placement, jobs, quiescence, draining.
 * A packet's mark is the number of its session; its hash follows from it, as both ways have one.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_lcore.h>

#include <core/error/errors.h>
#include <core/fault/fault.h>
#include <core/worker/handoff.h>
#include <core/worker/spread.h>
#include <core/worker/worker.h>

#define SESSIONS  64
#define POOL_SIZE 8191
#define WORKERS   2

static struct rte_mempool *pool;
static struct sl_errors *errors;

/*
 * A port that receives what is left to give, SESSIONS sessions in turn.
 */
struct source {
	struct sl_port port;
	_Atomic uint32_t left;
	uint32_t next;
};

static uint32_t hash_of(uint32_t session)
{
	return session * 2654435761u;
}

static uint16_t source_rx(struct sl_port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct source *source = (struct source *)port;
	uint16_t i;

	for (i = 0; i < n && atomic_load(&source->left) > 0; i++) {
		pkts[i] = rte_pktmbuf_alloc(pool);
		if (pkts[i] == NULL)
			break;
		atomic_fetch_sub(&source->left, 1);
		assert_non_null(rte_pktmbuf_append(pkts[i], 64));
		memset(sl_packet(pkts[i]), 0, sizeof(struct sl_packet));
		sl_packet(pkts[i])->mark = source->next++ % SESSIONS;
		pkts[i]->hash.rss = hash_of(sl_packet(pkts[i])->mark);
	}
	return i;
}

/*
 * Node types: one that remembers which worker saw which session, one that ends the way.
 */
static _Atomic uint32_t seen[3][SESSIONS]; /* bit per worker, per node that looks */
static _Atomic uint64_t looked[3][WORKERS];
static _Atomic uint16_t lcore_of[3][WORKERS];
static _Atomic bool hang;

struct look {
	unsigned int number;
};

static int look_create(struct sl_instance *instance, const void *config, struct sl_errors *told)
{
	*(struct look *)sl_instance_data(instance) = *(const struct look *)config;
	return 0;
}

static void look_process(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	const struct look *look = node->data;
	unsigned int worker = rte_lcore_id() - 1;

	for (uint16_t i = 0; i < n; i++)
		atomic_fetch_or(&seen[look->number][sl_packet(pkts[i])->mark], 1u << worker);
	atomic_fetch_add(&looked[look->number][node->worker], n);
	lcore_of[look->number][node->worker] = (uint16_t)rte_lcore_id();
	while (atomic_load(&hang))
		rte_pause();
}

static const struct sl_node_type look_type = {
	.name = "look",
	.config_size = sizeof(struct look),
	.instance_size = sizeof(struct look),
	.create = look_create,
	.process = look_process,
};

static void end_process(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	rte_pktmbuf_free_bulk(pkts, n);
	memset(edge, SL_SENT, n);
}

static const struct sl_node_type end_type = {.name = "end", .process = end_process};

static _Atomic uint32_t crash_at; /* session over which spread() stumbles; 0: none */
static int *volatile nowhere;

/* Everything to the worker of an odd number, whatever the hash says. */
static uint32_t odd_spread(const struct sl_instance *instance, const struct rte_mbuf *m,
			   enum sl_side from, uint32_t workers)
{
	if (crash_at != 0 && sl_packet(m)->mark == crash_at)
		*nowhere = 1;
	return sl_packet(m)->mark & 1;
}

static const struct sl_node_type odd_type = {
	.name = "odd",
	.config_size = sizeof(struct look),
	.instance_size = sizeof(struct look),
	.create = look_create,
	.process = look_process,
	.spread = odd_spread,
};

/*
 * The bed: source a -> spread a -> A -> B -> end, and the same for source b, B being one
 * instance for both.
 */
enum { IN_A, SPREAD_A, LOOK_A, IN_B, SPREAD_B, LOOK_B, LOOK_COMMON, END, HOPS };

struct bed {
	struct source source[2];
	struct sl_worker *workers[WORKERS];
	struct sl_worker_graph graphs[WORKERS];
	struct sl_poll polls[WORKERS];
	struct sl_instance *instances[HOPS];
	struct sl_graph_hop hops[HOPS];
	struct sl_handoff *handoff;
	struct sl_spread_config spread[2];
	struct look looks[3];
};

static struct bed bed;

static void make_instance(unsigned int hop, const struct sl_node_type *type, const void *config)
{
	struct sl_graph_hop *h = &bed.hops[hop];

	bed.instances[hop] = sl_instance_new(type, type->name, config, 0,
					     (uint32_t)__builtin_popcountll(h->workers), errors);
	assert_non_null(bed.instances[hop]);
	h->instance = bed.instances[hop];
	h->name = type->name;
}

static void lead(unsigned int from, unsigned int to)
{
	struct sl_graph_hop *h = &bed.hops[from];

	h->edge_count = 2;
	for (unsigned int e = 0; e <= SL_EDGE_LAST; e++)
		h->edges[e] = SL_GRAPH_NO_HOP;
	h->edges[SL_ON] = (uint16_t)to;
}

static void make_spread(unsigned int i, unsigned int hop, unsigned int next, struct sl_instance *by)
{
	bed.spread[i] = (struct sl_spread_config){.handoff = bed.handoff, .resume = (uint16_t)next};
	sl_spread_rule_init(&bed.spread[i].rule, 3, by, NULL, SL_INSIDE);
	make_instance(hop, &sl_spread_type, &bed.spread[i]);
	lead(hop, next);
}

/* common: workers of the hop that both ways share; end: of the last; odd: it has a spread(). */
static void set_up(uint64_t common, uint64_t end, bool odd, const struct sl_idle_config *idle)
{
	memset(&bed, 0, sizeof(bed));
	memset((void *)seen, 0, sizeof(seen));
	memset((void *)looked, 0, sizeof(looked));
	errors = sl_errors_new();
	bed.handoff = calloc(1, sizeof(*bed.handoff) + HOPS * sizeof(struct sl_spread_rule));
	bed.handoff->workers = bed.workers;
	bed.handoff->worker_count = WORKERS;
	bed.handoff->hop_count = HOPS;
	for (unsigned int i = 0; i < HOPS; i++)
		bed.hops[i].workers = 3;
	bed.hops[LOOK_COMMON].workers = common;
	bed.hops[END].workers = end;
	for (unsigned int i = 0; i < 3; i++)
		bed.looks[i].number = i;
	for (unsigned int i = 0; i < HOPS; i++)
		sl_spread_rule_init(&bed.handoff->hops[i], bed.hops[i].workers, NULL, NULL,
				    SL_INSIDE);
	make_instance(LOOK_COMMON, odd ? &odd_type : &look_type, &bed.looks[2]);
	make_instance(IN_A, &look_type, &bed.looks[0]);
	make_instance(LOOK_A, &look_type, &bed.looks[0]);
	make_instance(IN_B, &look_type, &bed.looks[1]);
	make_instance(LOOK_B, &look_type, &bed.looks[1]);
	make_instance(END, &end_type, NULL);
	make_spread(0, SPREAD_A, LOOK_A, odd ? bed.instances[LOOK_COMMON] : NULL);
	make_spread(1, SPREAD_B, LOOK_B, odd ? bed.instances[LOOK_COMMON] : NULL);
	lead(IN_A, SPREAD_A);
	lead(LOOK_A, LOOK_COMMON);
	lead(IN_B, SPREAD_B);
	lead(LOOK_B, LOOK_COMMON);
	lead(LOOK_COMMON, END);
	lead(END, SL_GRAPH_NO_HOP);
	bed.looks[0].number = bed.looks[1].number = 0;
	for (uint16_t w = 0; w < WORKERS; w++) {
		struct sl_graph_conf conf = {.hops = bed.hops,
					     .hop_count = HOPS,
					     .worker = w,
					     .pool = pool,
					     .handoff = sl_handoff,
					     .handoff_context = bed.handoff};

		bed.workers[w] = sl_worker_new(w, w + 1u, 32, idle, errors);
		assert_non_null(bed.workers[w]);
		sl_worker_share_core(bed.workers[w]);
		bed.source[w].port.rx = source_rx;
		bed.source[w].port.ethdev = RTE_MAX_ETHPORTS;
		bed.polls[w] =
			(struct sl_poll){.port = &bed.source[w].port, .hop = w == 0 ? IN_A : IN_B};
		bed.graphs[w] = (struct sl_worker_graph){.graph = sl_graph_new(&conf, errors),
							 .polls = &bed.polls[w],
							 .poll_count = 1};
		assert_non_null(bed.graphs[w].graph);
		assert_null(sl_worker_publish(bed.workers[w], &bed.graphs[w]));
		assert_int_equal(sl_worker_launch(bed.workers[w], errors), 0);
	}
}

static void tear_down(void)
{
	for (unsigned int w = 0; w < WORKERS; w++)
		sl_worker_free(bed.workers[w]);
	for (unsigned int w = 0; w < WORKERS; w++)
		sl_graph_free(bed.graphs[w].graph);
	for (unsigned int i = 0; i < HOPS; i++)
		sl_instance_free(bed.instances[i]);
	free(bed.handoff);
	sl_errors_free(errors);
	assert_int_equal(rte_mempool_avail_count(pool), POOL_SIZE);
}

static void nap_ms(long n)
{
	nanosleep(&(struct timespec){.tv_nsec = n * 1000000}, NULL);
}

/* All terms of the law over both workers and their inboxes; returns whether anything moves. */
static bool sums(struct sl_ledger *sum, uint64_t *polled)
{
	uint64_t inbox = 0;

	memset(sum, 0, sizeof(*sum));
	*polled = 0;
	for (unsigned int w = 0; w < WORKERS; w++) {
		struct sl_ledger one;
		struct sl_worker_stats stats;

		sl_graph_ledger(bed.graphs[w].graph, &one);
		sl_worker_stats(bed.workers[w], &stats);
		sum->sent += one.sent;
		sum->dropped += one.dropped;
		sum->pending += one.pending;
		*polled += stats.polled;
		inbox += stats.inbox_in - stats.inbox_out;
	}
	return sum->pending != 0 || inbox != 0;
}

static void expect_through(uint32_t total)
{
	struct sl_ledger sum;
	uint64_t polled;

	for (int i = 0; i < 5000; i++) {
		if (!sums(&sum, &polled) && polled == total && sum.sent + sum.dropped == total)
			break;
		nap_ms(1);
	}
	assert_int_equal(polled, total);
	assert_int_equal(sum.sent + sum.dropped, total);
}

static const struct sl_idle_config resting = {.pause_after = 16, .sleep_after = 64, .sleep_us = 50};

static void give(uint32_t each)
{
	atomic_store(&bed.source[0].left, each);
	atomic_store(&bed.source[1].left, each);
}

static void test_spread(void **state)
{
	unsigned int on[WORKERS] = {0};

	set_up(3, 3, false, &resting);
	give(5000);
	expect_through(10000);
	/* Both ways of a session are on one worker, and all sessions are not. */
	for (unsigned int s = 0; s < SESSIONS; s++) {
		assert_int_equal(__builtin_popcount(seen[2][s]), 1);
		on[seen[2][s] - 1]++;
	}
	assert_true(on[0] > 0 && on[1] > 0);
	tear_down();
}

static void test_spread_by_type(void **state)
{
	set_up(3, 3, true, &resting);
	give(5000);
	expect_through(10000);
	for (unsigned int s = 0; s < SESSIONS; s++)
		assert_int_equal(seen[2][s], 1u << (s & 1));
	tear_down();
}

#ifndef SL_SANITIZED /* see tests/unit/graph/test_contain.c */
/* Where its instance is bypassed, not a packet is lost over it. */
static void test_crash_in_spread(void **state)
{
	unsigned int count = 0;
	struct sl_fault fault;
	struct sl_ledger sum;
	uint64_t polled;

	sl_fault_install();
	set_up(3, 3, true, &resting);
	atomic_store(&bed.instances[LOOK_COMMON]->on_fault, SL_QUARANTINE_BYPASS);
	give(500);
	expect_through(1000);
	atomic_store(&crash_at, 9);
	give(5000);
	expect_through(11000);
	assert_int_equal(sl_instance_quarantined(bed.instances[LOOK_COMMON]), SL_QUARANTINE_BYPASS);
	while (sl_fault_take(&fault)) {
		assert_int_equal(fault.call, SL_CALL_SPREAD);
		assert_int_equal(fault.cause.signal, SIGSEGV);
		assert_ptr_equal(fault.instance, bed.instances[LOOK_COMMON]);
		assert_true(fault.worker < WORKERS);
		count++;
	}
	assert_in_range(count, 1, WORKERS);
	sums(&sum, &polled);
	assert_int_equal(sum.dropped, 0);
	atomic_store(&crash_at, 0);
	tear_down();
}
#endif

static void test_placement(void **state)
{
	set_up(2, 1, false, &resting);
	/* No more than an inbox holds: none is refused. */
	give(1500);
	expect_through(3000);
	for (unsigned int s = 0; s < SESSIONS; s++)
		assert_int_equal(seen[2][s], 2);
	/* The placed instance has one worker, whose number is 0 for it. */
	assert_int_equal(looked[2][0], 3000);
	assert_int_equal(lcore_of[2][0], 2);
	tear_down();
}

struct count_job {
	struct sl_worker_job job;
	unsigned int lcore;
};

static void count_run(struct sl_worker *worker, struct sl_worker_job *job)
{
	((struct count_job *)job)->lcore = rte_lcore_id();
}

static void test_home(void **state)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	struct sl_worker_stats stats[WORKERS];
	struct count_job job = {.job.run = count_run};

	set_up(3, 3, false, &resting);
	memset(sl_packet(m), 0, sizeof(struct sl_packet));
	assert_non_null(rte_pktmbuf_append(m, 64));
	/* The hash says one, its home the other. */
	for (uint16_t home = 0; home < WORKERS; home++) {
		m->hash.rss = home ^ 1;
		sl_handoff_set_home(m, home);
		sl_worker_quiesce(bed.workers[home]);
		rte_mbuf_refcnt_update(m, 1);
		assert_int_equal(sl_handoff(bed.handoff, END, &m, 1), 1);
		nap_ms(5);
		assert_int_equal(sl_worker_run(bed.workers[home], &job.job), 0);
		sl_worker_stats(bed.workers[home], &stats[home]);
		assert_int_equal(stats[home].inbox_out, 1);
	}
	/* What sluice made has none. */
	sl_packet(m)->flags = SL_PKT_MADE;
	m->hash.rss = 0;
	assert_int_equal(sl_handoff(bed.handoff, END, &m, 1), 1);
	nap_ms(5);
	sl_worker_stats(bed.workers[0], &stats[0]);
	assert_int_equal(stats[0].inbox_out, 2);
	tear_down();
}

static void test_jobs(void **state)
{
	struct count_job job = {.job.run = count_run};

	set_up(3, 3, false, &resting);
	for (unsigned int w = 0; w < WORKERS; w++) {
		assert_int_equal(sl_worker_run(bed.workers[w], &job.job), 0);
		assert_int_equal(job.lcore, w + 1);
	}
	/* A stopped worker's job runs where it is asked for. */
	assert_int_equal(sl_worker_stop(bed.workers[0], true), 0);
	assert_int_equal(sl_worker_run(bed.workers[0], &job.job), 0);
	assert_int_equal(job.lcore, 0);
	tear_down();
}

static void test_hang(void **state)
{
	struct count_job job = {.job.run = count_run, .lcore = 99};
	struct sl_worker_stats stats;

	set_up(3, 3, false, &resting);
	hang = true;
	give(1);
	nap_ms(50);
	assert_int_equal(sl_worker_run(bed.workers[0], &job.job), -ETIMEDOUT);
	assert_int_equal(sl_worker_stop(bed.workers[0], true), -ETIMEDOUT);
	sl_worker_stats(bed.workers[0], &stats);
	assert_true(rte_rdtsc() - stats.heartbeat > rte_get_tsc_hz() / 2);
	assert_true(sl_graph_current(bed.graphs[0].graph) < HOPS);
	hang = false;
	nap_ms(50);
	assert_int_equal(job.lcore, 99);
	tear_down();
}

static void test_quiesce(void **state)
{
	struct sl_ledger sum;
	uint64_t polled;

	set_up(3, 3, false, &resting);
	for (unsigned int w = 0; w < WORKERS; w++)
		sl_worker_quiesce(bed.workers[w]);
	nap_ms(20);
	give(100);
	nap_ms(20);
	assert_false(sums(&sum, &polled));
	assert_int_equal(polled, 0);
	tear_down();
}

static void test_synchronize(void **state)
{
	set_up(3, 3, false, &resting);
	give(20000);
	for (int i = 0; i < 50; i++) {
		struct sl_worker_graph *graph = sl_worker_publish(bed.workers[0], NULL);

		assert_ptr_equal(graph, &bed.graphs[0]);
		sl_synchronize();
		/* Nobody walks it now. */
		assert_int_equal(sl_graph_current(graph->graph), SL_GRAPH_NO_HOP);
		assert_null(sl_worker_publish(bed.workers[0], graph));
	}
	expect_through(40000);
	tear_down();
}

static void test_idle(void **state)
{
	static const struct sl_idle_config awake = {.performance = true};
	struct sl_worker_stats stats;

	set_up(3, 3, false, &resting);
	nap_ms(100);
	sl_worker_stats(bed.workers[0], &stats);
	assert_true(stats.sleeps > 100);
	assert_true(stats.idle_cycles > 0);
	tear_down();
	set_up(3, 3, false, &awake);
	nap_ms(50);
	sl_worker_stats(bed.workers[0], &stats);
	assert_int_equal(stats.sleeps, 0);
	tear_down();
}

static void test_full_inbox(void **state)
{
	struct rte_mbuf *pkts[SL_BURST];
	struct sl_ledger sum;
	uint64_t polled, taken = 0;

	set_up(3, 3, false, &resting);
	assert_int_equal(sl_worker_stop(bed.workers[1], true), 0);
	for (unsigned int round = 0; round < 20; round++) {
		uint16_t n;

		assert_int_equal(rte_pktmbuf_alloc_bulk(pool, pkts, SL_BURST), 0);
		for (unsigned int i = 0; i < SL_BURST; i++) {
			memset(sl_packet(pkts[i]), 0, sizeof(struct sl_packet));
			sl_packet(pkts[i])->mark = i;
			sl_handoff_set_home(pkts[i], 1);
		}
		n = sl_handoff(bed.handoff, LOOK_COMMON, pkts, SL_BURST);
		taken += n;
		rte_pktmbuf_free_bulk(&pkts[n], SL_BURST - n);
	}
	assert_in_range(taken, 4000, 4096);
	assert_true(sums(&sum, &polled));
	assert_int_equal(sl_worker_empty_inbox(bed.workers[1]), taken);
	tear_down();
}

static int start(void **state)
{
	static const char *const args[] = {
		"test",
		"--no-huge",
		"-m128",
		"--no-pci",
		"--no-shconf",
		"--log-level=error",
		"--lcores=0@0,1@0,2@0",
		"--main-lcore=0",
	};
	char *argv[RTE_DIM(args)];

	memcpy(argv, args, sizeof(argv));
	if (rte_eal_init(RTE_DIM(args), argv) < 0)
		return -1;
	pool = rte_pktmbuf_pool_create("test", POOL_SIZE, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       SOCKET_ID_ANY);
	return pool == NULL ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spread),
		cmocka_unit_test(test_spread_by_type),
		cmocka_unit_test(test_placement),
		cmocka_unit_test(test_home),
		cmocka_unit_test(test_jobs),
		cmocka_unit_test(test_hang),
		cmocka_unit_test(test_quiesce),
		cmocka_unit_test(test_synchronize),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_full_inbox),
#ifndef SL_SANITIZED
		cmocka_unit_test(test_crash_in_spread),
#endif
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
