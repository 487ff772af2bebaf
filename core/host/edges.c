/* SPDX-License-Identifier: BSD-3-Clause */
/* Where packets go from hop to hop: the plan's edges, as these workers have use for them, and those
 * by which actions leave the hops that fuse. */
#include <string.h>

#include <core/host/build.h>

/* Hops of the plan that these workers have no use for: packets pass them by. With one worker there
 * is nothing to spread; flows are looked up once, as early as their packets are at home. */
static bool pass_by(const struct sl_build *build, const struct sl_plan_hop *hop)
{
	bool home = build->engine->worker_count == 1 || build->generation->in_hardware;

	if (hop->kind == SL_PLAN_SPREAD)
		return build->engine->worker_count == 1;
	if (hop->kind != SL_PLAN_FUSE || hop->rank == SL_PLAN_FUSE_INNER)
		return false;
	return home != (hop->rank == SL_PLAN_FUSE_EARLY);
}

static void lead(const struct sl_build *build, const struct sl_plan_hop *planned,
		 struct sl_graph_hop *hop)
{
	memcpy(hop->edges, planned->edges, sizeof(hop->edges));
	for (unsigned int e = 0; e < planned->edge_count; e++) {
		uint16_t next = hop->edges[e];

		while (next != SL_PLAN_NONE && pass_by(build, &build->plan->hops[next]))
			next = build->plan->hops[next].edges[SL_ON];
		hop->edges[e] = next;
	}
}

/* Whether an action can end before this hop: it says nothing on trails, or not to all workers. */
static bool ends_actions(const struct sl_build *build, const struct sl_plan_hop *hop,
			 const struct sl_node_type *type)
{
	if (hop->kind == SL_PLAN_RX || hop->kind == SL_PLAN_FUSE)
		return false;
	return (type->flags & SL_NODE_TRAILS) == 0 ||
	       ((type->flags & SL_NODE_DECAPSULATES) != 0 && hop->from == SL_OUTSIDE) ||
	       sl_placement_hop(&build->placement, hop) != build->placement.all;
}

/* The edges by which actions leave hops that fuse: first those to where packets leave. What finds
 * no number is not fused. */
static void lead_actions(struct sl_build *build)
{
	struct sl_generation *generation = build->generation;
	uint16_t ends[SL_EDGE_LAST];
	uint8_t count = 0;

	for (unsigned int round = 0; round < 2; round++)
		for (unsigned int i = 0; i < build->plan->hop_count; i++) {
			const struct sl_plan_hop *hop = &build->plan->hops[i];

			if ((hop->kind == SL_PLAN_TX) == (round == 0) &&
			    count < SL_EDGE_LAST - SL_EDGE_FIRST &&
			    ends_actions(build, hop, sl_graph_hop_type(&generation->hops[i])))
				ends[count++] = (uint16_t)i;
		}
	for (unsigned int i = 0; i < build->plan->hop_count; i++) {
		struct sl_graph_hop *hop = &generation->hops[i];

		if (build->plan->hops[i].kind != SL_PLAN_FUSE)
			continue;
		for (uint8_t e = 0; e < count; e++)
			hop->edges[SL_EDGE_FIRST + e] = ends[e];
		hop->edge_count = (uint8_t)(SL_EDGE_FIRST + count);
	}
}

/* The edge by which the hop's VNF names the path that the hop stands in. */
static uint8_t own_path(const struct sl_build *build, const struct sl_plan_hop *planned)
{
	const struct sl_chain_vnf *vnf = &build->chain->vnfs[planned->vnf];
	const uint32_t *paths = planned->part == SL_PART_OLD && vnf->old_edge_paths != NULL
					? vnf->old_edge_paths
					: vnf->edge_paths;
	unsigned int e = 0;

	while (vnf->type->edges != NULL && vnf->type->edges[e].name != NULL)
		e++; /* the type's own come first */
	for (; e < vnf->edge_count; e++)
		if (paths[e] == planned->path)
			return (uint8_t)(SL_EDGE_FIRST + e);
	return SL_ON;
}

void sl_build_edges(struct sl_build *build)
{
	for (unsigned int i = 0; i < build->plan->hop_count; i++) {
		const struct sl_plan_hop *planned = &build->plan->hops[i];
		struct sl_graph_hop *hop = &build->generation->hops[i];

		lead(build, planned, hop);
		if (planned->kind == SL_PLAN_VNF)
			hop->own_path = own_path(build, planned);
	}
	lead_actions(build);
}
