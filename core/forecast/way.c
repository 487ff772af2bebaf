/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include <core/forecast/measure.h>
#include <core/forecast/way.h>

const char *const sl_way_names[] = {[SL_INSIDE] = "forward", [SL_OUTSIDE] = "backward"};

unsigned int sl_way_owners(const struct sl_forecast_conf *conf)
{
	unsigned int free = 0;

	for (unsigned int w = 0; w < conf->workers; w++) {
		bool taken = false;

		for (unsigned int v = 0; v < conf->chain->vnf_count; v++)
			for (unsigned int c = 0; c < conf->chain->vnfs[v].core_count; c++)
				taken |= conf->chain->vnfs[v].cores[c] == conf->cores[w];
		free += !taken;
	}
	return free > 0 ? free : conf->workers;
}

static const char *engine_name(enum sl_plan_kind kind)
{
	switch (kind) {
	case SL_PLAN_RX:
		return "rx";
	case SL_PLAN_REASSEMBLE:
		return "reassemble";
	case SL_PLAN_L3_IN:
		return "l3-in";
	case SL_PLAN_SPREAD:
		return "spread";
	case SL_PLAN_UNPIN:
		return "unpin";
	case SL_PLAN_PIN:
		return "pin";
	case SL_PLAN_L3_OUT:
		return "l3-out";
	case SL_PLAN_FRAGMENT:
		return "fragment";
	case SL_PLAN_FUSE:
		return "fuse";
	default:
		return NULL;
	}
}

static const struct sl_chain_steering *steering_of(const struct sl_chain *chain, unsigned int port)
{
	for (unsigned int i = 0; i < chain->steering_count; i++)
		if (chain->steerings[i].port == port)
			return &chain->steerings[i];
	return NULL;
}

/* Its name in the table of costs. */
static void of_hop(const struct sl_chain *chain, const struct sl_plan_hop *hop, char of[64])
{
	const char *name = engine_name(hop->kind);
	const struct sl_chain_steering *steering;

	of[0] = '\0';
	if (hop->kind == SL_PLAN_VNF) {
		snprintf(of, 64, "vnf/%.50s", chain->vnfs[hop->vnf].type->name);
	} else if (hop->kind == SL_PLAN_STEER) {
		steering = steering_of(chain, hop->port);
		if (steering != NULL)
			snprintf(of, 64, "steer/%.50s", steering->type->name);
	} else if (name != NULL) {
		snprintf(of, 64, "engine/%s", name);
	}
}

static struct sl_way_part *add(struct sl_way *way, const char *name)
{
	struct sl_way_part *part = &way->parts[way->count];

	if (way->count + 1 >= SL_WAY_PARTS) {
		way->too_long = true;
		return part;
	}
	way->count++;
	memset(part, 0, sizeof(*part));
	snprintf(part->name, sizeof(part->name), "%s", name);
	return part;
}

static void add_port(struct sl_way *way, unsigned int index, const char *direction)
{
	const struct sl_chain_port *port = &way->conf->chain->ports[index];
	struct sl_way_part *part;
	char of[64], name[128];

	snprintf(name, sizeof(name), "%.100s:%s (%s)", port->name, direction, port->kind->name);
	snprintf(of, sizeof(of), "port/%.50s", port->kind->name);
	part = add(way, name);
	part->is_port = true;
	part->payer = direction[0] == 'r' ? SL_PAID_BY_POLLER : SL_PAID_BY_OWNER;
	part->fixed = sl_costs_port(way->conf->costs, of, direction, way->conf->bytes, &part->cost);
	part->in_action = false;
	if (direction[0] == 'r')
		way->spreads = part->cost != NULL && part->cost->spreads;
}

static void add_hop(struct sl_way *way, const struct sl_plan_hop *hop)
{
	const struct sl_forecast_conf *conf = way->conf;
	const struct sl_chain *chain = conf->chain;
	const struct sl_chain_steering *steering;
	struct sl_way_part *part = add(way, hop->name);
	char of[64], config[20] = "";
	const char *direction = "";

	of_hop(chain, hop, of);
	if (hop->kind == SL_PLAN_VNF) {
		part->vnf = &chain->vnfs[hop->vnf];
		direction = sl_way_names[hop->from];
		sl_cost_config(part->vnf->type, part->vnf->config, config);
		part->opens = hop->from == SL_OUTSIDE &&
			      (part->vnf->type->flags & SL_NODE_DECAPSULATES) != 0;
	} else if (hop->kind == SL_PLAN_STEER) {
		steering = steering_of(chain, hop->port);
		if (steering != NULL)
			sl_cost_config(steering->type, steering->config, config);
	}
	part->cost = sl_costs_find(conf->costs, of, direction, config, conf->bytes);
	part->payer = hop->kind == SL_PLAN_RX || hop->kind == SL_PLAN_REASSEMBLE ||
				      hop->kind == SL_PLAN_L3_IN || hop->kind == SL_PLAN_SPREAD
			      ? SL_PAID_BY_POLLER
			      : SL_PAID_BY_OWNER;
	if (part->vnf != NULL && part->vnf->core_count > 0)
		part->payer = SL_PAID_BY_PLACED;
}

/* The edge by which packets of the path go on. */
static uint16_t next(const struct sl_way *way, const struct sl_plan_hop *hop)
{
	struct sl_chain_entry entries[SL_MAX_ENTRIES];
	const struct sl_chain_steering *steering;
	unsigned int count, first = SL_EDGE_FIRST;

	if (hop->kind != SL_PLAN_STEER && hop->kind != SL_PLAN_UNPIN)
		return hop->edges[SL_ON];
	steering = hop->kind == SL_PLAN_STEER ? steering_of(way->conf->chain, hop->port) : NULL;
	if (steering != NULL && steering->type->edges != NULL)
		for (const struct sl_name *e = steering->type->edges; e->name != NULL; e++)
			first++;
	count = sl_chain_entries(way->conf->chain, hop->port, entries, SL_MAX_ENTRIES);
	for (unsigned int e = 0; e < count && first + e <= SL_EDGE_LAST; e++)
		if (&way->conf->chain->paths[entries[e].path] == way->path &&
		    entries[e].from == way->from)
			return hop->edges[first + e];
	return hop->edges[SL_ON];
}

static uint16_t first_vnf(const struct sl_way *way, uint16_t otherwise)
{
	const struct sl_plan *plan = way->conf->plan;
	unsigned int path = (unsigned int)(way->path - way->conf->chain->paths);
	unsigned int stop = way->from == SL_INSIDE ? 0 : way->path->stop_count - 1;

	if (way->path->stop_count == 0)
		return otherwise;
	for (unsigned int h = 0; h < plan->hop_count; h++)
		if (plan->hops[h].kind == SL_PLAN_VNF && plan->hops[h].path == path &&
		    plan->hops[h].from == way->from &&
		    plan->hops[h].vnf == way->path->stops[stop].vnf)
			return (uint16_t)h;
	return otherwise;
}

/* Not where the device brings flows to their workers, or there is but one. */
static bool spreads_here(const struct sl_way *way)
{
	return !way->spreads && sl_way_owners(way->conf) > 1;
}

/* From rx to tx. Where the packets of a path that only VNFs of others lead to come in, they are
 * taken to enter it at once. */
static void follow(struct sl_way *way)
{
	const struct sl_plan *plan = way->conf->plan;
	unsigned int in = way->from == SL_INSIDE ? way->path->first : way->path->last;
	unsigned int out = way->from == SL_INSIDE ? way->path->last : way->path->first;
	bool inside = false;
	uint16_t at = plan->rx[in];

	add_port(way, in, "rx");
	for (unsigned int i = 0; i < plan->hop_count && at < plan->hop_count; i++) {
		const struct sl_plan_hop *hop = &plan->hops[at];

		if (hop->kind == SL_PLAN_VNF && !inside) {
			inside = true;
			at = first_vnf(way, at);
			hop = &plan->hops[at];
		}
		if (hop->kind == SL_PLAN_TX)
			break;
		if (hop->kind != SL_PLAN_FUSE && (hop->kind != SL_PLAN_SPREAD || spreads_here(way)))
			add_hop(way, hop);
		at = next(way, hop);
	}
	add_port(way, out, "tx");
}

/* A lookup in front of the parts at `at`. */
static void add_lookup(struct sl_way *way, unsigned int at)
{
	struct sl_way_part *part = add(way, "flow lookup and action");

	part->cost = sl_costs_find(way->conf->costs, "engine/fuse", "", "", way->conf->bytes);
	part->in_action = true;
	part->payer = SL_PAID_BY_OWNER;
	for (unsigned int i = way->count - 1; i > at; i--) {
		struct sl_way_part kept = way->parts[i - 1];

		way->parts[i - 1] = way->parts[i];
		way->parts[i] = kept;
	}
}

static bool is_entry(const struct sl_way_part *part)
{
	return part->payer == SL_PAID_BY_POLLER;
}

/* Whether a trail through it ends there, or comes to nothing. */
static bool blocks(const struct sl_way_part *part)
{
	return part->vnf != NULL &&
	       (part->payer == SL_PAID_BY_PLACED || part->cost == NULL || !part->cost->fuses);
}

/* A VNF that could, but does not say what it did: no action is made of the whole flow. */
static bool refuses(const struct sl_way_part *part)
{
	return blocks(part) && !part->opens && part->payer != SL_PAID_BY_PLACED &&
	       (part->vnf->type->flags & SL_NODE_TRAILS) != 0;
}

/* From the part at `first` on: which are in the fused action, up to where another flow begins. */
static void fuse_from(struct sl_way *way, unsigned int first)
{
	bool fusing = true;

	for (unsigned int i = first; i < way->count && !way->parts[i].is_port; i++) {
		fusing &= !refuses(&way->parts[i]);
		if (way->parts[i].opens)
			break;
	}
	for (unsigned int i = first; i < way->count && !way->parts[i].is_port; i++) {
		struct sl_way_part *part = &way->parts[i];

		if (blocks(part) || part->opens)
			fusing = false;
		part->in_action = fusing;
		if (part->opens) {
			add_lookup(way, i + 1);
			if (!way->too_long)
				fuse_from(way, i + 2);
			return;
		}
	}
}

static void fuse(struct sl_way *way)
{
	unsigned int first = 0;

	for (unsigned int i = 0; i < way->count; i++)
		way->parts[i].in_action = false;
	if (way->path->stop_count == 0)
		return;
	/* Behind rx when the polling worker is the flow's own, else behind spread. */
	while (first < way->count && is_entry(&way->parts[first]) &&
	       !(first == 2 && (way->spreads || way->conf->workers == 1)))
		first++;
	add_lookup(way, first);
	if (!way->too_long)
		fuse_from(way, first + 1);
}

double sl_way_cycles(const struct sl_way_part *part, double flows, bool fused)
{
	if (part->is_port)
		return part->fixed;
	if (part->cost == NULL)
		return 0;
	if (!fused)
		return sl_cost_at(part->cost, flows, false);
	return sl_cost_at(part->cost, flows, part->in_action);
}

void sl_way_find(struct sl_way *way, const struct sl_forecast_conf *conf,
		 const struct sl_chain_path *path, enum sl_side from)
{
	memset(way, 0, sizeof(*way));
	way->conf = conf;
	way->path = path;
	way->from = from;
	follow(way);
	fuse(way);
}
