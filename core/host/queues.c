/* SPDX-License-Identifier: BSD-3-Clause */
/* Which worker gets a packet: by the queue that it polls, by the devices' hash, by hand-off. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include <core/host/build.h>
#include <core/worker/handoff.h>
#include <core/worker/spread.h>

/* The first instance on these workers, from that hop on, that has a say in who gets a packet. */
static struct sl_instance *spreads_from(const struct sl_build *build, unsigned int number,
					const struct sl_node_type **type, enum sl_side *side)
{
	const struct sl_plan_hop *hops = build->plan->hops;
	uint64_t workers = sl_placement_hop(&build->placement, &hops[number]);

	for (unsigned int steps = 0; steps < build->plan->hop_count; steps++) {
		const struct sl_plan_hop *hop = &hops[number];

		if (sl_placement_hop(&build->placement, hop) != workers)
			break;
		if (hop->kind == SL_PLAN_VNF && build->chain->vnfs[hop->vnf].type->spread != NULL) {
			*side = hop->from;
			*type = build->chain->vnfs[hop->vnf].type;
			return build->generation->vnfs[hop->vnf];
		}
		/* Up to where old and new part, all is as the old chain has it. */
		number = hop->kind == SL_PLAN_DRAIN && hop->rank <= SL_PLAN_DRAIN_EARLY
				 ? hop->edges[SL_EDGE_FIRST]
				 : hop->edges[SL_ON];
		if (number == SL_PLAN_NONE)
			break;
	}
	return NULL;
}

/* Whether every port has a queue for each worker and spreads by the same symmetric hash. Then queue
 * q of all ports is worker q's, and both ways of a session meet. */
static bool spread_by_device(const struct sl_build *build)
{
	const struct sl_engine *engine = build->engine;
	struct sl_port *const *ports = build->generation->ports;

	if (build->placement.chain != build->placement.all)
		return false;
	for (unsigned int i = 0; i < build->chain->port_count; i++)
		if (!ports[i]->symmetric_rss || ports[i]->rx_queues != engine->worker_count ||
		    build->placement.rx[i] != build->placement.all)
			return false;
	return true;
}

/* Whether no VNF wants another way. */
static bool spread_in_hardware(const struct sl_build *build)
{
	for (unsigned int i = 0; i < build->plan->hop_count; i++)
		if (build->plan->hops[i].kind == SL_PLAN_SPREAD &&
		    build->plan->hops[i].vnf != UINT_MAX)
			return false;
	return build->generation->by_device;
}

void sl_build_spreading(struct sl_build *build)
{
	struct sl_handoff *handoff = build->generation->handoff;

	build->generation->by_device = spread_by_device(build);
	build->generation->in_hardware = spread_in_hardware(build);
	for (unsigned int i = 0; i < build->plan->hop_count; i++) {
		enum sl_side side = SL_INSIDE;
		const struct sl_node_type *type = NULL;
		struct sl_instance *by = spreads_from(build, i, &type, &side);

		sl_spread_rule_init(&handoff->hops[i],
				    sl_placement_hop(&build->placement, &build->plan->hops[i]), by,
				    type, side);
	}
}

/* Queues of a port in turn to its pollers; with fewer queues than pollers, ports begin at
 * different ones. */
static unsigned int poller_of(const struct sl_build *build, unsigned int port, unsigned int queue)
{
	uint64_t mask = build->placement.rx[port];
	unsigned int count = (unsigned int)__builtin_popcountll(mask);
	unsigned int rank = queue % count;

	/* By its index, so that the queue stays where it is in the next generation. */
	if (build->generation->ports[port]->rx_queues < count)
		rank = (queue + build->generation->ports[port]->index) % count;
	while (rank-- > 0)
		mask &= mask - 1;
	return (unsigned int)__builtin_ctzll(mask);
}

static int add_poll(struct sl_worker_graph *graph, struct sl_port *port, unsigned int queue,
		    uint16_t hop)
{
	struct sl_poll *polls = realloc(graph->polls, (graph->poll_count + 1) * sizeof(*polls));

	if (polls == NULL)
		return -ENOMEM;
	graph->polls = polls;
	polls[graph->poll_count++] =
		(struct sl_poll){.port = port, .queue = (uint16_t)queue, .hop = hop};
	return 0;
}

int sl_build_polls(struct sl_build *build)
{
	for (unsigned int p = 0; p < build->chain->port_count; p++) {
		struct sl_port *port = build->generation->ports[p];

		for (unsigned int q = 0; q < port->rx_queues; q++)
			if (add_poll(build->generation->graphs[poller_of(build, p, q)], port, q,
				     build->generation->numbers[build->plan->rx[p]]) != 0)
				return sl_build_no_memory(build);
	}
	return 0;
}
