/* SPDX-License-Identifier: BSD-3-Clause */
#include "bed.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

struct bed bed;

/* A node that does nothing: SL_ON for all. */
static void pass(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		assert_int_equal(edge[i], SL_ON);
}
static const struct sl_node_type pass_type = {.name = "pass", .process = pass};

/* Notes and frees; the engine's own, as bed instances belong to no plugin. */
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

/* Sends each packet where config, a function of its number, says. */
typedef uint8_t (*route_fn)(uint32_t number);
static const struct sl_name route_reasons[] = {{"one", ""}, {"two", ""}, {NULL, NULL}};
static void route(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	route_fn to = *(const route_fn *)node->instance->config;

	for (uint16_t i = 0; i < n; i++)
		edge[i] = to(*number_of(pkts[i]));
}
static const struct sl_node_type route_type = {
	.name = "route", .reasons = route_reasons, .process = route};

static uint8_t to_four(uint32_t number)
{
	return (uint8_t)(number * 2654435761u >> 30);
}

static uint8_t to_wild(uint32_t number)
{
	static const uint8_t edges[] = {SL_ON,      SL_BACK,    2,       90,  SL_DROP(0),
					SL_DROP(1), SL_DROP(2), SL_HELD, 127, 255};

	return edges[number % RTE_DIM(edges)];
}

static uint8_t to_two(uint32_t number)
{
	return 2;
}

static uint8_t to_back(uint32_t number)
{
	return SL_BACK;
}

static int setup(void **state)
{
	bed_reset();
	return 0;
}

static int teardown(void **state)
{
	bed_close();
	return 0;
}

static uint32_t rank_of(uint16_t hop)
{
	return sl_hop_of(sl_graph_node(bed.graph, hop))->rank;
}

/* The order is topological whatever order the plan lists hops in. */
static void test_order(void **state)
{
	for (int i = 0; i < 40; i++)
		bed_hop(&pass_type, NULL, 4);
	srand(1);
	/* Edges only from hops to those with a greater scrambled number: no cycles. */
	for (unsigned int i = 0; i < 40; i++)
		for (unsigned int e = 0; e < 4; e++) {
			unsigned int j = (unsigned int)rand() % 40;

			if (e != SL_BACK && i * 7 % 40 < j * 7 % 40)
				bed.hops[i].edges[e] = (uint16_t)j;
		}
	bed_compile();
	for (uint16_t i = 0; i < 40; i++)
		for (unsigned int e = 0; e < 4; e++)
			if (bed.hops[i].edges[e] != NOWHERE)
				assert_true(rank_of(i) < rank_of(bed.hops[i].edges[e]));
}

static void test_whole_frame(void **state)
{
	uint16_t a = bed_hop(&pass_type, NULL, 2), b = bed_hop(&pass_type, NULL, 2);
	uint16_t end = bed_hop(&sink_type, NULL, 2);
	struct sl_hop_stats stats;
	struct sl_frame *frame;
	uint64_t bytes = 0;

	bed.hops[a].edges[SL_ON] = b;
	bed.hops[b].edges[SL_ON] = end;
	bed_compile();
	bed_push(a, 0, 200);
	for (uint32_t i = 0; i < 200; i++)
		bytes += 64 + i % 100;
	frame = bed.graph->by_number[a]->first;
	assert_int_equal(bed_balance().pending, 200);
	assert_int_equal(sl_graph_walk(bed.graph, 7), 600);
	assert_ptr_equal(bed.graph->free, frame); /* it went all the way, and back */
	for (uint16_t hop = a; hop <= end; hop++) {
		stats = bed_stats(hop);
		assert_int_equal(stats.calls, 1);
		assert_int_equal(stats.packets, 200);
		assert_int_equal(stats.bytes, bytes);
		assert_true(stats.cycles > 0);
	}
	assert_int_equal(bed.got_count, 200);
	for (uint32_t i = 0; i < 200; i++)
		assert_int_equal(bed.got[i], i);
	assert_int_equal(bed_balance().sent, 200);
	assert_int_equal(bed_balance().pending, 0);
}

/* All to one edge that is not SL_ON: moved by pointer too, and the next call gets zeros. */
static void test_whole_frame_aside(void **state)
{
	static const route_fn two = to_two;
	uint16_t a = bed_hop(&route_type, &two, 3), b = bed_hop(&pass_type, NULL, 2);
	uint16_t end = bed_hop(&sink_type, NULL, 2);
	struct sl_frame *frame;

	bed.hops[a].edges[2] = b;
	bed.hops[b].edges[SL_ON] = end;
	bed_compile();
	bed_push(a, 0, 77);
	frame = bed.graph->by_number[a]->first;
	sl_graph_walk(bed.graph, 7);
	assert_ptr_equal(bed.graph->free, frame);
	assert_int_equal(bed.got_count, 77);
	assert_int_equal(bed_balance().sent, 77);
}

/* Order is kept on each edge when a burst splits and when the ways merge again. */
static void test_split_merge(void **state)
{
	static const route_fn four = to_four;
	static const uint16_t bursts[] = {1,  2,  7,  8,   9,   31,  32, 33,
					  63, 64, 65, 127, 200, 255, 256};
	uint16_t a = bed_hop(&route_type, &four, 4), ways[4], end;
	uint32_t pushed = 0;

	for (unsigned int i = 0; i < 4; i++)
		ways[i] = bed_hop(&pass_type, NULL, 2);
	end = bed_hop(&sink_type, NULL, 2);
	for (unsigned int i = 0; i < 4; i++) {
		bed.hops[a].edges[i] = ways[i];
		bed.hops[ways[i]].edges[SL_ON] = end;
	}
	bed_compile();
	for (unsigned int i = 0; i < RTE_DIM(bursts); i++) {
		uint32_t last[4] = {0}, first = bed.got_count;

		bed_push(a, pushed, bursts[i]);
		bed_push(a, pushed + bursts[i], bursts[i]);
		pushed += 2u * bursts[i];
		sl_graph_walk(bed.graph, 7);
		assert_int_equal(bed.got_count, pushed);
		for (uint32_t j = first; j < bed.got_count; j++) {
			uint8_t way = to_four(bed.got[j]);

			assert_true(bed.got[j] + 1 > last[way]);
			last[way] = bed.got[j] + 1;
		}
		bed_balance();
	}
	assert_int_equal(bed_stats(end).packets, pushed);
	assert_int_equal(bed_stats(end).bytes, bed_stats(a).bytes);
}

/* A hop that others have sent to already gets all in one call, the earlier first. */
static uint8_t to_either(uint32_t number)
{
	return number % 2 == 0 ? SL_ON : 2;
}

static void test_merge_first(void **state)
{
	static const route_fn either = to_either;
	uint16_t a = bed_hop(&route_type, &either, 3), b = bed_hop(&pass_type, NULL, 2);
	uint16_t end = bed_hop(&sink_type, NULL, 2);

	bed.hops[a].edges[SL_ON] = b;
	bed.hops[a].edges[2] = end;
	bed.hops[b].edges[SL_ON] = end;
	bed_compile();
	bed_push(a, 0, 200);
	sl_graph_walk(bed.graph, 7);
	assert_int_equal(bed_stats(end).calls, 1);
	for (uint32_t i = 0; i < 200; i++)
		assert_int_equal(bed.got[i], i < 100 ? 2 * i + 1 : 2 * (i - 100));
	bed_balance();
}

/* Edges that do not exist, that lead nowhere, drops of one's own, things only others may do. */
static void test_bad_edges(void **state)
{
	static const route_fn wild = to_wild;
	uint16_t a = bed_hop(&route_type, &wild, 3);
	uint16_t end = bed_hop(&sink_type, NULL, 2);

	bed.hops[a].edges[SL_ON] = end;
	bed.hops[a].edges[2] = end;
	bed_compile();
	bed_push(a, 0, 250);
	sl_graph_walk(bed.graph, 7);
	assert_int_equal(bed.got_count, 50);
	assert_int_equal(sl_graph_drops(bed.graph, a, 0), 25);
	assert_int_equal(sl_graph_drops(bed.graph, a, 1), 25);
	assert_int_equal(bed_drops(a, SL_REASON_NO_WAY), 25);
	/* 90, SL_DROP(2), SL_HELD of a type that does not hold, 127, 255 */
	assert_int_equal(bed_drops(a, SL_REASON_BAD_EDGE), 125);
	assert_int_equal(bed_stats(a).drops, 200);
	assert_int_equal(bed_balance().dropped, 200);
}

/* A plugin may not say that it sent a packet. */
static uint8_t to_sent(uint32_t number)
{
	return (uint8_t)(SL_HANDED + number % 3);
}

static void test_not_own(void **state)
{
	static const route_fn sent = to_sent;
	static struct sl_loaded_plugin plugin;
	uint16_t a = bed_hop(&route_type, &sent, 2);

	bed.instances[a]->plugin = &plugin;
	bed_compile();
	bed_push(a, 0, 90);
	sl_graph_walk(bed.graph, 7);
	assert_int_equal(bed_drops(a, SL_REASON_BAD_EDGE), 90);
	bed_balance();
	bed.instances[a]->plugin = NULL;
}

/* Two hops that send packets back to each other for ever. */
static void test_hairpin_limit(void **state)
{
	static const route_fn back = to_back;
	uint16_t a = bed_hop(&route_type, &back, 2), b = bed_hop(&route_type, &back, 2);

	bed.hops[a].edges[SL_BACK] = b;
	bed.hops[b].edges[SL_BACK] = a;
	bed.conf.max_rounds = 5;
	bed_compile();
	bed_push(a, 0, 100);
	sl_graph_walk(bed.graph, 7);
	assert_int_equal(bed_drops(a, SL_REASON_ROUNDS) + bed_drops(b, SL_REASON_ROUNDS), 100);
	assert_int_equal(bed_stats(a).packets + bed_stats(b).packets, 2 * 100 * 5 + 200);
	bed_balance();
}

/* A hop that leads to itself works, up to the limit. */
static void test_self_loop(void **state)
{
	uint16_t a = bed_hop(&pass_type, NULL, 2);

	bed.hops[a].edges[SL_ON] = a;
	bed_compile();
	bed_push(a, 0, 256);
	sl_graph_walk(bed.graph, 7);
	assert_int_equal(bed_drops(a, SL_REASON_ROUNDS), 256);
	assert_int_equal(bed_stats(a).calls, 17);
	bed_balance();
}

/* Emits a copy of every third packet on edge 2, a new packet for every fifth, drops others. */
static void emit(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		uint32_t number = *number_of(pkts[i]);
		struct rte_mbuf *m;

		if (number % 3 == 0) {
			m = sl_copy(node, pkts[i]);
			assert_non_null(m);
			assert_true(sl_packet(m)->flags & SL_PKT_MADE);
			assert_int_equal(m->pkt_len, pkts[i]->pkt_len);
			*number_of(m) = number + 10000;
			sl_emit(node, m, 2);
			m = sl_copy(node, pkts[i]);
			*number_of(m) = number + 10000;
			sl_emit(node, m, 2);
		}
		if (number % 5 == 0) {
			m = sl_make(node, 60);
			assert_non_null(m);
			assert_int_equal(m->data_off, 128);
			*number_of(m) = number + 20000;
			sl_emit(node, m, number % 2 == 0 ? SL_ON : SL_DROP(0));
		}
	}
	assert_null(sl_make(node, 10000));
}
static const struct sl_node_type emit_type = {
	.name = "emit", .reasons = route_reasons, .process = emit};

static void test_emit(void **state)
{
	uint16_t a = bed_hop(&emit_type, NULL, 3), end = bed_hop(&sink_type, NULL, 2);
	uint16_t mirror = bed_hop(&sink_type, NULL, 2);
	uint32_t mirrored = 0;

	bed.hops[a].edges[SL_ON] = end;
	bed.hops[a].edges[2] = mirror;
	bed_compile();
	for (uint32_t i = 0; i < 4; i++)
		bed_push(a, i * 255, 255);
	sl_graph_walk(bed.graph, 7);
	assert_int_equal(bed_stats(mirror).packets, 2 * 340);
	assert_int_equal(bed_stats(a).emitted, 2 * 340 + 204);
	assert_int_equal(bed_balance().made, 2 * 340 + 204);
	assert_int_equal(sl_graph_drops(bed.graph, a, 0), 102);
	assert_int_equal(bed_stats(end).packets, 1020 + 102);
	for (uint32_t i = 0; i < bed.got_count; i++)
		if (bed.got_by[i] == mirror)
			assert_int_equal(bed.got[i], 10000 + mirrored++ / 2 * 3);
	assert_int_equal(mirrored, 680);
}

/* Holds what comes; lets go in tick(), through the hop that ticks, whichever held it. */
struct holder {
	struct rte_mbuf *kept[1024];
	uint32_t count;
};
static void hold(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	struct holder *holder = node->state;

	for (uint16_t i = 0; i < n; i++) {
		if (*number_of(pkts[i]) % 2 == 0)
			continue;
		holder->kept[holder->count++] = pkts[i];
		sl_hold(node, pkts[i]);
		edge[i] = SL_HELD;
	}
}
static void let_go(struct sl_node *node)
{
	struct holder *holder = node->state;

	for (uint32_t i = 0; i < holder->count; i++)
		sl_release(node, holder->kept[i], SL_ON);
	holder->count = 0;
}
static const struct sl_node_type hold_type = {.name = "hold",
					      .flags = SL_NODE_HOLDS,
					      .state_size = sizeof(struct holder),
					      .process = hold,
					      .tick = let_go,
					      .tick_ms = 1};

static void test_hold_release(void **state)
{
	uint16_t there = bed_hop(&hold_type, NULL, 2), again = bed_hop(&pass_type, NULL, 2);
	uint16_t end = bed_hop(&sink_type, NULL, 2), other_end = bed_hop(&sink_type, NULL, 2);

	bed.hops[again].instance = bed.hops[there].instance; /* the way back */
	bed.hops[there].edges[SL_ON] = end;
	bed.hops[again].edges[SL_ON] = other_end;
	bed_compile();
	bed_push(there, 0, 256);
	bed_push(again, 1000, 256);
	sl_graph_walk(bed.graph, 7);
	assert_int_equal(bed.got_count, 256);
	assert_int_equal(bed_balance().held, 256);
	assert_int_equal(bed_stats(there).held, 128);
	sl_graph_tick(bed.graph, 0); /* not yet due */
	assert_int_equal(bed_balance().held, 256);
	sl_graph_tick(bed.graph, UINT64_MAX / 2);
	assert_int_equal(bed_balance().held, 0);
	assert_int_equal(bed_balance().pending, 256);
	sl_graph_walk(bed.graph, 7);
	assert_int_equal(bed.got_count, 512);
	for (uint32_t i = 0; i < 512; i++)
		assert_int_equal(bed.got_by[i], bed.got[i] < 1000 ? end : other_end);
	assert_int_equal(bed_stats(again).held, 0);
	bed_balance();
}

/* A hop that runs elsewhere gets its packets in order; what the other side refuses is dropped. */
static uint32_t handed[MOST], handed_count;
static uint16_t hand_off(void *context, uint16_t hop, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t most = *(uint16_t *)context;

	n = RTE_MIN(n, most);
	assert_int_equal(hop, 1);
	for (uint16_t i = 0; i < n; i++)
		handed[handed_count++] = *number_of(pkts[i]);
	rte_pktmbuf_free_bulk(pkts, n);
	return n;
}

static void test_handoff(void **state)
{
	uint16_t a = bed_hop(&pass_type, NULL, 2), b = bed_hop(&route_type, NULL, 2);
	uint16_t most = 256;

	bed.hops[a].edges[SL_ON] = b;
	bed.hops[b].workers = 6;
	bed.conf.handoff = hand_off;
	bed.conf.handoff_context = &most;
	bed_compile();
	handed_count = 0;
	bed_push(a, 0, 256);
	sl_graph_walk(bed.graph, 7);
	assert_int_equal(handed_count, 256);
	for (uint32_t i = 0; i < 256; i++)
		assert_int_equal(handed[i], i);
	most = 100;
	bed_push(b, 0, 256);
	sl_graph_walk(bed.graph, 7);
	assert_int_equal(bed_balance().handed, 356);
	assert_int_equal(bed_drops(b, SL_REASON_HANDOFF), 156);
	assert_int_equal(bed_stats(b).packets, 0); /* its worker counts them */
	assert_int_equal(bed_stats(b).drops, 156);
}

/* Lengths that a node changes are counted as they are afterwards. */
static void grow(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		rte_pktmbuf_append(pkts[i], 10);
}
static const struct sl_node_type grow_type = {
	.name = "grow", .flags = SL_NODE_RESIZES, .process = grow};

static void test_resize(void **state)
{
	uint16_t a = bed_hop(&grow_type, NULL, 2), end = bed_hop(&sink_type, NULL, 2);

	bed.hops[a].edges[SL_ON] = end;
	bed_compile();
	bed_push(a, 0, 100);
	sl_graph_walk(bed.graph, 7);
	assert_int_equal(bed_stats(end).bytes, bed_stats(a).bytes + 1000);
	assert_int_equal(bed_stats(end).packets, 100);
}

static bool no_event(void *context, struct sl_instance *instance, uint32_t event, const void *data,
		     uint32_t size)
{
	return event == 3 && size == 5 && memcmp(data, "event", 5) == 0;
}

static void test_event(void **state)
{
	uint16_t a = bed_hop(&pass_type, NULL, 2);
	struct sl_node *node;

	bed.conf.event = no_event;
	bed_compile();
	node = sl_graph_node(bed.graph, a);
	assert_true(sl_event(node, 3, "event", 5));
	assert_false(sl_event(node, 4, "event", 5));
	assert_int_equal(bed_stats(a).lost_events, 1);
	assert_true(sl_hz() > 1000000);
}

/* Packets that are still in the graph when it goes are freed: bed_close() counts them. */
static void test_free_pending(void **state)
{
	uint16_t a = bed_hop(&pass_type, NULL, 2);

	bed_compile();
	for (uint32_t i = 0; i < 5; i++)
		bed_push(a, 0, 200);
	assert_int_equal(bed_balance().pending, 1000);
}

/* Another thread reads the counters meanwhile: they never go back (and ThreadSanitizer looks on).
 */
static atomic_bool reading_ends;

static void *read_counters(void *hop)
{
	struct sl_hop_stats stats, before = {0};
	struct sl_ledger ledger;
	uint64_t reads = 0;

	while (!atomic_load(&reading_ends)) {
		stats = bed_stats(*(uint16_t *)hop);
		sl_graph_ledger(bed.graph, &ledger);
		if (stats.packets < before.packets || stats.bytes < before.bytes ||
		    stats.drops < before.drops || stats.calls < before.calls)
			return NULL;
		before = stats;
		reads++;
	}
	return reads > 0 ? hop : NULL;
}

static void test_read_meanwhile(void **state)
{
	static const route_fn wild = to_wild;
	uint16_t a = bed_hop(&route_type, &wild, 3), end = bed_hop(&sink_type, NULL, 2);
	pthread_t thread;
	void *result;

	bed.hops[a].edges[SL_ON] = end;
	bed_compile();
	atomic_store(&reading_ends, false);
	assert_int_equal(pthread_create(&thread, NULL, read_counters, &a), 0);
	for (uint32_t i = 0; i < 2000; i++) {
		bed.got_count = 0;
		bed_push(a, i * 50, 50);
		sl_graph_walk(bed.graph, i);
		if (i % 100 == 0)
			sched_yield();
	}
	atomic_store(&reading_ends, true);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_non_null(result);
	assert_int_equal(bed_stats(a).packets, 100000);
	bed_balance();
}

/* One walk in four is timed, at random; what is shown is for all packets. */
static void slow(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	uint64_t until = rte_rdtsc() + 100 * n;

	while (rte_rdtsc() < until)
		;
}
static const struct sl_node_type slow_type = {.name = "slow", .process = slow};

static void test_cycles(void **state)
{
	uint16_t a = bed_hop(&slow_type, NULL, 2), b = bed_hop(&sink_type, NULL, 2);
	uint64_t start = rte_rdtsc(), all;

	bed.hops[a].edges[SL_ON] = b;
	bed_compile();
	for (uint32_t i = 0; i < 100; i++) {
		bed_push(a, 0, 100);
		sl_graph_walk(bed.graph, i);
		bed.got_count = 0;
		if (i == 0) /* the first is timed */
			assert_true(bed_stats(a).cycles >= 10000);
	}
	all = rte_rdtsc() - start;
	assert_true(bed_stats(a).cycles >= 100 * 10000);
	assert_true(bed_stats(a).cycles < 10 * all);
	assert_true(bed_stats(b).cycles > 0);
}

static void test_refused(void **state)
{
	uint16_t a = bed_hop(&pass_type, NULL, 2);

	bed.conf.hops = bed.hops;
	bed.conf.hop_count = 1;
	bed.hops[a].edges[SL_ON] = 9;
	assert_null(sl_graph_new(&bed.conf, bed.errors));
	assert_int_equal(sl_errors_count(bed.errors), 1);
	bed.hops[a].edges[SL_ON] = NOWHERE;
	bed.hops[a].edge_count = 124;
	assert_null(sl_graph_new(&bed.conf, bed.errors));
	assert_int_equal(sl_errors_count(bed.errors), 2);
	bed.conf.hop_count = 0;
	assert_null(sl_graph_new(&bed.conf, bed.errors));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_whole_frame, setup, teardown),
		cmocka_unit_test_setup_teardown(test_whole_frame_aside, setup, teardown),
		cmocka_unit_test_setup_teardown(test_split_merge, setup, teardown),
		cmocka_unit_test_setup_teardown(test_merge_first, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_edges, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_own, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hairpin_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_self_loop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_emit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hold_release, setup, teardown),
		cmocka_unit_test_setup_teardown(test_handoff, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resize, setup, teardown),
		cmocka_unit_test_setup_teardown(test_event, setup, teardown),
		cmocka_unit_test_setup_teardown(test_free_pending, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_meanwhile, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cycles, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
	};

	bed_open();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
