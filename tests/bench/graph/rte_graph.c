/* SPDX-License-Identifier: BSD-3-Clause */
/* The same in DPDK's own graph, as its documentation says that nodes should be written: whole
 * streams are moved by pointer, a split enqueues packet by packet to the next node it names. */
#define ALLOW_EXPERIMENTAL_API

#include "bench.h"

#include <stdio.h>
#include <stdlib.h>

#include <rte_debug.h>
#include <rte_graph.h>
#include <rte_graph_worker.h>

/* One graph runs at a time: its source reads this. */
static struct bench_source *source_now;

static uint16_t source(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t n)
{
	void **stream = rte_node_next_stream_get(graph, node, 0, source_now->burst);

	bench_fill(source_now, stream);
	rte_node_next_stream_put(graph, node, 0, source_now->burst);
	return source_now->burst;
}

static uint16_t nothing(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t n)
{
	__asm__ volatile("" : : "r"(objs), "r"(n) : "memory");
	rte_node_next_stream_move(graph, node, 0);
	return n;
}

static uint16_t touch(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t n)
{
	bench_touch((struct rte_mbuf **)objs, n);
	rte_node_next_stream_move(graph, node, 0);
	return n;
}

static uint16_t split(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		rte_node_enqueue_x1(graph, node, (rte_edge_t)bench_way(objs[i], bench_salt),
				    objs[i]);
	return n;
}

static uint16_t sink(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t n)
{
	__asm__ volatile("" : : "r"(objs), "r"(n) : "memory");
	return n;
}

static struct rte_node_register source_node = {
	.name = "bench_source", .flags = RTE_NODE_SOURCE_F, .process = source};
static struct rte_node_register work_nodes[] = {
	[BENCH_NOTHING] = {.name = "bench_nothing", .process = nothing},
	[BENCH_TOUCH] = {.name = "bench_touch", .process = touch},
	[BENCH_SPLIT] = {.name = "bench_split", .process = split},
	[BENCH_WORKS] = {.name = "bench_sink", .process = sink},
};

RTE_INIT(register_nodes)
{
	source_node.parent_id = RTE_NODE_ID_INVALID;
	source_node.id = __rte_node_register(&source_node);
	for (unsigned int i = 0; i < RTE_DIM(work_nodes); i++) {
		work_nodes[i].parent_id = RTE_NODE_ID_INVALID;
		work_nodes[i].id = __rte_node_register(&work_nodes[i]);
	}
}

struct subject {
	struct bench_source source;
	struct rte_graph *graph;
};

static void run(void *context, unsigned int bursts)
{
	struct subject *subject = context;

	source_now = &subject->source;
	while (bursts-- > 0)
		rte_graph_walk(subject->graph);
}

struct building {
	unsigned int number; /* makes the names of this graph's nodes unique */
	unsigned int count;
	const char *names[BENCH_NODES + 8];
};

/* A node of this graph; returns its id. */
static rte_node_t add(struct building *building, rte_node_t parent)
{
	char name[RTE_NODE_NAMESIZE];
	rte_node_t id;

	snprintf(name, sizeof(name), "%u_%u", building->number, building->count);
	id = rte_node_clone(parent, name);
	if (id == RTE_NODE_ID_INVALID)
		rte_exit(EXIT_FAILURE, "rte_graph: no node\n");
	building->names[building->count++] = rte_node_id_to_name(id);
	return id;
}

static void lead(rte_node_t id, const char **names, uint16_t count)
{
	if (rte_node_edge_update(id, 0, names, count) != count)
		rte_exit(EXIT_FAILURE, "rte_graph: no edge\n");
}

struct bench_subject bench_rte_graph(const struct bench_shape *shape)
{
	static unsigned int number;
	struct building building = {.number = number++};
	struct subject *subject = calloc(1, sizeof(*subject));
	struct rte_graph_param param = {.socket_id = SOCKET_ID_ANY};
	rte_node_t ids[BENCH_NODES + 8];
	char name[RTE_GRAPH_NAMESIZE];
	unsigned int count = 0;

	ids[count++] = add(&building, source_node.id);
	if (shape->work == BENCH_SPLIT) {
		ids[count++] = add(&building, work_nodes[BENCH_SPLIT].id);
		for (unsigned int i = 0; i < 4; i++)
			ids[count++] = add(&building, work_nodes[BENCH_NOTHING].id);
	} else {
		for (unsigned int i = 0; i < shape->nodes; i++)
			ids[count++] = add(&building, work_nodes[shape->work].id);
	}
	ids[count++] = add(&building, work_nodes[BENCH_WORKS].id);
	if (shape->work == BENCH_SPLIT) {
		lead(ids[0], &building.names[1], 1);
		lead(ids[1], &building.names[2], 4);
		for (unsigned int i = 2; i < 6; i++)
			lead(ids[i], &building.names[6], 1);
	} else {
		for (unsigned int i = 0; i + 1 < count; i++)
			lead(ids[i], &building.names[i + 1], 1);
	}
	subject->source.burst = shape->burst;
	param.nb_node_patterns = (uint16_t)building.count;
	param.node_patterns = building.names;
	snprintf(name, sizeof(name), "bench%u", building.number);
	if (rte_graph_create(name, &param) == RTE_GRAPH_ID_INVALID)
		rte_exit(EXIT_FAILURE, "rte_graph: no graph\n");
	subject->graph = rte_graph_lookup(name);
	return (struct bench_subject){"rte_graph", run, subject};
}
