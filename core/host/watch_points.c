/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <core/host/watch_points.h>

static const struct sl_plan_hop *find_hop(const struct sl_plan *plan, const char *name,
					  size_t length)
{
	for (unsigned int i = 0; i < plan->hop_count; i++)
		if (strlen(plan->hops[i].name) == length &&
		    memcmp(plan->hops[i].name, name, length) == 0)
			return &plan->hops[i];
	return NULL;
}

static int add_point(struct sl_watch_points *points, enum sl_watch_point_kind kind, const char *hop,
		     const char *which, struct sl_errors *errors)
{
	struct sl_watch_point *list = realloc(points->list, (points->count + 1) * sizeof(*list));
	struct sl_watch_point point = {.kind = kind, .hop = strdup(hop)};

	if (which != NULL)
		point.which = strdup(which);
	if (list != NULL)
		points->list = list;
	if (list == NULL || point.hop == NULL || (which != NULL && point.which == NULL)) {
		free(point.hop);
		free(point.which);
		return sl_fail(errors, ENOMEM, "out of memory");
	}
	points->list[points->count++] = point;
	return 0;
}

/* Both ends of a port, or one. */
static int add_port(struct sl_watch_points *points, const char *port, bool rx, bool tx,
		    struct sl_errors *errors)
{
	char name[160];
	int err = 0;

	if (rx) {
		snprintf(name, sizeof(name), "%s:rx", port);
		err = add_point(points, SL_WATCH_AT_RX, name, NULL, errors);
	}
	if (tx && err == 0) {
		snprintf(name, sizeof(name), "%s:tx", port);
		err = add_point(points, SL_WATCH_AT_TX, name, NULL, errors);
	}
	return err;
}

const char *sl_watch_edge_name(const struct sl_chain *chain, const struct sl_plan *plan,
			       const struct sl_plan_hop *hop, const struct sl_node_type *type,
			       unsigned int edge)
{
	unsigned int own = 0;

	if (edge < SL_EDGE_FIRST)
		return edge == SL_ON ? "on" : "back";
	while (type->edges != NULL && type->edges[own].name != NULL)
		own++;
	if (edge - SL_EDGE_FIRST < own)
		return type->edges[edge - SL_EDGE_FIRST].name;
	if (hop->kind == SL_PLAN_VNF) {
		const struct sl_chain_vnf *vnf = &chain->vnfs[hop->vnf];
		uint32_t path = edge - SL_EDGE_FIRST < vnf->edge_count
					? vnf->edge_paths[edge - SL_EDGE_FIRST]
					: SL_NO_PATH;

		if (path != SL_NO_PATH)
			return chain->paths[path].name;
	}
	/* The engine's own: by where it leads. */
	if (edge < hop->edge_count && hop->edges[edge] != SL_PLAN_NONE)
		return plan->hops[hop->edges[edge]].name;
	return "fused";
}

const char *sl_watch_reason_name(const struct sl_node_type *type, unsigned int reason)
{
	unsigned int own = 0;

	while (type->reasons != NULL && type->reasons[own].name != NULL)
		own++;
	if (reason < own)
		return type->reasons[reason].name;
	return reason - own < SL_REASON_COUNT ? sl_graph_reasons[reason - own].name : NULL;
}

static bool has_reason(const struct sl_generation *g, const char *name)
{
	const char *reason;

	for (unsigned int h = 0; h < g->plan->hop_count; h++)
		for (unsigned int r = 0;
		     (reason = sl_watch_reason_name(g->hops[h].instance->type, r)) != NULL; r++)
			if (strcmp(reason, name) == 0)
				return true;
	return false;
}

static int no_edge(const struct sl_generation *g, const struct sl_plan_hop *hop, const char *edge,
		   struct sl_errors *errors)
{
	const struct sl_node_type *type = g->hops[hop - g->plan->hops].instance->type;
	char have[256] = "out";
	size_t used = 3;

	for (unsigned int e = 0; e < hop->edge_count && used < sizeof(have); e++)
		used += (size_t)snprintf(have + used, sizeof(have) - used, ", %s",
					 sl_watch_edge_name(g->chain, g->plan, hop, type, e));
	return sl_fail(errors, EINVAL, "--at %s:%s: the hop has no edge `%s`; it has: %s",
		       hop->name, edge, edge, have);
}

static int no_point(const struct sl_generation *g, const char *text, struct sl_errors *errors)
{
	const char **names = calloc(g->plan->hop_count + g->chain->port_count + 2, sizeof(*names));
	unsigned int count = 0;
	const char *near = NULL;

	if (names != NULL) {
		for (unsigned int i = 0; i < g->chain->port_count; i++)
			names[count++] = g->chain->ports[i].name;
		for (unsigned int i = 0; i < g->plan->hop_count; i++)
			names[count++] = g->plan->hops[i].name;
		names[count] = "drops";
		near = sl_near_miss(text, names);
	}
	sl_fail(errors, EINVAL,
		near != NULL ? "--at %s: no such port, hop or edge; did you mean `%s`?"
			     : "--at %s: no such port, hop or edge; `sluice show nodes` lists the "
			       "hops",
		text, near);
	free(names);
	return -EINVAL;
}

int sl_watch_points_add(struct sl_watch_points *points, const struct sl_generation *g,
			const char *text, bool traces, struct sl_errors *errors)
{
	const char *colon = strrchr(text, ':');
	const struct sl_plan_hop *hop;

	for (unsigned int i = 0; i < g->chain->port_count; i++)
		if (strcmp(g->chain->ports[i].name, text) == 0)
			return add_port(points, text, true, !traces, errors);
	hop = find_hop(g->plan, text, strlen(text));
	if (hop != NULL && hop->kind == SL_PLAN_RX)
		return add_point(points, SL_WATCH_AT_RX, text, NULL, errors);
	if (traces)
		return sl_fail(errors, EINVAL, "--at %s: there is no such port", text);
	if (hop != NULL)
		return add_point(points, hop->kind == SL_PLAN_TX ? SL_WATCH_AT_TX : SL_WATCH_AT_IN,
				 text, NULL, errors);
	if (strcmp(text, "drops") == 0)
		return add_point(points, SL_WATCH_AT_DROPS, "", NULL, errors);
	if (strncmp(text, "drops:", 6) == 0) {
		if (!has_reason(g, text + 6))
			return sl_fail(errors, EINVAL,
				       "--at %s: no hop drops for such a reason; `sluice show "
				       "paths` has those that occurred",
				       text);
		return add_point(points, SL_WATCH_AT_DROPS, "", text + 6, errors);
	}
	hop = colon != NULL ? find_hop(g->plan, text, (size_t)(colon - text)) : NULL;
	if (hop == NULL)
		return no_point(g, text, errors);
	if (strcmp(colon + 1, "out") == 0)
		return add_point(points, SL_WATCH_AT_OUT, hop->name, NULL, errors);
	for (unsigned int e = 0; e < hop->edge_count; e++)
		if (strcmp(sl_watch_edge_name(g->chain, g->plan, hop,
					      g->hops[hop - g->plan->hops].instance->type, e),
			   colon + 1) == 0)
			return add_point(points, SL_WATCH_AT_OUT, hop->name, colon + 1, errors);
	return no_edge(g, hop, colon + 1, errors);
}

int sl_watch_points_add_ports(struct sl_watch_points *points, const struct sl_generation *g,
			      bool traces, struct sl_errors *errors)
{
	int err = 0;

	for (unsigned int i = 0; i < g->chain->port_count && err == 0; i++)
		err = add_port(points, g->chain->ports[i].name, true, !traces, errors);
	return err;
}

void sl_watch_points_free(struct sl_watch_points *points)
{
	for (unsigned int i = 0; i < points->count; i++) {
		free(points->list[i].hop);
		free(points->list[i].which);
	}
	free(points->list);
}
