/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include <core/graph/hop.h>
#include <core/graph/latency.h>

/* Pairs are few, and samples rare: found one by one, in the order that they came up in. */
struct sl_latency {
	unsigned int count, room; /* the last is for those that found no room */
	uint32_t *keys;           /* in, out: side by side, so that looking takes few lines */
	struct sl_latency_pair *pairs;
};

struct sl_latency *sl_latency_new(unsigned int pairs)
{
	struct sl_latency *latency = calloc(1, sizeof(*latency));

	if (latency == NULL)
		return NULL;
	latency->room = pairs + 1;
	latency->keys = calloc(latency->room, sizeof(*latency->keys));
	latency->pairs = malloc(latency->room * sizeof(*latency->pairs));
	if (latency->keys == NULL || latency->pairs == NULL) {
		sl_latency_free(latency);
		return NULL;
	}
	/* Touched here, so that workers meet no page fault. */
	memset(latency->pairs, 0, latency->room * sizeof(*latency->pairs));
	return latency;
}

void sl_latency_free(struct sl_latency *latency)
{
	if (latency == NULL)
		return;
	free(latency->keys);
	free(latency->pairs);
	free(latency);
}

static struct sl_latency_pair *find(struct sl_latency *latency, uint16_t in, uint16_t out)
{
	uint32_t key = (uint32_t)in << 16 | out;
	unsigned int i;

	for (i = 0; i < latency->count && i < latency->room - 1; i++)
		if (latency->keys[i] == key)
			return &latency->pairs[i];
	if (i == latency->count) {
		bool last = i == latency->room - 1;

		latency->keys[i] = key;
		latency->pairs[i].in = last ? SL_PAIR_OTHERS : in;
		latency->pairs[i].out = last ? SL_PAIR_OTHERS : out;
		__atomic_store_n(&latency->count, i + 1, __ATOMIC_RELEASE);
	}
	return &latency->pairs[i];
}

void sl_latency_leave(struct sl_latency *latency, uint16_t out, struct rte_mbuf *const *pkts,
		      uint16_t n)
{
	uint32_t now = (uint32_t)(rte_rdtsc() >> SL_ARRIVAL_SHIFT);

	if (latency == NULL)
		return;
	for (uint16_t i = 0; i < n; i++) {
		uint32_t spent = now - *sl_arrival(pkts[i]);

		if ((sl_packet(pkts[i])->flags & SL_PKT_TIMED) == 0)
			continue;
		/* Clocks of two cores may differ by a few ticks. */
		if (spent > UINT32_MAX - 1024)
			spent = 0;
		sl_histogram_add(&find(latency, sl_packet(pkts[i])->port, out)->histogram,
				 (float)spent, 1, spent);
	}
}

const struct sl_latency_pair *sl_latency_pair(const struct sl_latency *latency, unsigned int i)
{
	if (latency == NULL || i >= __atomic_load_n(&latency->count, __ATOMIC_ACQUIRE))
		return NULL;
	return &latency->pairs[i];
}

struct sl_latency *sl_graph_latency(const struct sl_graph *graph)
{
	return graph->latency;
}

struct sl_latency *sl_node_latency(struct sl_node *node)
{
	return sl_hop_of(node)->graph->latency;
}

void sl_graph_timing(const struct sl_graph *graph, uint16_t hop, struct sl_histogram *sum)
{
	const struct sl_hop *at = graph->by_index[hop];

	if (!at->remote)
		sl_histogram_merge(sum, at->timing);
}
