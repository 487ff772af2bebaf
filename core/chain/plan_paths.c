/* SPDX-License-Identifier: BSD-3-Clause */
/* The hops of paths, each way, and the ways out at their ends. */
#include <limits.h>

#include <core/chain/planner.h>

/* tx, and what sluice itself sends by the port or what turns back on one-way paths. */
void sl_planner_tx(struct sl_planner *p, unsigned int port)
{
	const char *name = p->chain->ports[port].name;
	struct sl_planner_gate *gate = &p->gates[port];

	gate->tx = sl_planner_add(p, SL_PLAN_TX, port, SL_INSIDE, "%s:tx", name);
	gate->out = gate->plain_out = gate->tx;
	if (gate->addresses) {
		gate->out = sl_planner_add(p, SL_PLAN_L3_OUT, port, SL_INSIDE, "%s:out", name);
		gate->plain_out = gate->out;
	} else if (gate->reassembles) {
		gate->plain_out =
			sl_planner_add(p, SL_PLAN_FRAGMENT, port, SL_INSIDE, "%s:fragment", name);
	}
	if (gate->plain_out != gate->tx)
		sl_planner_lead(p, gate->plain_out, SL_ON, gate->tx);
	p->plan->out[port] = gate->out;
	p->old_gates[port].tx = gate->tx;
	p->old_gates[port].out = gate->out;
	p->old_gates[port].plain_out = gate->plain_out;
}

/* Datagrams that were put together may leave by this path. */
static bool carries_reassembled(const struct sl_planner *p, unsigned int path)
{
	for (unsigned int g = 0; g < 2 * p->chain->port_count; g++) {
		const struct sl_planner_gate *gate =
			&p->gates[g]; /* the old ones stand behind them */

		for (unsigned int e = 0; gate->reassembles && e < gate->entry_count; e++)
			if (p->ways[gate->entries[e].path].reaches[path])
				return true;
	}
	return false;
}

/* Rank of a path among the entries of a port, or UINT_MAX when it cannot be entered there. */
static unsigned int rank_at(const struct sl_planner_gate *gate, unsigned int path)
{
	for (unsigned int e = 0; e < gate->entry_count; e++)
		if (gate->entries[e].path == path)
			return e;
	return UINT_MAX;
}

/* Note which chain a session belongs to that leaves by `next`. */
static uint16_t plan_note(struct sl_planner *p, unsigned int path, unsigned int port,
			  enum sl_side from, uint16_t next)
{
	const struct sl_chain_path *route = &p->chain->paths[path];
	uint16_t hop = sl_planner_add(p, SL_PLAN_DRAIN, port, from, "%s/%s%cdrain", route->name,
				      p->chain->ports[port].name, from == SL_INSIDE ? '>' : '<');

	sl_planner_lead(p, hop, SL_ON, next);
	if (!p->failed) {
		p->plan->hops[hop].path = path;
		p->plan->hops[hop].part = route->part;
		p->plan->hops[hop].rank = route->part == SL_PART_OLD ? SL_PLAN_DRAIN_OLD_EXIT
								     : SL_PLAN_DRAIN_NEW_EXIT;
	}
	return hop;
}

/* The way out of a path for packets that come from that side. A hop of its own per path, as
 * what turns back there goes into this path's last VNF. */
void sl_planner_exit(struct sl_planner *p, unsigned int path, enum sl_side from)
{
	const struct sl_chain_path *route = &p->chain->paths[path];
	unsigned int port = from == SL_INSIDE ? route->last : route->first;
	const char *name = p->chain->ports[port].name, arrow = from == SL_INSIDE ? '>' : '<';
	struct sl_planner_gate *gate = sl_planner_gate(p, port, route->part);
	unsigned int rank = rank_at(gate, path);
	uint16_t hop = gate->tx, pin;

	if (gate->addresses)
		hop = sl_planner_add(p, SL_PLAN_L3_OUT, port, from, "%s/%s%cout", route->name, name,
				     arrow);
	else if (carries_reassembled(p, path))
		hop = sl_planner_add(p, SL_PLAN_FRAGMENT, port, from, "%s/%s%cfragment",
				     route->name, name, arrow);
	if (hop != gate->tx && !p->failed) {
		sl_planner_lead(p, hop, SL_ON, gate->tx);
		p->plan->hops[hop].path = path;
		p->plan->hops[hop].part = route->part;
	}
	if (gate->unpins && rank != UINT_MAX) {
		pin = sl_planner_add(p, SL_PLAN_PIN, port, from, "%s/%s%cpin", route->name, name,
				     arrow);
		sl_planner_lead(p, pin, SL_ON, hop);
		if (!p->failed) {
			p->plan->hops[pin].path = path;
			p->plan->hops[pin].rank = rank;
			p->plan->hops[pin].part = route->part;
		}
		hop = pin;
	}
	if (sl_planner_drains(p, port))
		hop = plan_note(p, path, port, from, hop);
	p->ways[path].exit[from] = hop;
}

void sl_planner_vnfs(struct sl_planner *p, unsigned int path)
{
	const struct sl_chain_path *route = &p->chain->paths[path];
	struct sl_planner_way *way = &p->ways[path];

	for (unsigned int s = 0; s < route->stop_count; s++) {
		unsigned int vnf = route->stops[s].vnf;
		const char *name = p->chain->vnfs[vnf].name;

		way->back[s] = SL_PLAN_NONE;
		way->on[s] = sl_planner_add(p, SL_PLAN_VNF, UINT_MAX, SL_INSIDE, "%s/%s>",
					    route->name, name);
		if (route->both_ways)
			way->back[s] = sl_planner_add(p, SL_PLAN_VNF, UINT_MAX, SL_OUTSIDE,
						      "%s/%s<", route->name, name);
		if (p->failed)
			return;
		for (unsigned int side = 0; side < 2; side++) {
			uint16_t hop = side == SL_INSIDE ? way->on[s] : way->back[s];

			if (hop == SL_PLAN_NONE)
				continue;
			p->plan->hops[hop].vnf = vnf;
			p->plan->hops[hop].path = path;
			p->plan->hops[hop].part = route->part;
		}
	}
}

/* Where a packet that travels on the path from that side goes after `stop` (-1 and stop_count
 * stand for the ports). */
static uint16_t next_hop(const struct sl_planner *p, unsigned int path, enum sl_side from, int stop)
{
	const struct sl_chain_path *route = &p->chain->paths[path];
	const struct sl_planner_way *way = &p->ways[path];

	if (from == SL_INSIDE)
		return stop + 1 < (int)route->stop_count ? way->on[stop + 1] : way->exit[SL_INSIDE];
	if (!route->both_ways) /* only what turned back: leaves where it came from */
		return p->gates[route->first].plain_out;
	return stop > 0 ? way->back[stop - 1] : way->exit[SL_OUTSIDE];
}

uint16_t sl_planner_first(const struct sl_planner *p, unsigned int path, enum sl_side from)
{
	int stops = (int)p->chain->paths[path].stop_count;

	return next_hop(p, path, from, from == SL_INSIDE ? -1 : stops);
}

/* Where an edge to another path leads: behind the same VNF when it stands there too (so that a
 * classifier which several paths share is passed once), else to the start of that path. */
static uint16_t go_over(const struct sl_planner *p, unsigned int path, unsigned int vnf,
			enum sl_side from)
{
	const struct sl_chain_path *route = &p->chain->paths[path];

	if (!route->both_ways)
		from = SL_INSIDE;
	for (unsigned int s = 0; s < route->stop_count; s++)
		if (route->stops[s].vnf == vnf)
			return next_hop(p, path, from, (int)s);
	return sl_planner_first(p, path, from);
}

/* Look flows up on the way to `next`. */
uint16_t sl_planner_fuse(struct sl_planner *p, enum sl_plan_fuse where, unsigned int port,
			 enum sl_side from, const char *name, uint16_t next)
{
	uint16_t hop = sl_planner_add(p, SL_PLAN_FUSE, port, from, "%s", name);

	if (p->failed)
		return hop;
	p->plan->hops[hop].rank = where;
	sl_planner_lead(p, hop, SL_ON, next);
	return hop;
}

/* What a VNF has decapsulated is another flow: where that edge leads, by way of looking it up. */
static uint16_t behind(struct sl_planner *p, uint16_t hop, unsigned int edge, uint16_t next)
{
	char name[128];
	uint16_t fuse;

	if (p->failed || hop == SL_PLAN_NONE || next == SL_PLAN_NONE)
		return next;
	snprintf(name, sizeof(name), edge == SL_ON ? "%.110sfuse" : "%.110sfuse%u",
		 p->plan->hops[hop].name, edge - SL_EDGE_FIRST + 1);
	fuse = sl_planner_fuse(p, SL_PLAN_FUSE_INNER, UINT_MAX, p->plan->hops[hop].from, name,
			       next);
	if (!p->failed) {
		p->plan->hops[fuse].vnf = p->plan->hops[hop].vnf;
		p->plan->hops[fuse].path = p->plan->hops[hop].path;
		p->plan->hops[fuse].part = p->plan->hops[hop].part;
	}
	return fuse;
}

void sl_planner_join(struct sl_planner *p, unsigned int path)
{
	const struct sl_chain_path *route = &p->chain->paths[path];
	const struct sl_planner_way *way = &p->ways[path];

	for (unsigned int s = 0; s < route->stop_count; s++) {
		const struct sl_chain_vnf *vnf = &p->chain->vnfs[route->stops[s].vnf];
		const uint32_t *edges = sl_planner_edges(vnf, route);

		for (unsigned int side = 0; side < 2; side++) {
			uint16_t hop = side == SL_INSIDE ? way->on[s] : way->back[s];
			bool opens = side == SL_OUTSIDE &&
				     (vnf->type->flags & SL_NODE_DECAPSULATES) != 0;
			uint16_t next = next_hop(p, path, side, (int)s);

			sl_planner_lead(p, hop, SL_ON, opens ? behind(p, hop, SL_ON, next) : next);
			sl_planner_lead(p, hop, SL_BACK, next_hop(p, path, !side, (int)s));
			for (unsigned int e = 0; e < vnf->edge_count; e++) {
				unsigned int edge = SL_EDGE_FIRST + e;

				next = edges[e] == SL_NO_PATH
					       ? SL_PLAN_NONE
					       : go_over(p, edges[e], route->stops[s].vnf, side);
				sl_planner_lead(p, hop, edge,
						opens ? behind(p, hop, edge, next) : next);
			}
		}
	}
	/* What turns back at an exit travels the path the other way. */
	for (unsigned int side = 0; side < 2; side++) {
		uint16_t hop = way->exit[side];
		uint16_t back = sl_planner_first(p, path, !side);

		if (p->failed || hop == SL_PLAN_NONE)
			continue;
		while (p->plan->hops[hop].kind == SL_PLAN_PIN ||
		       p->plan->hops[hop].kind == SL_PLAN_DRAIN) {
			sl_planner_lead(p, hop, SL_BACK, back);
			hop = p->plan->hops[hop].edges[SL_ON];
		}
		if (p->plan->hops[hop].kind != SL_PLAN_TX)
			sl_planner_lead(p, hop, SL_BACK, back);
	}
}
