/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random graphs of nodes that do anything the contract allows, and some that it does not. After
 * every walk the ledger balances and no packet is lost; every width of vectors gives exactly
 * the same.
 */
#include "bed.h"

#include <stdlib.h>
#include <string.h>

struct bed bed;

static uint64_t state_of_random;

static uint32_t random_below(uint32_t limit)
{
	state_of_random ^= state_of_random << 13;
	state_of_random ^= state_of_random >> 7;
	state_of_random ^= state_of_random << 17;
	return (uint32_t)((state_of_random >> 20) % limit);
}

/* All that was observed goes into one number. */
static uint64_t observed;

static void observe(uint64_t what)
{
	observed = (observed ^ what) * 0x9e3779b97f4a7c15 ^ observed >> 29;
}

static const struct sl_name reasons[] = {{"a", ""}, {"b", ""}, {"c", ""}, {NULL, NULL}};

struct anything {
	struct rte_mbuf *kept[4096];
	uint32_t count;
};

/* How a node of this burst behaves: few or many edges, whole bursts or mixed ones. */
static uint8_t choose(const struct sl_node *node, unsigned int mood)
{
	switch (mood) {
	case 0:
		return SL_ON;
	case 1:
		return (uint8_t)random_below(node->edge_count);
	case 2:
		return (uint8_t)random_below(4);
	case 3:
		return SL_DROP(random_below(3));
	case 4:
		return (uint8_t)random_below(SL_HANDED);
	default:
		return (uint8_t)(SL_HANDED + 4 + random_below(129)); /* no edge of the engine's */
	}
}

static void anything(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	struct anything *own = node->state;
	unsigned int mood = random_below(6);
	bool mixed = random_below(3) != 0;
	uint8_t all = choose(node, mood);

	for (uint16_t i = 0; i < n; i++) {
		assert_int_equal(edge[i], SL_ON);
		observe(*number_of(pkts[i]));
		edge[i] = mixed ? choose(node, random_below(50) == 0 ? 5 : mood) : all;
		if (own->count < RTE_DIM(own->kept) && random_below(20) == 0) {
			sl_hold(node, pkts[i]);
			own->kept[own->count++] = pkts[i];
			edge[i] = SL_HELD;
		} else if (edge[i] == SL_HELD) {
			edge[i] = SL_ON;
		} else if (random_below(40) == 0) {
			struct rte_mbuf *copy = sl_copy(node, pkts[i]);

			if (copy != NULL)
				sl_emit(node, copy, choose(node, random_below(4)));
		}
	}
	if (own->count > 0 && random_below(4) == 0)
		sl_release(node, own->kept[--own->count], choose(node, random_below(5)));
}

static void let_go(struct sl_node *node)
{
	struct anything *own = node->state;

	while (own->count > 0)
		sl_release(node, own->kept[--own->count], choose(node, random_below(4)));
}

static const struct sl_node_type anything_type = {.name = "anything",
						  .flags = SL_NODE_HOLDS,
						  .reasons = reasons,
						  .state_size = sizeof(struct anything),
						  .process = anything,
						  .tick = let_go,
						  .tick_ms = 1};

/* Sends most, merges some, drops some: the packets it disposed of are not looked at again. */
static void sink(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		observe(*number_of(pkts[i]) + node->hop);
		edge[i] =
			random_below(10) == 0 ? SL_DROP(0) : (uint8_t)(SL_JOINED + random_below(2));
		if (edge[i] != SL_DROP(0)) {
			rte_pktmbuf_free(pkts[i]);
			pkts[i]->pkt_len = 0xdeadbeef;
		}
	}
}
static const struct sl_node_type sink_type = {.name = "sink", .reasons = reasons, .process = sink};

static uint16_t hand_off(void *context, uint16_t hop, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t some = (uint16_t)random_below(n + 1u);

	rte_pktmbuf_free_bulk(pkts, some);
	return some;
}

static void build(void)
{
	unsigned int inner = 1 + random_below(50), sinks = 1 + random_below(8);

	for (unsigned int i = 0; i < inner + sinks; i++) {
		uint16_t hop = bed_hop(i < inner ? &anything_type : &sink_type, NULL,
				       (uint8_t)(2 + random_below(i % 5 == 0 ? 121 : 6)));

		for (unsigned int e = 0; e < bed.hops[hop].edge_count; e++)
			if (random_below(8) != 0)
				bed.hops[hop].edges[e] = (uint16_t)random_below(inner + sinks);
		if (random_below(10) == 0)
			bed.hops[hop].workers = 2;
	}
	bed.conf.handoff = hand_off;
	bed.conf.max_rounds = 1 + random_below(6);
}

static uint64_t run(uint64_t seed, const struct sl_sort *sort)
{
	struct sl_ledger ledger;
	uint64_t packets = 0;

	state_of_random = seed;
	observed = 0;
	bed_reset();
	build();
	bed_compile();
	bed.graph->sort = sort->sort;
	for (unsigned int round = 0; round < 20; round++) {
		unsigned int pushes = random_below(5);

		for (unsigned int i = 0; i < pushes; i++)
			bed_push((uint16_t)random_below(bed.hop_count), round * 1000 + i * 256,
				 1 + random_below(256));
		bed_balance();
		sl_graph_walk(bed.graph, 1);
		ledger = bed_balance();
		assert_int_equal(ledger.pending, 0);
		assert_int_equal(rte_mempool_in_use_count(bed.pool), ledger.held);
		if (random_below(4) == 0)
			sl_graph_tick(bed.graph, UINT64_MAX / 2);
		bed_balance();
	}
	for (unsigned int i = 0; i < 50 && bed_balance().held + bed_balance().pending > 0; i++) {
		bed.graph->next_tick = 0;
		for (uint32_t t = 0; t < bed.graph->ticker_count; t++)
			bed.graph->tickers[t].next = 0;
		sl_graph_tick(bed.graph, 1);
		sl_graph_walk(bed.graph, 1);
	}
	ledger = bed_balance();
	observe(ledger.sent);
	observe(ledger.joined);
	observe(ledger.dropped);
	observe(ledger.handed);
	observe(ledger.made);
	for (uint16_t hop = 0; hop < bed.hop_count; hop++) {
		struct sl_hop_stats stats = bed_stats(hop);

		observe(stats.packets);
		observe(stats.bytes);
		observe(stats.calls);
		packets += stats.packets;
		for (uint32_t reason = 0; reason < 3 + SL_REASON_COUNT; reason++)
			observe(sl_graph_drops(bed.graph, hop, reason));
	}
	observe(packets);
	for (uint16_t hop = 0; hop < bed.hop_count; hop++) {
		struct anything *own = sl_graph_node(bed.graph, hop)->state;

		if (bed.hops[hop].instance->type == &anything_type && own != NULL)
			rte_pktmbuf_free_bulk(own->kept, own->count);
	}
	bed_close();
	return observed;
}

static void test_random_graphs(void **state)
{
	const struct sl_sort *sort;

	for (uint64_t seed = 1; seed <= 150; seed++) {
		uint64_t first = 0;

		for (unsigned int i = 0; (sort = sl_sort_get(i)) != NULL; i++) {
			uint64_t now = run(seed * 0x9e3779b97f4a7c15, sort);

			if (i == 0)
				first = now;
			if (now != first)
				fail_msg("seed %u: %s differs from %s", (unsigned int)seed,
					 sort->name, sl_sort_get(0)->name);
		}
	}
}

static void test_choice(void **state)
{
	assert_non_null(sl_sort_get(0));
	assert_string_equal(sl_graph_scatter_name(), sl_sort_choose()->name);
	for (unsigned int i = 1; sl_sort_get(i) != NULL; i++)
		assert_true(sl_sort_get(i)->bits < sl_sort_get(i - 1)->bits);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_random_graphs),
	};

	bed_open();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
