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
 *   entry:  rx -> ... -> spread (as the old one wants it) -> fuse -> drain -> [old steer] -> old
 * paths
 *                                                                 \-> [spread] -> [steer] -> paths
 *   exit:   drain -> [pin] -> ...
 */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <core/chain/merge.h>
#include <core/chain/plan.h>

/* What the planner knows of a path while it works. */
struct way {
	uint16_t *on;     /* per stop: the hop travelling forward */
	uint16_t *back;   /* per stop: the hop travelling backward; NONE on one-way paths */
	uint16_t exit[2]; /* first hop of the way out, by enum sl_side it comes from */
	bool named;       /* a VNF sends packets to it */
	bool *reaches;    /* per path: packets may go over to it, through VNFs that name it */
};

/* And of a port. */
struct gate {
	struct sl_chain_entry entries[SL_MAX_ENTRIES];
	unsigned int entry_count;
	const struct sl_chain_steering *steering;
	bool addresses;
	bool reassembles;
	unsigned int home; /* rank of the entry for sessions nobody knows; UINT_MAX: none */
	bool unpins;
	uint16_t tx, out;
	uint16_t plain_out; /* for what turns back on one-way paths */
};

struct planner {
	const struct sl_chain *chain;
	struct sl_errors *errors;
	struct sl_plan *plan;
	unsigned int room;
	struct way *ways;
	struct gate *gates;     /* per port */
	struct gate *old_gates; /* the same, for old paths */
	bool failed;            /* out of memory or of hop numbers: stop; told already */
	bool wrong;             /* the chain cannot be planned; told already */
};

static void *zalloc(struct planner *p, size_t count, size_t size)
{
	void *memory = calloc(count > 0 ? count : 1, size);

	if (memory == NULL && !p->failed) {
		p->failed = true;
		sl_fail(p->errors, ENOMEM, "out of memory while planning the chain");
	}
	return memory;
}

/* A new hop with all edges leading nowhere; NONE when there can be no more. */
static uint16_t add(struct planner *p, enum sl_plan_kind kind, unsigned int port, enum sl_side from,
		    const char *format, ...) __attribute__((format(printf, 5, 6)));
static uint16_t add(struct planner *p, enum sl_plan_kind kind, unsigned int port, enum sl_side from,
		    const char *format, ...)
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

static void lead(struct planner *p, uint16_t hop, unsigned int edge, uint16_t target)
{
	struct sl_plan_hop *from;

	if (p->failed || hop == SL_PLAN_NONE)
		return;
	from = &p->plan->hops[hop];
	from->edges[edge] = target;
	if (edge >= from->edge_count)
		from->edge_count = (uint8_t)(edge + 1);
}

static struct gate *gate_of(const struct planner *p, unsigned int port, enum sl_part part)
{
	return part == SL_PART_OLD ? &p->old_gates[port] : &p->gates[port];
}

/* Whether flows are to be told apart there: both the old chain and the new one have the port. */
static bool drains(const struct planner *p, unsigned int port)
{
	return p->old_gates[port].entry_count > 0 && p->chain->ports[port].part == SL_PART_BOTH;
}

/* Where the edges of a VNF lead out of a path. */
static const uint32_t *edges_from(const struct sl_chain_vnf *vnf, const struct sl_chain_path *path)
{
	return path->part == SL_PART_OLD && vnf->old_edge_paths != NULL ? vnf->old_edge_paths
									: vnf->edge_paths;
}

static unsigned int own_edges(const struct sl_node_type *type)
{
	unsigned int count = 0;

	while (type->edges != NULL && type->edges[count].name != NULL)
		count++;
	return count;
}

/* Which paths packets of a path may reach through VNFs that name other paths. */
static void spread_reach(const struct sl_chain *chain, struct way *ways, unsigned int from,
			 unsigned int path)
{
	if (ways[from].reaches[path])
		return;
	ways[from].reaches[path] = true;
	for (unsigned int s = 0; s < chain->paths[path].stop_count; s++) {
		const struct sl_chain_vnf *vnf = &chain->vnfs[chain->paths[path].stops[s].vnf];
		const uint32_t *edges = edges_from(vnf, &chain->paths[path]);

		for (unsigned int e = 0; e < vnf->edge_count; e++)
			if (edges[e] != SL_NO_PATH)
				spread_reach(chain, ways, from, edges[e]);
	}
}

static bool wants_whole(const struct sl_chain *chain, const struct way *way)
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

/* Datagrams that were put together may leave by this path. */
static bool carries_reassembled(const struct planner *p, unsigned int path)
{
	for (unsigned int g = 0; g < 2 * p->chain->port_count; g++) {
		const struct gate *gate = &p->gates[g]; /* the old ones stand behind them */

		for (unsigned int e = 0; gate->reassembles && e < gate->entry_count; e++)
			if (p->ways[gate->entries[e].path].reaches[path])
				return true;
	}
	return false;
}

/* Where packets go whose session nobody knows: the one path that starts here and that no VNF
 * sends packets to; when none starts here, the first that ends here. */
static void find_home(struct planner *p, unsigned int port, struct gate *gate)
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

static void survey_gate(struct planner *p, unsigned int port, bool old)
{
	const struct sl_chain *chain = p->chain;
	struct gate *gate = gate_of(p, port, old ? SL_PART_OLD : SL_PART_BOTH);

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

static void survey_port(struct planner *p, unsigned int port)
{
	struct gate *gate = &p->gates[port], *old = &p->old_gates[port];

	survey_gate(p, port, false);
	survey_gate(p, port, true);
	/* They have one way in. */
	gate->reassembles = old->reassembles = gate->reassembles || old->reassembles;
}

static void survey(struct planner *p)
{
	const struct sl_chain *chain = p->chain;

	for (unsigned int i = 0; i < chain->path_count; i++) {
		struct way *way = &p->ways[i];

		way->on = zalloc(p, chain->paths[i].stop_count, sizeof(*way->on));
		way->back = zalloc(p, chain->paths[i].stop_count, sizeof(*way->back));
		way->reaches = zalloc(p, chain->path_count, sizeof(*way->reaches));
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

/* tx, and what sluice itself sends by the port or what turns back on one-way paths. */
static void plan_tx(struct planner *p, unsigned int port)
{
	const char *name = p->chain->ports[port].name;
	struct gate *gate = &p->gates[port];

	gate->tx = add(p, SL_PLAN_TX, port, SL_INSIDE, "%s:tx", name);
	gate->out = gate->plain_out = gate->tx;
	if (gate->addresses) {
		gate->out = add(p, SL_PLAN_L3_OUT, port, SL_INSIDE, "%s:out", name);
		gate->plain_out = gate->out;
	} else if (gate->reassembles) {
		gate->plain_out = add(p, SL_PLAN_FRAGMENT, port, SL_INSIDE, "%s:fragment", name);
	}
	if (gate->plain_out != gate->tx)
		lead(p, gate->plain_out, SL_ON, gate->tx);
	p->plan->out[port] = gate->out;
	p->old_gates[port].tx = gate->tx;
	p->old_gates[port].out = gate->out;
	p->old_gates[port].plain_out = gate->plain_out;
}

/* Rank of a path among the entries of a port, or UINT_MAX when it cannot be entered there. */
static unsigned int rank_at(const struct gate *gate, unsigned int path)
{
	for (unsigned int e = 0; e < gate->entry_count; e++)
		if (gate->entries[e].path == path)
			return e;
	return UINT_MAX;
}

/* Note which chain a session belongs to that leaves by `next`. */
static uint16_t plan_note(struct planner *p, unsigned int path, unsigned int port,
			  enum sl_side from, uint16_t next)
{
	const struct sl_chain_path *route = &p->chain->paths[path];
	uint16_t hop = add(p, SL_PLAN_DRAIN, port, from, "%s/%s%cdrain", route->name,
			   p->chain->ports[port].name, from == SL_INSIDE ? '>' : '<');

	lead(p, hop, SL_ON, next);
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
static void plan_exit(struct planner *p, unsigned int path, enum sl_side from)
{
	const struct sl_chain_path *route = &p->chain->paths[path];
	unsigned int port = from == SL_INSIDE ? route->last : route->first;
	const char *name = p->chain->ports[port].name, arrow = from == SL_INSIDE ? '>' : '<';
	struct gate *gate = gate_of(p, port, route->part);
	unsigned int rank = rank_at(gate, path);
	uint16_t hop = gate->tx, pin;

	if (gate->addresses)
		hop = add(p, SL_PLAN_L3_OUT, port, from, "%s/%s%cout", route->name, name, arrow);
	else if (carries_reassembled(p, path))
		hop = add(p, SL_PLAN_FRAGMENT, port, from, "%s/%s%cfragment", route->name, name,
			  arrow);
	if (hop != gate->tx && !p->failed) {
		lead(p, hop, SL_ON, gate->tx);
		p->plan->hops[hop].path = path;
		p->plan->hops[hop].part = route->part;
	}
	if (gate->unpins && rank != UINT_MAX) {
		pin = add(p, SL_PLAN_PIN, port, from, "%s/%s%cpin", route->name, name, arrow);
		lead(p, pin, SL_ON, hop);
		if (!p->failed) {
			p->plan->hops[pin].path = path;
			p->plan->hops[pin].rank = rank;
			p->plan->hops[pin].part = route->part;
		}
		hop = pin;
	}
	if (drains(p, port))
		hop = plan_note(p, path, port, from, hop);
	p->ways[path].exit[from] = hop;
}

static void plan_hops(struct planner *p, unsigned int path)
{
	const struct sl_chain_path *route = &p->chain->paths[path];
	struct way *way = &p->ways[path];

	for (unsigned int s = 0; s < route->stop_count; s++) {
		unsigned int vnf = route->stops[s].vnf;
		const char *name = p->chain->vnfs[vnf].name;

		way->back[s] = SL_PLAN_NONE;
		way->on[s] = add(p, SL_PLAN_VNF, UINT_MAX, SL_INSIDE, "%s/%s>", route->name, name);
		if (route->both_ways)
			way->back[s] = add(p, SL_PLAN_VNF, UINT_MAX, SL_OUTSIDE, "%s/%s<",
					   route->name, name);
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
static uint16_t next_hop(const struct planner *p, unsigned int path, enum sl_side from, int stop)
{
	const struct sl_chain_path *route = &p->chain->paths[path];
	const struct way *way = &p->ways[path];

	if (from == SL_INSIDE)
		return stop + 1 < (int)route->stop_count ? way->on[stop + 1] : way->exit[SL_INSIDE];
	if (!route->both_ways) /* only what turned back: leaves where it came from */
		return p->gates[route->first].plain_out;
	return stop > 0 ? way->back[stop - 1] : way->exit[SL_OUTSIDE];
}

static uint16_t first_hop(const struct planner *p, unsigned int path, enum sl_side from)
{
	int stops = (int)p->chain->paths[path].stop_count;

	return next_hop(p, path, from, from == SL_INSIDE ? -1 : stops);
}

/* Where an edge to another path leads: behind the same VNF when it stands there too (so that a
 * classifier which several paths share is passed once), else to the start of that path. */
static uint16_t go_over(const struct planner *p, unsigned int path, unsigned int vnf,
			enum sl_side from)
{
	const struct sl_chain_path *route = &p->chain->paths[path];

	if (!route->both_ways)
		from = SL_INSIDE;
	for (unsigned int s = 0; s < route->stop_count; s++)
		if (route->stops[s].vnf == vnf)
			return next_hop(p, path, from, (int)s);
	return first_hop(p, path, from);
}

/* Look flows up on the way to `next`. */
static uint16_t add_fuse(struct planner *p, enum sl_plan_fuse where, unsigned int port,
			 enum sl_side from, const char *name, uint16_t next)
{
	uint16_t hop = add(p, SL_PLAN_FUSE, port, from, "%s", name);

	if (p->failed)
		return hop;
	p->plan->hops[hop].rank = where;
	lead(p, hop, SL_ON, next);
	return hop;
}

/* What a VNF has decapsulated is another flow: where that edge leads, by way of looking it up. */
static uint16_t behind(struct planner *p, uint16_t hop, unsigned int edge, uint16_t next)
{
	char name[128];
	uint16_t fuse;

	if (p->failed || hop == SL_PLAN_NONE || next == SL_PLAN_NONE)
		return next;
	snprintf(name, sizeof(name), edge == SL_ON ? "%.110sfuse" : "%.110sfuse%u",
		 p->plan->hops[hop].name, edge - SL_EDGE_FIRST + 1);
	fuse = add_fuse(p, SL_PLAN_FUSE_INNER, UINT_MAX, p->plan->hops[hop].from, name, next);
	if (!p->failed) {
		p->plan->hops[fuse].vnf = p->plan->hops[hop].vnf;
		p->plan->hops[fuse].path = p->plan->hops[hop].path;
		p->plan->hops[fuse].part = p->plan->hops[hop].part;
	}
	return fuse;
}

static void join_path(struct planner *p, unsigned int path)
{
	const struct sl_chain_path *route = &p->chain->paths[path];
	const struct way *way = &p->ways[path];

	for (unsigned int s = 0; s < route->stop_count; s++) {
		const struct sl_chain_vnf *vnf = &p->chain->vnfs[route->stops[s].vnf];
		const uint32_t *edges = edges_from(vnf, route);

		for (unsigned int side = 0; side < 2; side++) {
			uint16_t hop = side == SL_INSIDE ? way->on[s] : way->back[s];
			bool opens = side == SL_OUTSIDE &&
				     (vnf->type->flags & SL_NODE_DECAPSULATES) != 0;
			uint16_t next = next_hop(p, path, side, (int)s);

			lead(p, hop, SL_ON, opens ? behind(p, hop, SL_ON, next) : next);
			lead(p, hop, SL_BACK, next_hop(p, path, !side, (int)s));
			for (unsigned int e = 0; e < vnf->edge_count; e++) {
				unsigned int edge = SL_EDGE_FIRST + e;

				next = edges[e] == SL_NO_PATH
					       ? SL_PLAN_NONE
					       : go_over(p, edges[e], route->stops[s].vnf, side);
				lead(p, hop, edge, opens ? behind(p, hop, edge, next) : next);
			}
		}
	}
	/* What turns back at an exit travels the path the other way. */
	for (unsigned int side = 0; side < 2; side++) {
		uint16_t hop = way->exit[side];
		uint16_t back = first_hop(p, path, !side);

		if (p->failed || hop == SL_PLAN_NONE)
			continue;
		while (p->plan->hops[hop].kind == SL_PLAN_PIN ||
		       p->plan->hops[hop].kind == SL_PLAN_DRAIN) {
			lead(p, hop, SL_BACK, back);
			hop = p->plan->hops[hop].edges[SL_ON];
		}
		if (p->plan->hops[hop].kind != SL_PLAN_TX)
			lead(p, hop, SL_BACK, back);
	}
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
static bool agree(const struct planner *p, const struct gate *gate, unsigned int *who,
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

static uint16_t add_spread(struct planner *p, unsigned int port, unsigned int path,
			   unsigned int vnf, enum sl_side from)
{
	uint16_t hop;

	if (path == UINT_MAX)
		hop = add(p, SL_PLAN_SPREAD, port, from, "%s:spread", p->chain->ports[port].name);
	else
		hop = add(p, SL_PLAN_SPREAD, port, from, "%s/%s:spread", p->chain->paths[path].name,
			  p->chain->ports[port].name);
	if (!p->failed) {
		p->plan->hops[hop].vnf = vnf;
		p->plan->hops[hop].path = path;
		if (path != UINT_MAX)
			p->plan->hops[hop].part = p->chain->paths[path].part;
	}
	return hop;
}

/* Choose among the entries: by steering, or by memory of where the session came from. */
static uint16_t plan_choice(struct planner *p, unsigned int port, const struct gate *gate,
			    bool spread_each)
{
	const char *name = p->chain->ports[port].name;
	bool old = gate == &p->old_gates[port] && drains(p, port);
	const char *suffix = old ? p->chain->merged->suffix : "";
	unsigned int first = SL_EDGE_FIRST;
	enum sl_side from = gate->entries[0].from;
	uint16_t hop;

	if (gate->steering != NULL) {
		hop = add(p, SL_PLAN_STEER, port, from, "%s%s:steer", name, suffix);
		first += own_edges(gate->steering->type);
		lead(p, hop, SL_BACK, gate->plain_out);
	} else {
		hop = add(p, SL_PLAN_UNPIN, port, from, "%s%s:unpin", name, suffix);
		lead(p, hop, SL_ON,
		     first_hop(p, gate->entries[gate->home].path, gate->entries[gate->home].from));
	}
	if (!p->failed)
		p->plan->hops[hop].part = p->chain->paths[gate->entries[0].path].part;
	for (unsigned int e = 0; e < gate->entry_count; e++) {
		const struct sl_chain_entry *entry = &gate->entries[e];
		uint16_t target = first_hop(p, entry->path, entry->from);

		if (first + e > SL_EDGE_LAST)
			break; /* told in survey_gate() */
		if (spread_each) {
			uint16_t spread = add_spread(p, port, entry->path,
						     spreader(p->chain, entry), entry->from);
			char fuse[128];

			snprintf(fuse, sizeof(fuse), "%s/%s:fuse",
				 p->chain->paths[entry->path].name, name);
			lead(p, spread, SL_ON,
			     add_fuse(p, SL_PLAN_FUSE_LATE, port, entry->from, fuse, target));
			target = spread;
		}
		lead(p, hop, first + e, target);
	}
	return hop;
}

static uint16_t plan_paths(struct planner *p, unsigned int port, const struct gate *gate,
			   bool spread_each)
{
	const struct sl_chain_entry *home = &gate->entries[gate->home];

	if (gate->steering != NULL || gate->unpins)
		return plan_choice(p, port, gate, spread_each);
	return first_hop(p, home->path, home->from);
}

/* Looking a flow up costs about as much as one function, and more than none. */
static bool worth_fusing(const struct planner *p, const struct gate *gate)
{
	for (unsigned int e = 0; e < gate->entry_count; e++)
		for (unsigned int i = 0; i < p->chain->path_count; i++)
			if (p->ways[gate->entries[e].path].reaches[i] &&
			    p->chain->paths[i].stop_count > 0)
				return true;
	return false;
}

/* Where the new chain leads what has been spread as `who` of the old one wants it. */
static uint16_t plan_new_paths(struct planner *p, unsigned int port, unsigned int who,
			       enum sl_side side, bool spread_before)
{
	const char *name = p->chain->ports[port].name;
	const struct gate *gate = &p->gates[port];
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
	spread = add(p, SL_PLAN_SPREAD, port, wanted_side, "%s:spread-new", name);
	if (!p->failed)
		p->plan->hops[spread].vnf = wanted;
	snprintf(fuse, sizeof(fuse), "%s:fuse-new", name);
	lead(p, spread, SL_ON, add_fuse(p, SL_PLAN_FUSE_LATE, port, wanted_side, fuse, next));
	return spread;
}

/* Choose between the old chain and the new one. */
static uint16_t plan_drain(struct planner *p, unsigned int port, bool spread_each)
{
	const struct gate *old = &p->old_gates[port];
	enum sl_side from = old->entries[0].from;
	uint16_t hop = add(p, SL_PLAN_DRAIN, port, from, "%s:drain", p->chain->ports[port].name);

	if (!p->failed)
		p->plan->hops[hop].rank = spread_each ? SL_PLAN_DRAIN_EARLY : SL_PLAN_DRAIN_IN;
	lead(p, hop, SL_BACK, old->plain_out);
	lead(p, hop, SL_EDGE_FIRST, plan_paths(p, port, old, spread_each));
	lead(p, hop, SL_ON,
	     plan_new_paths(p, port, p->plan->spread_vnf[port], p->plan->spread_side[port],
			    !spread_each));
	return hop;
}

static void plan_entry(struct planner *p, unsigned int port)
{
	const char *name = p->chain->ports[port].name;
	struct gate *gate =
		gate_of(p, port, p->old_gates[port].entry_count > 0 ? SL_PART_OLD : SL_PART_BOTH);
	enum sl_side from = gate->entry_count > 0 ? gate->entries[0].from : SL_INSIDE;
	unsigned int who;
	bool same = agree(p, gate, &who, &p->plan->spread_side[port]);
	bool spread_each = !same && gate->steering != NULL;
	bool fuses = worth_fusing(p, &p->gates[port]) || worth_fusing(p, &p->old_gates[port]);
	uint16_t hop, next;

	p->plan->spread_vnf[port] = who;
	hop = p->plan->rx[port] = add(p, SL_PLAN_RX, port, from, "%s:rx", name);
	if (fuses) {
		char early[128];

		snprintf(early, sizeof(early), "%s:fuse", name);
		next = add_fuse(p, SL_PLAN_FUSE_EARLY, port, from, early, SL_PLAN_NONE);
		lead(p, hop, SL_ON, next);
		hop = next;
	}
	if (gate->reassembles) {
		next = add(p, SL_PLAN_REASSEMBLE, port, from, "%s:reassemble", name);
		lead(p, hop, SL_ON, next);
		if (gate->addresses) /* ICMP errors about datagrams that never became whole */
			lead(p, next, SL_BACK, gate->out);
		hop = next;
	}
	if (gate->addresses) {
		next = add(p, SL_PLAN_L3_IN, port, from, "%s:l3-in", name);
		lead(p, hop, SL_ON, next);
		lead(p, next, SL_BACK, gate->out);
		hop = next;
	}
	if (gate->entry_count == 0)
		return; /* packets only leave here */
	if (!spread_each) {
		char late[128];

		next = add_spread(p, port, UINT_MAX, who, p->plan->spread_side[port]);
		lead(p, hop, SL_ON, next);
		hop = next;
		if (fuses) {
			snprintf(late, sizeof(late), "%s:fuse-late", name);
			next = add_fuse(p, SL_PLAN_FUSE_LATE, port, from, late, SL_PLAN_NONE);
			lead(p, hop, SL_ON, next);
			hop = next;
		}
	}
	lead(p, hop, SL_ON,
	     drains(p, port) ? plan_drain(p, port, spread_each)
			     : plan_paths(p, port, gate, spread_each));
}

static void planner_free(struct planner *p)
{
	for (unsigned int i = 0; p->ways != NULL && i < p->chain->path_count; i++) {
		free(p->ways[i].on);
		free(p->ways[i].back);
		free(p->ways[i].reaches);
	}
	free(p->ways);
	free(p->gates);
}

static void plan_all(struct planner *p)
{
	const struct sl_chain *chain = p->chain;

	survey(p);
	for (unsigned int i = 0; i < chain->port_count && !p->failed; i++)
		plan_tx(p, i);
	for (unsigned int i = 0; i < chain->path_count && !p->failed; i++) {
		plan_exit(p, i, SL_INSIDE);
		if (chain->paths[i].both_ways)
			plan_exit(p, i, SL_OUTSIDE);
		plan_hops(p, i);
	}
	for (unsigned int i = 0; i < chain->path_count && !p->failed; i++)
		join_path(p, i);
	for (unsigned int i = 0; i < chain->port_count && !p->failed; i++)
		plan_entry(p, i);
}

struct sl_plan *sl_plan_new(const struct sl_chain *chain, struct sl_errors *errors)
{
	struct planner p = {.chain = chain, .errors = errors};

	p.plan = zalloc(&p, 1, sizeof(*p.plan));
	if (p.plan == NULL)
		return NULL;
	p.ways = zalloc(&p, chain->path_count, sizeof(*p.ways));
	p.gates = zalloc(&p, 2 * chain->port_count, sizeof(*p.gates));
	p.old_gates = p.gates != NULL ? p.gates + chain->port_count : NULL;
	p.plan->rx = zalloc(&p, chain->port_count, sizeof(*p.plan->rx));
	p.plan->out = zalloc(&p, chain->port_count, sizeof(*p.plan->out));
	p.plan->spread_vnf = zalloc(&p, chain->port_count, sizeof(*p.plan->spread_vnf));
	p.plan->spread_side = zalloc(&p, chain->port_count, sizeof(*p.plan->spread_side));
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
