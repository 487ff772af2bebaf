/* SPDX-License-Identifier: BSD-3-Clause */
/* The way in at each port, up to the choice between its paths. */
#include <limits.h>
#include <stdio.h>

#include <core/chain/merge.h>
#include <core/chain/planner.h>

static unsigned int own_edges(const struct sl_node_type *type)
{
	unsigned int count = 0;

	while (type->edges != NULL && type->edges[count].name != NULL)
		count++;
	return count;
}

/* The VNF nearest to that end of the path that has a say in spreading. */
static unsigned int spreader(const struct sl_chain *chain, const struct sl_chain_entry *entry)
{
	const struct sl_chain_path *path = &chain->paths[entry->path];

	for (unsigned int s = 0; s < path->stop_count; s++) {
		unsigned int i = entry->from == SL_INSIDE ? s : path->stop_count - 1 - s;

		if (chain->vnfs[path->stops[i].vnf].type->spread != NULL)
			return path->stops[i].vnf;
	}
	return UINT_MAX;
}

/* Whether all entries of the port want the same spreading; *who gets what to use: with paths
 * that differ, that of the first which wants a special one. */
static bool agree(const struct sl_planner *p, const struct sl_planner_gate *gate, unsigned int *who,
		  enum sl_side *side)
{
	bool same = true;

	*who = UINT_MAX;
	*side = gate->entry_count > 0 ? gate->entries[0].from : SL_INSIDE;
	for (unsigned int e = 0; e < gate->entry_count; e++) {
		unsigned int vnf = spreader(p->chain, &gate->entries[e]);

		if (e > 0 && (vnf != *who || (vnf != UINT_MAX && gate->entries[e].from != *side)))
			same = false;
		if (*who == UINT_MAX && vnf != UINT_MAX) {
			*who = vnf;
			*side = gate->entries[e].from;
		}
	}
	return same;
}

static uint16_t add_spread(struct sl_planner *p, unsigned int port, unsigned int path,
			   unsigned int vnf, enum sl_side from)
{
	uint16_t hop;

	if (path == UINT_MAX)
		hop = sl_planner_add(p, SL_PLAN_SPREAD, port, from, "%s:spread",
				     p->chain->ports[port].name);
	else
		hop = sl_planner_add(p, SL_PLAN_SPREAD, port, from, "%s/%s:spread",
				     p->chain->paths[path].name, p->chain->ports[port].name);
	if (!p->failed) {
		p->plan->hops[hop].vnf = vnf;
		p->plan->hops[hop].path = path;
		if (path != UINT_MAX)
			p->plan->hops[hop].part = p->chain->paths[path].part;
	}
	return hop;
}

/* Choose among the entries: by steering, or by memory of where the session came from. */
static uint16_t plan_choice(struct sl_planner *p, unsigned int port,
			    const struct sl_planner_gate *gate, bool spread_each)
{
	const char *name = p->chain->ports[port].name;
	bool old = gate == &p->old_gates[port] && sl_planner_drains(p, port);
	const char *suffix = old ? p->chain->merged->suffix : "";
	unsigned int first = SL_EDGE_FIRST;
	enum sl_side from = gate->entries[0].from;
	uint16_t hop;

	if (gate->steering != NULL) {
		hop = sl_planner_add(p, SL_PLAN_STEER, port, from, "%s%s:steer", name, suffix);
		first += own_edges(gate->steering->type);
		sl_planner_lead(p, hop, SL_BACK, gate->plain_out);
	} else {
		hop = sl_planner_add(p, SL_PLAN_UNPIN, port, from, "%s%s:unpin", name, suffix);
		sl_planner_lead(p, hop, SL_ON,
				sl_planner_first(p, gate->entries[gate->home].path,
						 gate->entries[gate->home].from));
	}
	if (!p->failed)
		p->plan->hops[hop].part = p->chain->paths[gate->entries[0].path].part;
	for (unsigned int e = 0; e < gate->entry_count; e++) {
		const struct sl_chain_entry *entry = &gate->entries[e];
		uint16_t target = sl_planner_first(p, entry->path, entry->from);

		if (first + e > SL_EDGE_LAST)
			break; /* told in survey_gate() */
		if (spread_each) {
			uint16_t spread = add_spread(p, port, entry->path,
						     spreader(p->chain, entry), entry->from);
			char fuse[128];

			snprintf(fuse, sizeof(fuse), "%s/%s:fuse",
				 p->chain->paths[entry->path].name, name);
			sl_planner_lead(p, spread, SL_ON,
					sl_planner_fuse(p, SL_PLAN_FUSE_LATE, port, entry->from,
							fuse, target));
			target = spread;
		}
		sl_planner_lead(p, hop, first + e, target);
	}
	return hop;
}

static uint16_t plan_paths(struct sl_planner *p, unsigned int port,
			   const struct sl_planner_gate *gate, bool spread_each)
{
	const struct sl_chain_entry *home = &gate->entries[gate->home];

	if (gate->steering != NULL || gate->unpins)
		return plan_choice(p, port, gate, spread_each);
	return sl_planner_first(p, home->path, home->from);
}

/* Looking a flow up costs about as much as one function, and more than none. */
static bool worth_fusing(const struct sl_planner *p, const struct sl_planner_gate *gate)
{
	for (unsigned int e = 0; e < gate->entry_count; e++)
		for (unsigned int i = 0; i < p->chain->path_count; i++)
			if (p->ways[gate->entries[e].path].reaches[i] &&
			    p->chain->paths[i].stop_count > 0)
				return true;
	return false;
}

/* Where the new chain leads what has been spread as `who` of the old one wants it. */
static uint16_t plan_new_paths(struct sl_planner *p, unsigned int port, unsigned int who,
			       enum sl_side side, bool spread_before)
{
	const char *name = p->chain->ports[port].name;
	const struct sl_planner_gate *gate = &p->gates[port];
	unsigned int wanted;
	enum sl_side wanted_side;
	bool each;
	uint16_t next, spread;
	char fuse[128];

	if (gate->entry_count == 0)
		return SL_PLAN_NONE; /* packets only leave there from now on */
	each = !agree(p, gate, &wanted, &wanted_side) && gate->steering != NULL;
	next = plan_paths(p, port, gate, each);
	if (each || (spread_before && wanted == who && (who == UINT_MAX || wanted_side == side)))
		return next;
	spread = sl_planner_add(p, SL_PLAN_SPREAD, port, wanted_side, "%s:spread-new", name);
	if (!p->failed)
		p->plan->hops[spread].vnf = wanted;
	snprintf(fuse, sizeof(fuse), "%s:fuse-new", name);
	sl_planner_lead(p, spread, SL_ON,
			sl_planner_fuse(p, SL_PLAN_FUSE_LATE, port, wanted_side, fuse, next));
	return spread;
}

/* Choose between the old chain and the new one. */
static uint16_t plan_drain(struct sl_planner *p, unsigned int port, bool spread_each)
{
	const struct sl_planner_gate *old = &p->old_gates[port];
	enum sl_side from = old->entries[0].from;
	uint16_t hop = sl_planner_add(p, SL_PLAN_DRAIN, port, from, "%s:drain",
				      p->chain->ports[port].name);

	if (!p->failed)
		p->plan->hops[hop].rank = spread_each ? SL_PLAN_DRAIN_EARLY : SL_PLAN_DRAIN_IN;
	sl_planner_lead(p, hop, SL_BACK, old->plain_out);
	sl_planner_lead(p, hop, SL_EDGE_FIRST, plan_paths(p, port, old, spread_each));
	sl_planner_lead(p, hop, SL_ON,
			plan_new_paths(p, port, p->plan->spread_vnf[port],
				       p->plan->spread_side[port], !spread_each));
	return hop;
}

void sl_planner_entry(struct sl_planner *p, unsigned int port)
{
	const char *name = p->chain->ports[port].name;
	struct sl_planner_gate *gate = sl_planner_gate(
		p, port, p->old_gates[port].entry_count > 0 ? SL_PART_OLD : SL_PART_BOTH);
	enum sl_side from = gate->entry_count > 0 ? gate->entries[0].from : SL_INSIDE;
	unsigned int who;
	bool same = agree(p, gate, &who, &p->plan->spread_side[port]);
	bool spread_each = !same && gate->steering != NULL;
	bool fuses = worth_fusing(p, &p->gates[port]) || worth_fusing(p, &p->old_gates[port]);
	uint16_t hop, next;

	p->plan->spread_vnf[port] = who;
	hop = p->plan->rx[port] = sl_planner_add(p, SL_PLAN_RX, port, from, "%s:rx", name);
	if (fuses) {
		char early[128];

		snprintf(early, sizeof(early), "%s:fuse", name);
		next = sl_planner_fuse(p, SL_PLAN_FUSE_EARLY, port, from, early, SL_PLAN_NONE);
		sl_planner_lead(p, hop, SL_ON, next);
		hop = next;
	}
	if (gate->reassembles) {
		next = sl_planner_add(p, SL_PLAN_REASSEMBLE, port, from, "%s:reassemble", name);
		sl_planner_lead(p, hop, SL_ON, next);
		if (gate->addresses) /* ICMP errors about datagrams that never became whole */
			sl_planner_lead(p, next, SL_BACK, gate->out);
		hop = next;
	}
	if (gate->addresses) {
		next = sl_planner_add(p, SL_PLAN_L3_IN, port, from, "%s:l3-in", name);
		sl_planner_lead(p, hop, SL_ON, next);
		sl_planner_lead(p, next, SL_BACK, gate->out);
		hop = next;
	}
	if (gate->entry_count == 0)
		return; /* packets only leave here */
	if (!spread_each) {
		char late[128];

		next = add_spread(p, port, UINT_MAX, who, p->plan->spread_side[port]);
		sl_planner_lead(p, hop, SL_ON, next);
		hop = next;
		if (fuses) {
			snprintf(late, sizeof(late), "%s:fuse-late", name);
			next = sl_planner_fuse(p, SL_PLAN_FUSE_LATE, port, from, late,
					       SL_PLAN_NONE);
			sl_planner_lead(p, hop, SL_ON, next);
			hop = next;
		}
	}
	sl_planner_lead(p, hop, SL_ON,
			sl_planner_drains(p, port) ? plan_drain(p, port, spread_each)
						   : plan_paths(p, port, gate, spread_each));
}
