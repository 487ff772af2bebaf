/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include <rte_cycles.h>

#include <core/host/timing.h>

struct list {
	struct sl_pair_timing *pairs;
	unsigned int count;
};

static const char *name_of(const struct sl_generation *generation, uint16_t index)
{
	for (unsigned int i = 0; i < generation->chain->port_count; i++)
		if (generation->ports[i]->index == index)
			return generation->ports[i]->name;
	return NULL;
}

static const char *known_name(const struct sl_generation *generation, const char *name)
{
	for (unsigned int i = 0; i < generation->chain->port_count; i++)
		if (strcmp(generation->ports[i]->name, name) == 0)
			return generation->ports[i]->name;
	return NULL;
}

static bool same_name(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* in, out: both NULL for the others. */
static void add(struct list *list, const char *in, const char *out,
		const struct sl_histogram *histogram)
{
	struct sl_pair_timing *grown;
	unsigned int i;

	if (in == NULL || out == NULL)
		in = out = NULL;
	for (i = 0; i < list->count; i++)
		if (same_name(list->pairs[i].in, in) && same_name(list->pairs[i].out, out))
			break;
	if (i == list->count) {
		grown = realloc(list->pairs, (i + 1) * sizeof(*grown));
		if (grown == NULL)
			return;
		grown[i] = (struct sl_pair_timing){.in = in, .out = out};
		list->pairs = grown;
		list->count++;
	}
	sl_histogram_merge(&list->pairs[i].histogram, histogram);
}

struct sl_pair_timing *sl_timing_pairs(const struct sl_generation *generation, unsigned int *count)
{
	struct list list = {NULL, 0};
	const struct sl_latency_pair *pair;

	for (unsigned int i = 0; i < generation->pair_count; i++)
		add(&list, generation->pairs[i].in, generation->pairs[i].out,
		    &generation->pairs[i].histogram);
	for (unsigned int w = 0; w < generation->worker_count; w++) {
		const struct sl_latency *latency = sl_graph_latency(generation->graphs[w]->graph);

		for (unsigned int i = 0; (pair = sl_latency_pair(latency, i)) != NULL; i++)
			add(&list, name_of(generation, pair->in), name_of(generation, pair->out),
			    &pair->histogram);
	}
	*count = list.count;
	return list.pairs;
}

void sl_timing_hop(const struct sl_generation *generation, unsigned int hop,
		   struct sl_histogram *sum)
{
	if (generation->past[hop].timing != NULL)
		sl_histogram_merge(sum, generation->past[hop].timing);
	for (unsigned int w = 0; w < generation->worker_count; w++)
		sl_graph_timing(generation->graphs[w]->graph, (uint16_t)hop, sum);
}

void sl_timing_keep_hop(struct sl_hop_past *past, const struct sl_generation *old, unsigned int hop)
{
	if (past->timing == NULL)
		past->timing = calloc(1, sizeof(*past->timing));
	if (past->timing != NULL)
		sl_timing_hop(old, hop, past->timing);
}

void sl_timing_keep_pairs(struct sl_generation *running, const struct sl_generation *old)
{
	struct list list = {running->pairs, running->pair_count};
	unsigned int count;
	struct sl_pair_timing *before = sl_timing_pairs(old, &count);

	for (unsigned int i = 0; i < count; i++) {
		const char *in = NULL, *out = NULL;

		if (before[i].in != NULL) {
			in = known_name(running, before[i].in);
			out = known_name(running, before[i].out);
			if (in == NULL || out == NULL)
				continue; /* its port is no more */
		}
		add(&list, in, out, &before[i].histogram);
	}
	running->pairs = list.pairs;
	running->pair_count = list.count;
	free(before);
}

double sl_timing_unit(void)
{
	return (double)(1 << SL_ARRIVAL_SHIFT) / (double)rte_get_tsc_hz();
}
