/* SPDX-License-Identifier: BSD-3-Clause */
/* What the planner must know before it makes hops: which paths packets of a path reach, whether
 * they must be whole, and at each port which paths begin or end and which of them is the home of
 * sessions that nobody knows. */
#include <errno.h>
#include <limits.h>

#include <core/chain/planner.h>

/* Which paths packets of a path may reach through VNFs that name other paths. */
static void spread_reach(const struct sl_chain *chain, struct sl_planner_way *ways,
			 unsigned int from, unsigned int path)
{
	if (ways[from].reaches[path])
		return;
	ways[from].reaches[path] = true;
	for (unsigned int s = 0; s < chain->paths[path].stop_count; s++) {
		const struct sl_chain_vnf *vnf = &chain->vnfs[chain->paths[path].stops[s].vnf];
		const uint32_t *edges = sl_planner_edges(vnf, &chain->paths[path]);

		for (unsigned int e = 0; e < vnf->edge_count; e++)
			if (edges[e] != SL_NO_PATH)
				spread_reach(chain, ways, from, edges[e]);
	}
}

static bool wants_whole(const struct sl_chain *chain, const struct sl_planner_way *way)
{
	for (unsigned int p = 0; p < chain->path_count; p++) {
		if (!way->reaches[p])
			continue;
		for (unsigned int s = 0; s < chain->paths[p].stop_count; s++) {
			unsigned int vnf = chain->paths[p].stops[s].vnf;

			if ((chain->vnfs[vnf].type->flags & SL_NODE_WHOLE_DATAGRAMS) != 0)
				return true;
		}
	}
	return false;
}

/* Where packets go whose session nobody knows: the one path that starts here and that no VNF
 * sends packets to; when none starts here, the first that ends here. */
static void find_home(struct sl_planner *p, unsigned int port, struct sl_planner_gate *gate)
{
	const struct sl_chain_path *home = NULL;
	unsigned int starts = 0;

	gate->home = UINT_MAX;
	for (unsigned int e = 0; e < gate->entry_count; e++) {
		const struct sl_chain_path *path = &p->chain->paths[gate->entries[e].path];

		if (gate->entries[e].from != SL_INSIDE)
			continue;
		starts++;
		if (p->ways[gate->entries[e].path].named)
			continue;
		if (home != NULL && gate->steering == NULL) {
			p->wrong = true;
			sl_fail_place(p->errors, EINVAL, path->place,
				      "path `%s` starts at port `%s` like path `%s`; say which "
				      "packets take which in `steering: {%s: [...]}`",
				      path->name, p->chain->ports[port].name, home->name,
				      p->chain->ports[port].name);
			continue;
		}
		if (home == NULL) {
			home = path;
			gate->home = e;
		}
	}
	if (gate->home == UINT_MAX && gate->entry_count > 0)
		gate->home = 0;
	gate->unpins = gate->steering == NULL && gate->entry_count > 1 &&
		       !(starts == gate->entry_count && home != NULL);
}

static void survey_gate(struct sl_planner *p, unsigned int port, bool old)
{
	const struct sl_chain *chain = p->chain;
	struct sl_planner_gate *gate = sl_planner_gate(p, port, old ? SL_PART_OLD : SL_PART_BOTH);

	gate->addresses = chain->ports[port].config->addresses.count > 0;
	gate->entry_count = old ? sl_chain_old_entries(chain, port, gate->entries, SL_MAX_ENTRIES)
				: sl_chain_entries(chain, port, gate->entries, SL_MAX_ENTRIES);
	for (unsigned int s = 0; s < chain->steering_count; s++)
		if (chain->steerings[s].port == port &&
		    (chain->steerings[s].part == SL_PART_OLD) == old)
			gate->steering = &chain->steerings[s];
	if (gate->entry_count > SL_MAX_ENTRIES) {
		p->wrong = true;
		sl_fail_place(p->errors, E2BIG, chain->ports[port].place,
			      "port `%s` has %u paths; at most %u can meet at a port",
			      chain->ports[port].name, gate->entry_count, SL_MAX_ENTRIES);
		gate->entry_count = SL_MAX_ENTRIES;
	}
	for (unsigned int e = 0; e < gate->entry_count; e++)
		if (wants_whole(chain, &p->ways[gate->entries[e].path]))
			gate->reassembles = true;
	find_home(p, port, gate);
}

static void survey_port(struct sl_planner *p, unsigned int port)
{
	struct sl_planner_gate *gate = &p->gates[port], *old = &p->old_gates[port];

	survey_gate(p, port, false);
	survey_gate(p, port, true);
	/* They have one way in. */
	gate->reassembles = old->reassembles = gate->reassembles || old->reassembles;
}

void sl_planner_survey(struct sl_planner *p)
{
	const struct sl_chain *chain = p->chain;

	for (unsigned int i = 0; i < chain->path_count; i++) {
		struct sl_planner_way *way = &p->ways[i];

		way->on = sl_planner_alloc(p, chain->paths[i].stop_count, sizeof(*way->on));
		way->back = sl_planner_alloc(p, chain->paths[i].stop_count, sizeof(*way->back));
		way->reaches = sl_planner_alloc(p, chain->path_count, sizeof(*way->reaches));
		way->exit[SL_INSIDE] = way->exit[SL_OUTSIDE] = SL_PLAN_NONE;
	}
	if (p->failed)
		return;
	for (unsigned int i = 0; i < chain->path_count; i++)
		spread_reach(chain, p->ways, i, i);
	for (unsigned int v = 0; v < chain->vnf_count; v++)
		for (unsigned int e = 0; e < chain->vnfs[v].edge_count; e++) {
			const struct sl_chain_vnf *vnf = &chain->vnfs[v];

			if (vnf->edge_paths[e] != SL_NO_PATH)
				p->ways[vnf->edge_paths[e]].named = true;
			if (vnf->old_edge_paths != NULL && vnf->old_edge_paths[e] != SL_NO_PATH)
				p->ways[vnf->old_edge_paths[e]].named = true;
		}
	for (unsigned int i = 0; i < chain->port_count; i++)
		survey_port(p, i);
}
