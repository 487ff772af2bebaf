/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The planner: first every hop that a packet may meet on its way out (exits), then the VNFs of
 * each path each way, then the way in at each port (entries), which leads to them.
 *
 *   entry:  rx -> fuse -> [reassemble] -> [l3-in] -> spread -> fuse -> [steer | unpin] -> paths
 *   path:   VNF hops, one each way; fuse behind those that decapsulate
 *   exit:   [pin] -> [l3-out | fragment] -> tx
 *
 * Of a chain that is merged of two (core/chain/merge.h), old and new have gates of their own at a
 * port whose paths differ, which share all up to the choice between them, and the way out:
 *
 *   entry:  rx -> ... -> spread (as the old one wants it) -> fuse -> drain
 *           drain -> [old steer] -> old paths
 *           drain -> [spread] -> [steer] -> paths
 *   exit:   drain -> [pin] -> ...
 */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <core/chain/planner.h>

static void plan_all(struct sl_planner *p)
{
	const struct sl_chain *chain = p->chain;

	sl_planner_survey(p);
	for (unsigned int i = 0; i < chain->port_count && !p->failed; i++)
		sl_planner_tx(p, i);
	for (unsigned int i = 0; i < chain->path_count && !p->failed; i++) {
		sl_planner_exit(p, i, SL_INSIDE);
		if (chain->paths[i].both_ways)
			sl_planner_exit(p, i, SL_OUTSIDE);
		sl_planner_vnfs(p, i);
	}
	for (unsigned int i = 0; i < chain->path_count && !p->failed; i++)
		sl_planner_join(p, i);
	for (unsigned int i = 0; i < chain->port_count && !p->failed; i++)
		sl_planner_entry(p, i);
}

static void planner_free(struct sl_planner *p)
{
	for (unsigned int i = 0; p->ways != NULL && i < p->chain->path_count; i++) {
		free(p->ways[i].on);
		free(p->ways[i].back);
		free(p->ways[i].reaches);
	}
	free(p->ways);
	free(p->gates);
}

struct sl_plan *sl_plan_new(const struct sl_chain *chain, struct sl_errors *errors)
{
	struct sl_planner p = {.chain = chain, .errors = errors};

	p.plan = sl_planner_alloc(&p, 1, sizeof(*p.plan));
	if (p.plan == NULL)
		return NULL;
	p.ways = sl_planner_alloc(&p, chain->path_count, sizeof(*p.ways));
	p.gates = sl_planner_alloc(&p, 2 * chain->port_count, sizeof(*p.gates));
	p.old_gates = p.gates != NULL ? p.gates + chain->port_count : NULL;
	p.plan->rx = sl_planner_alloc(&p, chain->port_count, sizeof(*p.plan->rx));
	p.plan->out = sl_planner_alloc(&p, chain->port_count, sizeof(*p.plan->out));
	p.plan->spread_vnf = sl_planner_alloc(&p, chain->port_count, sizeof(*p.plan->spread_vnf));
	p.plan->spread_side = sl_planner_alloc(&p, chain->port_count, sizeof(*p.plan->spread_side));
	if (!p.failed)
		plan_all(&p);
	planner_free(&p);
	if (p.failed || p.wrong) {
		sl_plan_free(p.plan);
		return NULL;
	}
	return p.plan;
}

void sl_plan_free(struct sl_plan *plan)
{
	if (plan == NULL)
		return;
	free(plan->hops);
	free(plan->rx);
	free(plan->out);
	free(plan->spread_vnf);
	free(plan->spread_side);
	free(plan);
}

void *sl_planner_alloc(struct sl_planner *p, size_t count, size_t size)
{
	void *memory = calloc(count > 0 ? count : 1, size);

	if (memory == NULL && !p->failed) {
		p->failed = true;
		sl_fail(p->errors, ENOMEM, "out of memory while planning the chain");
	}
	return memory;
}

uint16_t sl_planner_add(struct sl_planner *p, enum sl_plan_kind kind, unsigned int port,
			enum sl_side from, const char *format, ...)
{
	struct sl_plan *plan = p->plan;
	struct sl_plan_hop *hop;
	va_list args;

	if (p->failed)
		return SL_PLAN_NONE;
	if (plan->hop_count == SL_PLAN_NONE) {
		p->failed = true;
		sl_fail(p->errors, E2BIG,
			"the chain has more than %u hops; split it over several chains",
			SL_PLAN_NONE);
		return SL_PLAN_NONE;
	}
	if (plan->hop_count == p->room) {
		unsigned int room = p->room == 0 ? 64 : 2 * p->room;

		hop = realloc(plan->hops, room * sizeof(*hop));
		if (hop == NULL) {
			p->failed = true;
			sl_fail(p->errors, ENOMEM, "out of memory while planning the chain");
			return SL_PLAN_NONE;
		}
		plan->hops = hop;
		p->room = room;
	}
	hop = &plan->hops[plan->hop_count];
	memset(hop, 0, sizeof(*hop));
	hop->kind = kind;
	hop->port = port;
	hop->vnf = UINT_MAX;
	hop->path = UINT_MAX;
	hop->from = from;
	hop->edge_count = SL_EDGE_FIRST;
	for (unsigned int e = 0; e <= SL_EDGE_LAST; e++)
		hop->edges[e] = SL_PLAN_NONE;
	va_start(args, format);
	vsnprintf(hop->name, sizeof(hop->name), format, args);
	va_end(args);
	return (uint16_t)plan->hop_count++;
}

void sl_planner_lead(struct sl_planner *p, uint16_t hop, unsigned int edge, uint16_t target)
{
	struct sl_plan_hop *from;

	if (p->failed || hop == SL_PLAN_NONE)
		return;
	from = &p->plan->hops[hop];
	from->edges[edge] = target;
	if (edge >= from->edge_count)
		from->edge_count = (uint8_t)(edge + 1);
}

struct sl_planner_gate *sl_planner_gate(const struct sl_planner *p, unsigned int port,
					enum sl_part part)
{
	return part == SL_PART_OLD ? &p->old_gates[port] : &p->gates[port];
}

/* Whether flows are to be told apart there: both the old chain and the new one have the port. */
bool sl_planner_drains(const struct sl_planner *p, unsigned int port)
{
	return p->old_gates[port].entry_count > 0 && p->chain->ports[port].part == SL_PART_BOTH;
}

/* Where the edges of a VNF lead out of a path. */
const uint32_t *sl_planner_edges(const struct sl_chain_vnf *vnf, const struct sl_chain_path *path)
{
	return path->part == SL_PART_OLD && vnf->old_edge_paths != NULL ? vnf->old_edge_paths
									: vnf->edge_paths;
}
