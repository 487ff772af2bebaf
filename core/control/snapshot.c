/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include <rte_cycles.h>

#include <core/control/snapshot.h>

static unsigned int name_count(const struct sl_name *names)
{
	unsigned int n = 0;

	while (names != NULL && names[n].name != NULL)
		n++;
	return n;
}

const char *sl_drop_reason(const struct sl_node_type *type, unsigned int i)
{
	unsigned int own = name_count(type->reasons);

	if (i < own)
		return type->reasons[i].name;
	return i - own < SL_REASON_COUNT ? sl_graph_reasons[i - own].name : NULL;
}

static void add(struct sl_hop_stats *sum, const struct sl_hop_stats *s)
{
	sum->calls += s->calls;
	sum->packets += s->packets;
	sum->fused += s->fused;
	sum->bytes += s->bytes;
	sum->cycles += s->cycles;
	sum->emitted += s->emitted;
	sum->held += s->held;
	sum->drops += s->drops;
	sum->lost_events += s->lost_events;
}

static void read_hop(struct sl_snapshot *s, const struct sl_generation *g, unsigned int hop)
{
	unsigned int first = s->first_drop[hop], count = s->first_drop[hop + 1] - first;
	const struct sl_hop_past *past = &g->past[hop];

	add(&s->hops[hop], &past->stats);
	for (unsigned int r = 0; past->drops != NULL && r < count; r++)
		s->drops[first + r] += past->drops[r];

	for (unsigned int w = 0; w < g->worker_count; w++) {
		const struct sl_graph *graph = g->graphs[w]->graph;
		struct sl_hop_stats stats;

		if (!(g->hops[hop].workers >> w & 1))
			continue;
		sl_graph_stats(graph, (uint16_t)hop, &stats);
		add(&s->hops[hop], &stats);
		for (unsigned int r = 0; r < count; r++)
			s->drops[first + r] += sl_graph_drops(graph, (uint16_t)hop, r);
	}
}

struct sl_snapshot *sl_snapshot_take(const struct sl_engine *engine)
{
	const struct sl_generation *g = engine->generation;
	struct sl_snapshot *s;
	unsigned int drops = 0;

	if (g == NULL)
		return NULL;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	s->generation = g->number;
	s->hop_count = g->plan->hop_count;
	s->hops = calloc(s->hop_count + 1, sizeof(*s->hops));
	s->first_drop = calloc(s->hop_count + 1, sizeof(*s->first_drop));
	if (s->hops == NULL || s->first_drop == NULL)
		goto fail;
	for (unsigned int h = 0; h < s->hop_count; h++) {
		s->first_drop[h] = drops;
		drops += name_count(g->hops[h].instance->type->reasons) + SL_REASON_COUNT;
	}
	s->first_drop[s->hop_count] = drops;
	s->drops = calloc(drops + 1, sizeof(*s->drops));
	if (s->drops == NULL)
		goto fail;
	s->tsc = rte_rdtsc();
	s->seconds = (double)(s->tsc - engine->started) / (double)rte_get_tsc_hz();
	for (unsigned int h = 0; h < s->hop_count; h++)
		read_hop(s, g, h);
	sl_engine_totals(engine, &s->totals);
	return s;
fail:
	sl_snapshot_free(s);
	return NULL;
}

void sl_snapshot_free(struct sl_snapshot *s)
{
	if (s == NULL)
		return;
	free(s->hops);
	free(s->drops);
	free(s->first_drop);
	free(s);
}
