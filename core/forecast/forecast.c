/* SPDX-License-Identifier: BSD-3-Clause */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <core/forecast/forecast.h>
#include <core/forecast/measure.h>

#define MAX_PARTS 128

/* Who pays for a part. */
enum payer {
	POLLER, /* the worker that polls the port */
	OWNER,  /* the flow's worker */
	PLACED, /* the workers of a VNF with `cores` */
};

struct part {
	char name[128];
	const struct sl_cost *cost; /* NULL: unknown */
	double fixed;               /* cycles whatever the flows; of ports */
	bool is_port;
	const struct sl_chain_vnf *vnf; /* or NULL */
	enum payer payer;
	bool opens; /* what it lets through is looked up anew */
	/* Of a fused packet: */
	enum { SKIPPED, WALKED, ADDED } fused;
};

struct way {
	const struct sl_forecast_conf *conf;
	const struct sl_chain_path *path;
	enum sl_side from;
	struct part parts[MAX_PARTS];
	unsigned int count;
	bool spreads;  /* the port's device brings flows to their workers */
	bool too_long; /* more parts than there is room for */
};

static const char *const ways[] = {[SL_INSIDE] = "forward", [SL_OUTSIDE] = "backward"};

/* Workers that run what is not placed. */
static unsigned int owners(const struct sl_forecast_conf *conf)
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

void sl_forecast_of(const struct sl_chain *chain, const struct sl_plan_hop *hop, char of[64])
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

static struct part *add(struct way *way, const char *name)
{
	struct part *part = &way->parts[way->count];

	if (way->count + 1 >= MAX_PARTS) {
		way->too_long = true;
		return part;
	}
	way->count++;
	memset(part, 0, sizeof(*part));
	snprintf(part->name, sizeof(part->name), "%s", name);
	return part;
}

static void add_port(struct way *way, unsigned int index, const char *direction)
{
	const struct sl_chain_port *port = &way->conf->chain->ports[index];
	struct part *part;
	char of[64], name[128];

	snprintf(name, sizeof(name), "%.100s:%s (%s)", port->name, direction, port->kind->name);
	snprintf(of, sizeof(of), "port/%.50s", port->kind->name);
	part = add(way, name);
	part->is_port = true;
	part->payer = direction[0] == 'r' ? POLLER : OWNER;
	part->fixed = sl_costs_port(way->conf->costs, of, direction, way->conf->bytes, &part->cost);
	part->fused = WALKED;
	if (direction[0] == 'r')
		way->spreads = part->cost != NULL && part->cost->spreads;
}

static void add_hop(struct way *way, const struct sl_plan_hop *hop)
{
	const struct sl_forecast_conf *conf = way->conf;
	const struct sl_chain *chain = conf->chain;
	const struct sl_chain_steering *steering;
	struct part *part = add(way, hop->name);
	char of[64], config[20] = "";
	const char *direction = "";

	sl_forecast_of(chain, hop, of);
	if (hop->kind == SL_PLAN_VNF) {
		part->vnf = &chain->vnfs[hop->vnf];
		direction = ways[hop->from];
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
			      ? POLLER
			      : OWNER;
	if (part->vnf != NULL && part->vnf->core_count > 0)
		part->payer = PLACED;
}

/* The edge by which packets of the path go on. */
static uint16_t next(const struct way *way, const struct sl_plan_hop *hop)
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

static uint16_t first_vnf(const struct way *way, uint16_t otherwise)
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
static bool spreads_here(const struct way *way)
{
	return !way->spreads && owners(way->conf) > 1;
}

/* From rx to tx. Where the packets of a path that only VNFs of others lead to come in, they are
 * taken to enter it at once. */
static void follow(struct way *way)
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
static void add_lookup(struct way *way, unsigned int at)
{
	struct part *part = add(way, "flow lookup and action");

	part->cost = sl_costs_find(way->conf->costs, "engine/fuse", "", "", way->conf->bytes);
	part->fused = ADDED;
	part->payer = OWNER;
	for (unsigned int i = way->count - 1; i > at; i--) {
		struct part kept = way->parts[i - 1];

		way->parts[i - 1] = way->parts[i];
		way->parts[i] = kept;
	}
}

static bool is_entry(const struct part *part)
{
	return part->payer == POLLER;
}

/* Whether a trail through it ends there, or comes to nothing. */
static bool blocks(const struct part *part)
{
	return part->vnf != NULL &&
	       (part->payer == PLACED || part->cost == NULL || !part->cost->fuses);
}

/* A VNF that could, but does not say what it did: no action is made of the whole flow. */
static bool refuses(const struct part *part)
{
	return blocks(part) && !part->opens && part->payer != PLACED &&
	       (part->vnf->type->flags & SL_NODE_TRAILS) != 0;
}

/* From the part at `first` on: which are in the fused action, up to where another flow begins. */
static void fuse_from(struct way *way, unsigned int first)
{
	bool fusing = true;

	for (unsigned int i = first; i < way->count && !way->parts[i].is_port; i++) {
		fusing &= !refuses(&way->parts[i]);
		if (way->parts[i].opens)
			break;
	}
	for (unsigned int i = first; i < way->count && !way->parts[i].is_port; i++) {
		struct part *part = &way->parts[i];

		if (blocks(part) || part->opens)
			fusing = false;
		part->fused = fusing ? ADDED : WALKED;
		if (part->opens) {
			add_lookup(way, i + 1);
			if (!way->too_long)
				fuse_from(way, i + 2);
			return;
		}
	}
}

static void fuse(struct way *way)
{
	unsigned int first = 0;

	for (unsigned int i = 0; i < way->count; i++)
		way->parts[i].fused = WALKED;
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

static double part_cycles(const struct part *part, double flows, bool fused)
{
	if (part->is_port)
		return part->fixed;
	if (part->cost == NULL)
		return 0;
	if (!fused)
		return sl_cost_at(part->cost, flows, false);
	return sl_cost_at(part->cost, flows, part->fused == ADDED);
}

/*
 * Cores
 */

struct load {
	double poller, owner, placed; /* cycles a packet */
	double most;                  /* of the busiest core, a packet of the whole */
	unsigned int cores;
	const char *limit;
};

static void most(struct load *load, double cycles, const char *who)
{
	if (cycles <= load->most)
		return;
	load->most = cycles;
	load->limit = who;
}

/* What it costs to take a packet from another worker; sending it costs about the same. */
static double handoff(const struct sl_forecast_conf *conf)
{
	const struct sl_cost *cost =
		sl_costs_find(conf->costs, "engine/handoff", "", "", conf->bytes);

	return cost != NULL ? cost->points[0].plain : 0;
}

static void share_out(const struct way *way, double flows, bool fused, struct load *load)
{
	unsigned int n = owners(way->conf);
	double taking = handoff(way->conf);

	*load = (struct load){.cores = n};
	for (unsigned int i = 0; i < way->count; i++) {
		const struct part *part = &way->parts[i];
		double cycles = part_cycles(part, flows / n, fused);

		if (part->payer == PLACED) {
			unsigned int own = part->vnf->core_count;

			cycles = part_cycles(part, flows / own, fused) + 2 * taking;
			load->placed += cycles;
			load->owner += 2 * taking;
			load->cores += own;
			most(load, cycles / own, part->vnf->name);
		} else if (part->payer == POLLER) {
			load->poller += cycles;
		} else {
			load->owner += cycles;
		}
	}
	if (way->spreads || n == 1) {
		most(load, (load->poller + load->owner) / n, "every worker");
		return;
	}
	most(load, load->poller + load->owner / n, "the worker that polls the port");
	most(load, (load->owner + taking) / n, "the other workers");
	load->owner += taking * (n - 1) / n;
}

static double rounded(double value, double to)
{
	return round(value / to) * to;
}

static json_t *load_object(const struct way *way, double flows, bool fused)
{
	struct load load;

	share_out(way, flows, fused, &load);
	return json_pack("{s:f, s:f, s:f, s:s}", "cycles",
			 rounded(load.poller + load.owner + load.placed, 0.1), "mpps",
			 rounded(way->conf->hz / load.most / 1e6, 0.01), "mpps_core",
			 rounded(way->conf->hz / load.most / 1e6 / load.cores, 0.01), "limit",
			 load.limit != NULL ? load.limit : "nothing");
}

/*
 * Output
 */

static const char *source(const struct part *part)
{
	static const char *const sources[] = {
		[SL_COST_NOW] = "measured now",
		[SL_COST_HERE] = "measured here",
		[SL_COST_SHIPPED] = "default",
	};

	return part->cost == NULL ? "unknown" : sources[part->cost->origin];
}

static json_t *part_object(const struct way *way, const struct part *part)
{
	const struct sl_forecast_conf *conf = way->conf;
	json_t *object = json_object(), *unfused = json_array(), *fused = json_array();
	bool looked_up =
		part->vnf == NULL && part->fused == ADDED && strncmp(part->name, "flow ", 5) == 0;
	char config[20] = "";

	json_object_set_new(object, "name", json_string(part->name));
	json_object_set_new(object, "type",
			    json_string(part->vnf != NULL ? part->vnf->type->name : ""));
	for (unsigned int f = 0; f < conf->flow_count; f++) {
		double flows = (double)conf->flows[f] / owners(conf);
		double plain = looked_up ? 0 : part_cycles(part, flows, false);

		json_array_append_new(unfused, json_real(rounded(plain, 0.1)));
		json_array_append_new(fused,
				      json_real(rounded(part_cycles(part, flows, true), 0.1)));
	}
	json_object_set_new(object, "unfused", unfused);
	json_object_set_new(object, "fused", fused);
	json_object_set_new(object, "in_action", json_boolean(part->fused == ADDED));
	json_object_set_new(object, "source", json_string(source(part)));
	if (part->vnf != NULL)
		sl_cost_config(part->vnf->type, part->vnf->config, config);
	if (part->vnf != NULL && part->cost != NULL && strcmp(part->cost->config, config) != 0)
		json_object_set_new(object, "note", json_string("with other parameters"));
	if (part->cost != NULL && part->cost->dropped > 0.1)
		json_object_set_new(object, "dropped",
				    json_real(rounded(part->cost->dropped, 0.01)));
	return object;
}

static json_t *way_object(const struct sl_forecast_conf *conf, unsigned int path, enum sl_side from)
{
	static struct way way; /* large */
	json_t *object = json_object(), *parts = json_array(), *loads = json_array();
	const struct sl_chain *chain = conf->chain;
	unsigned int in, out;

	memset(&way, 0, sizeof(way));
	way.conf = conf;
	way.path = &chain->paths[path];
	way.from = from;
	in = from == SL_INSIDE ? way.path->first : way.path->last;
	out = from == SL_INSIDE ? way.path->last : way.path->first;
	follow(&way);
	fuse(&way);
	for (unsigned int i = 0; i < way.count; i++)
		json_array_append_new(parts, part_object(&way, &way.parts[i]));
	for (unsigned int f = 0; f < conf->flow_count; f++)
		json_array_append_new(
			loads,
			json_pack("{s:I, s:o, s:o}", "flows", (json_int_t)conf->flows[f], "unfused",
				  load_object(&way, (double)conf->flows[f], false), "fused",
				  load_object(&way, (double)conf->flows[f], true)));
	json_object_set_new(object, "path", json_string(way.path->name));
	json_object_set_new(object, "way", json_string(ways[from]));
	json_object_set_new(object, "from", json_string(chain->ports[in].name));
	json_object_set_new(object, "to", json_string(chain->ports[out].name));
	json_object_set_new(object, "parts", parts);
	json_object_set_new(object, "loads", loads);
	if (way.too_long)
		json_object_set_new(object, "truncated", json_true());
	return object;
}

json_t *sl_forecast(const struct sl_forecast_conf *conf)
{
	json_t *paths = json_array(), *flows = json_array();

	for (unsigned int f = 0; f < conf->flow_count; f++)
		json_array_append_new(flows, json_integer((json_int_t)conf->flows[f]));
	for (unsigned int p = 0; p < conf->chain->path_count; p++) {
		json_array_append_new(paths, way_object(conf, p, SL_INSIDE));
		if (conf->chain->paths[p].both_ways)
			json_array_append_new(paths, way_object(conf, p, SL_OUTSIDE));
	}
	return json_pack("{s:s, s:s, s:f, s:i, s:i, s:o, s:o}", "chain", conf->chain->name,
			 "machine", conf->costs->machine, "mhz", rounded(conf->hz / 1e6, 1),
			 "workers", (int)conf->workers, "bytes", (int)conf->bytes, "flows", flows,
			 "paths", paths);
}
