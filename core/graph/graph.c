/* SPDX-License-Identifier: BSD-3-Clause */
#include <core/flow/fusion.h>
#include <core/graph/hop.h>
#include <core/graph/latency.h>
#include <core/graph/watch.h>

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_malloc.h>

const struct sl_name sl_graph_reasons[SL_REASON_COUNT + 1] = {
	[SL_REASON_BAD_EDGE] = {"bad-edge", "The node named an edge that does not exist."},
	[SL_REASON_NO_WAY] = {"no-way", "The edge leads nowhere here, such as back on a path that "
					"goes one way."},
	[SL_REASON_ROUNDS] = {"too-many-turns", "It turned back in the graph too often."},
	[SL_REASON_NO_FRAME] = {"no-frame", "The graph had no room for it."},
	[SL_REASON_HANDOFF] = {"handoff-full", "The queue to the worker that runs the next hop was "
					       "full."},
	[SL_REASON_REMOVED] = {"path-removed", "The path that it waited in was removed."},
	[SL_REASON_FAULT] = {"fault", "The node crashed or hung with the burst that it was in."},
	[SL_REASON_QUARANTINE] = {"quarantine",
				  "The node crashed or hung before and gets nothing."},
	[SL_REASON_COUNT] = {NULL, NULL},
};

#define DEFAULT_ROUNDS 16u
#define MOST_ROUNDS    255u /* struct sl_packet counts them in a byte */

static int check(const struct sl_graph_conf *conf, struct sl_errors *errors)
{
	if (conf->hop_count == 0 || conf->hop_count == SL_GRAPH_NO_HOP)
		return sl_fail(errors, EINVAL, "a graph has 1 to %u hops, not %u",
			       SL_GRAPH_NO_HOP - 1u, conf->hop_count);
	for (uint16_t i = 0; i < conf->hop_count; i++) {
		const struct sl_graph_hop *hop = &conf->hops[i];

		if (hop->edge_count == 0 || hop->edge_count > SL_EDGE_LAST + 1)
			return sl_fail(errors, EINVAL, "hop %s: %u edges; 1 to %u are possible",
				       hop->name, hop->edge_count, SL_EDGE_LAST + 1);
		for (unsigned int e = 0; e < hop->edge_count; e++)
			if (hop->edges[e] >= conf->hop_count && hop->edges[e] != SL_GRAPH_NO_HOP)
				return sl_fail(errors, EINVAL,
					       "hop %s: edge %u leads to hop %u of %u", hop->name,
					       e, hop->edges[e], conf->hop_count);
		if (hop->instance == NULL || sl_graph_hop_type(hop)->process == NULL)
			return sl_fail(errors, EINVAL, "hop %s: its type has no process()",
				       hop->name);
	}
	return 0;
}

const struct sl_node_type *sl_graph_hop_type(const struct sl_graph_hop *hop)
{
	return hop->type != NULL ? hop->type : hop->instance->type;
}

static uint32_t count_names(const struct sl_name *names)
{
	uint32_t count = 0;

	while (names != NULL && names[count].name != NULL)
		count++;
	return count;
}

/* Hops run where their bit says; the copies elsewhere hand packets over. */
static int make_hop(struct sl_graph *graph, struct sl_hop *hop, uint16_t index, uint32_t rank,
		    struct sl_errors *errors)
{
	const struct sl_graph_hop *plan = &graph->conf.hops[index];
	const struct sl_node_type *type = sl_graph_hop_type(plan);

	hop->graph = graph;
	hop->type = type;
	hop->rank = rank;
	hop->index = index;
	hop->timing = &graph->timings[index];
	hop->remote = (plan->workers >> graph->conf.worker & 1) == 0;
	/* Instances count their own workers only. */
	hop->node.worker = (uint16_t)__builtin_popcountll(
		plan->workers & ((UINT64_C(1) << graph->conf.worker) - 1));
	hop->node.hop = graph->conf.numbers != NULL ? graph->conf.numbers[index] : index;
	hop->node.from = plan->from;
	hop->node.edge_count = plan->edge_count;
	hop->node.own_path = plan->own_path;
	hop->node.now = &graph->now;
	hop->node.recording = &graph->recording;
	hop->own_reasons = count_names(type->reasons);
	hop->reason_count = hop->own_reasons + SL_REASON_COUNT;
	hop->drops = rte_zmalloc("sl_drops", hop->reason_count * sizeof(*hop->drops),
				 RTE_CACHE_LINE_SIZE);
	hop->targets = rte_zmalloc("sl_targets", plan->edge_count * sizeof(*hop->targets),
				   RTE_CACHE_LINE_SIZE);
	if (hop->drops == NULL || hop->targets == NULL)
		return sl_fail(errors, ENOMEM, "no memory for hop %s", plan->name);
	for (unsigned int e = 0; e < plan->edge_count; e++)
		if (plan->edges[e] != SL_GRAPH_NO_HOP)
			hop->targets[e] = graph->by_index[plan->edges[e]];
	if (hop->remote) {
		hop->own = hop->barrier = true;
		hop->node.instance = plan->instance;
		sl_hop_direct(hop);
		return 0;
	}
	sl_hop_direct(hop);
	hop->own = plan->instance->plugin == NULL;
	hop->holds = (type->flags & SL_NODE_HOLDS) != 0;
	hop->resizes = (type->flags & SL_NODE_RESIZES) != 0;
	hop->fuses = type == &sl_fuse_type;
	hop->barrier = (type->flags & SL_NODE_TRAILS) == 0 ||
		       ((type->flags & SL_NODE_DECAPSULATES) != 0 && plan->from == SL_OUTSIDE);
	return sl_instance_join(plan->instance, &hop->node, errors);
}

static int make_hops(struct sl_graph *graph, struct sl_errors *errors)
{
	uint16_t count = graph->hop_count;
	uint32_t *rank = calloc(count, sizeof(*rank));
	int result;

	if (rank == NULL || sl_graph_order(graph->conf.hops, count, rank) != 0) {
		free(rank);
		return sl_fail(errors, ENOMEM, "no memory for a graph of %u hops", count);
	}
	for (uint16_t i = 0; i < count; i++)
		graph->by_index[i] = &graph->hops[rank[i]];
	result = 0;
	for (uint16_t i = 0; i < count && result == 0; i++)
		result = make_hop(graph, graph->by_index[i], i, rank[i], errors);
	for (uint16_t i = 0; i < count && result == 0; i++)
		graph->by_number[graph->by_index[i]->node.hop] = graph->by_index[i];
	for (uint16_t i = 0; i < count && result == 0; i++) {
		struct sl_hop *hop = &graph->hops[i];

		for (unsigned int e = SL_EDGE_FIRST; hop->fuses && e < hop->node.edge_count; e++)
			if (hop->targets[e] != NULL)
				hop->targets[e]->fuse_edge = (uint8_t)e;
	}
	for (uint16_t i = 0; i < count && result == 0; i++) {
		struct sl_hop *hop = &graph->hops[i];
		struct sl_hop *on = hop->targets[SL_ON];

		if (on != NULL && on->rank > hop->rank && !hop->resizes)
			hop->plain_on = on;
		if (hop->plain_on == hop + 1)
			hop->adjacent = on;
	}
	free(rank);
	return result;
}

/* An instance ticks once on a worker, by the first of its hops. */
static int make_tickers(struct sl_graph *graph, struct sl_errors *errors)
{
	graph->next_tick = UINT64_MAX;
	graph->ticker_count = 0;
	graph->tickers = calloc(graph->hop_count, sizeof(*graph->tickers));
	if (graph->tickers == NULL)
		return sl_fail(errors, ENOMEM, "no memory for timers");
	for (uint16_t i = 0; i < graph->hop_count; i++) {
		struct sl_hop *hop = graph->by_index[i];
		const struct sl_node_type *type = sl_graph_hop_type(&graph->conf.hops[i]);
		struct sl_ticker *ticker = &graph->tickers[graph->ticker_count];
		uint32_t known = 0;

		assert(hop != NULL); /* make_hops() has been through all of them */
		if (hop->remote || type->tick == NULL)
			continue;
		while (known < graph->ticker_count &&
		       graph->tickers[known].hop->node.instance != hop->node.instance)
			known++;
		if (known < graph->ticker_count)
			continue;
		ticker->hop = hop;
		ticker->period = RTE_MAX(type->tick_ms, 1u) * rte_get_tsc_hz() / 1000;
		ticker->next = rte_rdtsc() + ticker->period;
		graph->next_tick = RTE_MIN(graph->next_tick, ticker->next);
		graph->ticker_count++;
	}
	return 0;
}

/*
 * Of two frames that follow each other in an input, the second begins because its packets did
 * not fit into the first. So all packets there can be, in as many hops as there are, fill at
 * most this many frames.
 */
static uint32_t frames_needed(const struct sl_graph_conf *conf)
{
	uint32_t packets = conf->pool == NULL ? 65536 : conf->pool->size;

	return conf->hop_count + 2 * (packets / SL_BURST + 1);
}

static int make_frames(struct sl_graph *graph, struct sl_errors *errors)
{
	uint32_t count = frames_needed(&graph->conf);

	graph->frames =
		rte_malloc("sl_frames", count * sizeof(*graph->frames), RTE_CACHE_LINE_SIZE);
	if (graph->frames == NULL)
		return sl_fail(errors, ENOMEM, "no memory for %u frames of %u packets", count,
			       SL_BURST);
	for (uint32_t i = count; i-- > 0;) {
		graph->frames[i].next = graph->free;
		graph->free = &graph->frames[i];
	}
	return 0;
}

/* One more than the highest number. */
static uint32_t count_numbers(const struct sl_graph_conf *conf)
{
	uint32_t highest = conf->hop_count - 1u;

	for (uint16_t i = 0; conf->numbers != NULL && i < conf->hop_count; i++)
		highest = RTE_MAX(highest, (uint32_t)conf->numbers[i]);
	return highest + 1;
}

struct sl_graph *sl_graph_new(const struct sl_graph_conf *conf, struct sl_errors *errors)
{
	struct sl_graph *graph;

	if (check(conf, errors) != 0)
		return NULL;
	graph = rte_zmalloc("sl_graph", sizeof(*graph), RTE_CACHE_LINE_SIZE);
	if (graph == NULL) {
		sl_fail(errors, ENOMEM, "no memory for a graph");
		return NULL;
	}
	graph->conf = *conf;
	graph->current = SL_GRAPH_NO_HOP;
	if (conf->max_rounds == 0)
		graph->conf.max_rounds = DEFAULT_ROUNDS;
	graph->conf.max_rounds = RTE_MIN(graph->conf.max_rounds, MOST_ROUNDS);
	graph->hop_count = conf->hop_count;
	graph->words = (conf->hop_count + 63u) / 64;
	graph->sort = sl_sort_choose()->sort;
	graph->hops =
		rte_zmalloc("sl_hops", conf->hop_count * sizeof(*graph->hops), RTE_CACHE_LINE_SIZE);
	graph->pending = rte_zmalloc("sl_pending", graph->words * sizeof(*graph->pending),
				     RTE_CACHE_LINE_SIZE);
	graph->number_count = count_numbers(conf);
	graph->by_index = calloc(conf->hop_count, sizeof(*graph->by_index));
	graph->by_number = calloc(graph->number_count, sizeof(struct sl_hop *));
	graph->timings = rte_zmalloc("sl_timings", conf->hop_count * sizeof(*graph->timings),
				     RTE_CACHE_LINE_SIZE);
	if (conf->port_pairs != 0)
		graph->latency = sl_latency_new(conf->port_pairs);
	if (graph->hops == NULL || graph->pending == NULL || graph->by_index == NULL ||
	    graph->by_number == NULL || graph->timings == NULL ||
	    (conf->port_pairs != 0 && graph->latency == NULL)) {
		sl_fail(errors, ENOMEM, "no memory for a graph of %u hops", conf->hop_count);
		goto fail;
	}
	if (make_hops(graph, errors) != 0 || make_tickers(graph, errors) != 0 ||
	    make_frames(graph, errors) != 0)
		goto fail;
	graph->conf.hops = NULL; /* the caller's */
	graph->conf.numbers = NULL;
	return graph;
fail:
	sl_graph_free(graph);
	return NULL;
}

void sl_graph_free(struct sl_graph *graph)
{
	if (graph == NULL)
		return;
	for (uint16_t i = 0; graph->hops != NULL && i < graph->hop_count; i++) {
		struct sl_hop *hop = &graph->hops[i];

		for (struct sl_frame *frame = hop->first; frame != NULL; frame = frame->next)
			rte_pktmbuf_free_bulk(frame->pkts, frame->n);
		rte_free(hop->drops);
		rte_free(hop->targets);
	}
	rte_pktmbuf_free_bulk(graph->emission.pkts, graph->emission.n);
	while (graph->views != NULL)
		sl_watch_view_free(sl_watch_remove(graph, graph->views->watch));
	rte_free(graph->frames);
	rte_free(graph->timings);
	sl_latency_free(graph->latency);
	free(graph->tickers);
	free(graph->by_index);
	free(graph->by_number);
	rte_free(graph->pending);
	rte_free(graph->hops);
	rte_free(graph);
}

/* What the ticks emitted and released waits for the next walk, unless it was dropped. */
static uint64_t count_waiting(const struct sl_graph *graph)
{
	uint64_t waiting = 0;

	for (uint32_t w = 0; w < graph->words; w++)
		for (uint64_t bits = graph->pending[w]; bits != 0; bits &= bits - 1) {
			uint32_t rank = w * 64 + (uint32_t)__builtin_ctzll(bits);

			for (const struct sl_frame *frame = graph->hops[rank].first; frame != NULL;
			     frame = frame->next)
				waiting += frame->n;
		}
	return waiting;
}

void sl_graph_tick(struct sl_graph *graph, uint64_t now)
{
	uint64_t earliest = UINT64_MAX;

	if (now < graph->next_tick)
		return;
	graph->now = now;
	for (uint32_t i = 0; i < graph->ticker_count; i++) {
		struct sl_ticker *ticker = &graph->tickers[i];
		struct sl_node *node = &ticker->hop->node;

		if (now >= ticker->next) {
			__atomic_store_n(&graph->current, node->hop, __ATOMIC_RELAXED);
			sl_graph_call_tick(graph, ticker->hop);
			__atomic_store_n(&graph->current, SL_GRAPH_NO_HOP, __ATOMIC_RELAXED);
			sl_graph_flush(graph);
			/* Late ones are not caught up with. */
			ticker->next = now + ticker->period;
		}
		earliest = RTE_MIN(earliest, ticker->next);
	}
	graph->next_tick = earliest;
	__atomic_store_n(&graph->waiting, count_waiting(graph), __ATOMIC_RELAXED);
}

void sl_graph_set_now(struct sl_graph *graph, uint64_t now)
{
	graph->now = now;
}

void sl_graph_refresh(struct sl_graph *graph)
{
	if (graph->conf.fusion != NULL)
		sl_fusion_refresh(graph->conf.fusion);
}

bool sl_graph_sweep(struct sl_graph *graph)
{
	return graph->conf.fusion != NULL && sl_fusion_sweep(graph->conf.fusion);
}

void sl_graph_settle(struct sl_graph *graph)
{
	if (graph->conf.fusion != NULL)
		sl_fusion_settle(graph->conf.fusion);
}

uint16_t sl_graph_current(const struct sl_graph *graph)
{
	uint16_t number = __atomic_load_n(&graph->current, __ATOMIC_RELAXED);
	const struct sl_hop *hop = sl_hop_by_number(graph, number);

	return hop != NULL ? hop->index : SL_GRAPH_NO_HOP;
}

bool sl_graph_has(const struct sl_graph *graph, uint16_t number)
{
	return sl_hop_by_number(graph, number) != NULL;
}

struct sl_node *sl_graph_node(struct sl_graph *graph, uint16_t hop)
{
	return &graph->by_index[hop]->node;
}

uint16_t sl_graph_hop_count(const struct sl_graph *graph)
{
	return graph->hop_count;
}

/* Within a call of process() a packet may be let go before it is counted as held: to another
 * thread that looks just then, it is not held. */
static uint64_t read_held(const struct sl_hop *hop)
{
	uint64_t held = sl_tally_read(&hop->held);

	return held <= INT64_MAX ? held : 0;
}

void sl_graph_stats(const struct sl_graph *graph, uint16_t index, struct sl_hop_stats *stats)
{
	const struct sl_hop *hop = graph->by_index[index];
	uint64_t timed, walked;

	*stats = (struct sl_hop_stats){0};
	for (uint32_t i = 0; i < hop->reason_count; i++)
		stats->drops += sl_tally_read(&hop->drops[i]);
	if (hop->remote) /* whoever runs it counts its packets */
		return;
	stats->calls = sl_tally_read(&hop->calls);
	stats->packets = sl_tally_read(&hop->packets);
	stats->bytes = sl_tally_read(&hop->bytes);
	stats->fused = sl_tally_read(&hop->fused);
	walked = stats->packets > stats->fused ? stats->packets - stats->fused : 0;
	timed = sl_tally_read(&hop->timed_packets);
	if (timed != 0)
		stats->cycles = (uint64_t)((double)sl_tally_read(&hop->cycles) * (double)walked /
					   (double)timed);
	stats->emitted = sl_tally_read(&hop->emitted);
	stats->held = read_held(hop);
	stats->lost_events = sl_tally_read(&hop->lost_events);
}

uint64_t sl_graph_drops(const struct sl_graph *graph, uint16_t index, uint32_t reason)
{
	const struct sl_hop *hop = graph->by_index[index];

	return reason < hop->reason_count ? sl_tally_read(&hop->drops[reason]) : 0;
}

void sl_graph_ledger(const struct sl_graph *graph, struct sl_ledger *ledger)
{
	*ledger = (struct sl_ledger){
		.pushed = sl_tally_read(&graph->pushed),
		.made = sl_tally_read(&graph->made),
		.sent = sl_tally_read(&graph->sent),
		.joined = sl_tally_read(&graph->joined),
		.handed = sl_tally_read(&graph->handed),
		.pending = sl_tally_read(&graph->waiting),
		.held = sl_tally_read(&graph->orphans),
	};
	for (uint16_t i = 0; i < graph->hop_count; i++) {
		const struct sl_hop *hop = &graph->hops[i];

		ledger->held += read_held(hop);
		for (uint32_t reason = 0; reason < hop->reason_count; reason++)
			ledger->dropped += sl_tally_read(&hop->drops[reason]);
	}
}
