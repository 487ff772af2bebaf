/* SPDX-License-Identifier: BSD-3-Clause */
/* From one graph of a worker to the next, between two rounds. */
#include <core/flow/fusion.h>
#include <core/graph/hop.h>

/* An instance that is in both graphs ticks when it would have. */
static void take_tickers(struct sl_graph *graph, const struct sl_graph *older)
{
	graph->next_tick = UINT64_MAX;
	for (uint32_t i = 0; i < graph->ticker_count; i++) {
		struct sl_ticker *ticker = &graph->tickers[i];

		for (uint32_t j = 0; j < older->ticker_count; j++)
			if (older->tickers[j].hop->node.instance == ticker->hop->node.instance)
				ticker->next = older->tickers[j].next;
		graph->next_tick = RTE_MIN(graph->next_tick, ticker->next);
	}
}

/* Counts go over, not packets: those lie with the instance, by the number of their hop. */
static void take_held(struct sl_graph *graph, struct sl_graph *older)
{
	for (uint16_t i = 0; i < older->hop_count; i++) {
		struct sl_hop *from = &older->hops[i];
		struct sl_hop *to = sl_hop_by_number(graph, from->node.hop);

		if (from->held == 0 || to == NULL || to->node.instance != from->node.instance)
			continue;
		sl_tally(&to->held, from->held);
		sl_tally(&from->held, -from->held);
	}
}

static bool runs_here(const struct sl_graph *graph, const struct sl_instance *instance)
{
	for (uint16_t i = 0; i < graph->hop_count; i++)
		if (graph->hops[i].node.instance == instance)
			return true;
	return false;
}

static void take_orphans(struct sl_graph *graph, struct sl_graph *other)
{
	uint64_t count = other->orphans;

	sl_tally(&graph->orphans, count);
	sl_tally(&other->orphans, -count);
}

void sl_graph_meet(struct sl_graph *older, struct sl_graph *newer)
{
	older->other = newer;
	newer->other = older;
	newer->beside = true;
}

void sl_graph_succeed(struct sl_graph *newer, struct sl_graph *older)
{
	take_tickers(newer, older);
	take_held(newer, older);
	take_orphans(newer, older);
	older->beside = true;
	newer->beside = false;
	/* Actions that were compiled in the older one end at its hops. */
	sl_unfuse_all();
	sl_graph_refresh(newer);
}

void sl_graph_forget(struct sl_graph *graph)
{
	struct sl_graph *other = graph->other;

	if (other == NULL)
		return;
	take_held(graph, other);
	take_orphans(graph, other);
	/* What is held for hops that are no more, by instances that live on. The others let go of
	 * theirs when they are destroyed. */
	for (uint16_t i = 0; i < other->hop_count; i++) {
		struct sl_hop *from = &other->hops[i];

		if (from->held == 0 || !runs_here(graph, from->node.instance))
			continue;
		sl_tally(&graph->orphans, from->held);
		sl_tally(&from->held, -from->held);
	}
	graph->other = NULL;
	other->other = NULL;
}
