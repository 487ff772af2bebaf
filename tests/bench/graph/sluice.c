/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_debug.h>

#include <core/error/errors.h>
#include <core/graph/graph.h>
#include <core/plugin/instance.h>

struct sluice {
	struct bench_source source;
	struct sl_graph *graph;
};

static void nothing(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	__asm__ volatile("" : : "r"(pkts), "r"(n) : "memory");
}

static void touch(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	bench_touch(pkts, n);
}

static void split(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	static const uint8_t edges[] = {SL_ON, 2, 3, 4};

	for (uint16_t i = 0; i < n; i++)
		edge[i] = edges[bench_way(pkts[i], bench_salt)];
}

static void sink(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	memset(edge, SL_SENT, n);
}

static const struct sl_node_type types[] = {
	[BENCH_NOTHING] = {.name = "nothing", .process = nothing},
	[BENCH_TOUCH] = {.name = "touch", .process = touch},
	[BENCH_SPLIT] = {.name = "split", .process = split},
	[BENCH_WORKS] = {.name = "sink", .process = sink},
};

static void run(void *context, unsigned int bursts)
{
	struct sluice *sluice = context;
	struct rte_mbuf *pkts[BENCH_PACKETS];

	while (bursts-- > 0) {
		bench_fill(&sluice->source, (void **)pkts);
		sl_graph_push(sluice->graph, 0, pkts, sluice->source.burst);
		sl_graph_walk(sluice->graph, 0);
	}
}

static uint16_t add(struct sl_graph_conf *conf, struct sl_graph_hop *hops, enum bench_work work)
{
	struct sl_graph_hop *hop = &hops[conf->hop_count];

	hop->name = types[work].name;
	hop->instance = sl_instance_new(&types[work], hop->name, NULL, 0, 1, NULL);
	if (hop->instance == NULL)
		rte_exit(EXIT_FAILURE, "no instance\n");
	hop->workers = 1;
	hop->edge_count = 5;
	for (unsigned int e = 0; e < hop->edge_count; e++)
		hop->edges[e] = SL_GRAPH_NO_HOP;
	return conf->hop_count++;
}

struct bench_subject bench_sluice(const struct bench_shape *shape)
{
	struct sl_graph_hop hops[BENCH_NODES + 8] = {0};
	struct sl_graph_conf conf = {.hops = hops};
	struct sluice *sluice = calloc(1, sizeof(*sluice));
	struct sl_errors *errors = sl_errors_new();

	sluice->source.burst = shape->burst;
	if (shape->work == BENCH_SPLIT) {
		uint16_t end, first = add(&conf, hops, BENCH_SPLIT);

		for (uint16_t i = 0; i < 4; i++)
			add(&conf, hops, BENCH_NOTHING);
		end = add(&conf, hops, BENCH_WORKS);
		for (uint16_t i = 0; i < 4; i++) {
			hops[first].edges[i == 0 ? 0 : i + 1] = first + 1 + i;
			hops[first + 1 + i].edges[SL_ON] = end;
		}
	} else {
		for (uint16_t i = 0; i < shape->nodes; i++)
			hops[add(&conf, hops, shape->work)].edges[SL_ON] = i + 1;
		add(&conf, hops, BENCH_WORKS);
	}
	sluice->graph = sl_graph_new(&conf, errors);
	sl_errors_print(errors, stderr);
	if (sluice->graph == NULL)
		rte_exit(EXIT_FAILURE, "no graph\n");
	sl_errors_free(errors);
	return (struct bench_subject){"sluice", run, sluice};
}
