/* SPDX-License-Identifier: BSD-3-Clause */
/* From one graph of a worker to the next: what is held, ticks, and hops that only one has. */
#include "bed.h"

#include <string.h>

struct bed bed;

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

/* Holds all; lets go in tick(). */
struct holder {
	struct rte_mbuf *kept[1024];
	uint32_t count, ticks;
};

static void hold(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	struct holder *holder = node->state;

	for (uint16_t i = 0; i < n; i++) {
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
	holder->ticks++;
}

static const struct sl_node_type hold_type = {.name = "hold",
					      .flags = SL_NODE_HOLDS,
					      .state_size = sizeof(struct holder),
					      .process = hold,
					      .tick = let_go,
					      .tick_ms = 1000};

/* Two hops of one holder, each with a sink of its own: numbers 10 and 11, sinks 20 and 21. The
 * newer graph has hop 11 in another place, hop 12 instead of hop 10, and one sink more. */
static struct sl_graph *older, *newer;
static const uint16_t older_numbers[] = {10, 11, 20, 21};
static const uint16_t newer_numbers[] = {12, 11, 22, 21, 20};

static void make(void)
{
	struct sl_instance *holder, *first, *second;

	bed_reset();
	bed_hop(&hold_type, NULL, 2);
	bed_hop(&sink_type, NULL, 2);
	bed_hop(&sink_type, NULL, 2);
	holder = bed.instances[0];
	first = bed.instances[1];
	second = bed.instances[2];
	bed.hops[3] = bed.hops[2];
	bed.hops[2] = bed.hops[1];
	bed.hops[1] = bed.hops[0];
	bed.hops[0].edges[SL_ON] = 2;
	bed.hops[1].edges[SL_ON] = 3;
	bed.conf = (struct sl_graph_conf){
		.hops = bed.hops, .hop_count = 4, .numbers = older_numbers, .pool = bed.pool};
	older = sl_graph_new(&bed.conf, bed.errors);
	assert_non_null(older);
	for (unsigned int i = 0; i < 5; i++)
		bed.hops[i] = (struct sl_graph_hop){
			.name = "h", .edge_count = 2, .edges = {NOWHERE, NOWHERE}, .workers = HERE};
	bed.hops[0].instance = bed.hops[1].instance = holder;
	bed.hops[2].instance = bed.hops[4].instance = first;
	bed.hops[3].instance = second;
	bed.hops[0].edges[SL_ON] = 2;
	bed.hops[1].edges[SL_ON] = 3;
	bed.conf.hop_count = 5;
	bed.conf.numbers = newer_numbers;
	newer = sl_graph_new(&bed.conf, bed.errors);
	assert_non_null(newer);
	bed.graph = newer;
}

static void end(void)
{
	sl_graph_free(older);
	bed_close();
}

static void push(struct sl_graph *graph, uint16_t number, uint32_t first, uint32_t n)
{
	bed.graph = graph;
	bed_push(number, first, n);
	bed.graph = newer;
	sl_graph_walk(graph, 7);
}

static struct sl_ledger both(void)
{
	struct sl_ledger a, b;

	sl_graph_ledger(older, &a);
	sl_graph_ledger(newer, &b);
	assert_int_equal(a.pushed + a.made + b.pushed + b.made,
			 a.sent + a.dropped + a.held + a.pending + b.sent + b.dropped + b.held +
				 b.pending);
	b.held += a.held;
	b.dropped += a.dropped;
	b.sent += a.sent;
	return b;
}

/* Place of the number among the hops of the newer graph. */
static uint64_t removed_in_newer(void)
{
	uint64_t sum = 0;

	for (uint16_t hop = 0; hop < 5; hop++)
		sum += bed_drops(hop, SL_REASON_REMOVED);
	return sum;
}

static void test_numbers(void **state)
{
	make();
	assert_true(sl_graph_has(older, 10) && sl_graph_has(older, 21));
	assert_false(sl_graph_has(older, 0) || sl_graph_has(older, 12) || sl_graph_has(older, 999));
	assert_true(sl_graph_has(newer, 12));
	assert_int_equal(sl_graph_node(newer, 0)->hop, 12);
	assert_int_equal(sl_graph_node(newer, 4)->hop, 20);
	assert_int_equal(sl_graph_current(newer), SL_GRAPH_NO_HOP);
	end();
}

/* What is held for a hop that goes on leaves by the newer graph's. */
static void test_held_goes_on(void **state)
{
	make();
	push(older, 11, 100, 7);
	sl_graph_meet(older, newer);
	sl_graph_succeed(newer, older);
	assert_int_equal(bed_stats(1).held, 7);
	sl_graph_tick(newer, UINT64_MAX / 2);
	sl_graph_walk(newer, 8);
	assert_int_equal(bed.got_count, 7);
	for (uint32_t i = 0; i < 7; i++)
		assert_int_equal(bed.got_by[i], 21);
	assert_int_equal(both().held, 0);
	sl_graph_forget(newer);
	assert_int_equal(both().sent, 7);
	end();
}

/* For one that does not, by the older graph's, as long as that is there. */
static void test_held_leaves_by_older(void **state)
{
	make();
	push(older, 10, 0, 5);
	sl_graph_meet(older, newer);
	sl_graph_succeed(newer, older);
	assert_int_equal(both().held, 5);
	sl_graph_tick(newer, UINT64_MAX / 2);
	sl_graph_walk(older, 8);
	sl_graph_walk(newer, 8);
	assert_int_equal(bed.got_count, 5);
	assert_int_equal(bed.got_by[0], 20);
	assert_int_equal(both().held, 0);
	end();
}

/* After that it is dropped when it is let go, for a reason of that name. */
static void test_orphans(void **state)
{
	make();
	push(older, 10, 0, 5);
	push(older, 11, 5, 2);
	sl_graph_meet(older, newer);
	sl_graph_succeed(newer, older);
	sl_graph_forget(newer);
	assert_int_equal(both().held, 7);
	sl_graph_tick(newer, UINT64_MAX / 2);
	sl_graph_walk(newer, 8);
	assert_int_equal(bed.got_count, 2);
	assert_int_equal(removed_in_newer(), 5);
	assert_int_equal(both().held, 0);
	assert_int_equal(both().dropped, 5);
	end();
}

/* Before the newer is polled into: a packet held there for a hop that is new leaves there, though
 * the older graph ticks. */
static void test_meets(void **state)
{
	make();
	sl_graph_meet(older, newer);
	push(newer, 12, 50, 3);
	push(older, 10, 60, 2);
	sl_graph_tick(older, UINT64_MAX / 2);
	sl_graph_walk(older, 8);
	sl_graph_walk(newer, 8);
	assert_int_equal(bed.got_count, 5);
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(bed.got_by[i], bed.got[i] >= 60 ? 20 : 22);
	assert_int_equal(both().held, 0);
	/* Taken back: nothing is left of it. */
	sl_graph_forget(older);
	assert_null(newer->other);
	end();
}

/* Many changes, each long before the next tick is due: it comes when it would have. */
static void test_ticks(void **state)
{
	const struct holder *holder;
	uint64_t due;

	make();
	holder = bed.instances[0]->state[0];
	due = older->tickers[0].next;
	newer->tickers[0].next = due + 1000000;
	sl_graph_meet(older, newer);
	sl_graph_succeed(newer, older);
	sl_graph_tick(newer, due - 1);
	assert_int_equal(holder->ticks, 0);
	sl_graph_tick(newer, due);
	assert_int_equal(holder->ticks, 1);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_held_goes_on),
		cmocka_unit_test(test_held_leaves_by_older),
		cmocka_unit_test(test_orphans),
		cmocka_unit_test(test_meets),
		cmocka_unit_test(test_ticks),
	};

	bed_open();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
