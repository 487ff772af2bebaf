/* SPDX-License-Identifier: BSD-3-Clause */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <core/forecast/measure.h>
#include <core/forecast/way.h>

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

static void share_out(const struct sl_way *way, double flows, bool fused, struct load *load)
{
	unsigned int n = sl_way_owners(way->conf);
	double taking = handoff(way->conf);

	*load = (struct load){.cores = n};
	for (unsigned int i = 0; i < way->count; i++) {
		const struct sl_way_part *part = &way->parts[i];
		double cycles = sl_way_cycles(part, flows / n, fused);

		if (part->payer == SL_PAID_BY_PLACED) {
			unsigned int own = part->vnf->core_count;

			cycles = sl_way_cycles(part, flows / own, fused) + 2 * taking;
			load->placed += cycles;
			load->owner += 2 * taking;
			load->cores += own;
			most(load, cycles / own, part->vnf->name);
		} else if (part->payer == SL_PAID_BY_POLLER) {
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

static json_t *load_object(const struct sl_way *way, double flows, bool fused)
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

static const char *source(const struct sl_way_part *part)
{
	static const char *const sources[] = {
		[SL_COST_NOW] = "measured now",
		[SL_COST_HERE] = "measured here",
		[SL_COST_SHIPPED] = "default",
	};

	return part->cost == NULL ? "unknown" : sources[part->cost->origin];
}

static json_t *part_object(const struct sl_way *way, const struct sl_way_part *part)
{
	const struct sl_forecast_conf *conf = way->conf;
	json_t *object = json_object(), *unfused = json_array(), *fused = json_array();
	bool looked_up =
		part->vnf == NULL && part->in_action && strncmp(part->name, "flow ", 5) == 0;
	char config[20] = "";

	json_object_set_new(object, "name", json_string(part->name));
	json_object_set_new(object, "type",
			    json_string(part->vnf != NULL ? part->vnf->type->name : ""));
	for (unsigned int f = 0; f < conf->flow_count; f++) {
		double flows = (double)conf->flows[f] / sl_way_owners(conf);
		double plain = looked_up ? 0 : sl_way_cycles(part, flows, false);

		json_array_append_new(unfused, json_real(rounded(plain, 0.1)));
		json_array_append_new(fused,
				      json_real(rounded(sl_way_cycles(part, flows, true), 0.1)));
	}
	json_object_set_new(object, "unfused", unfused);
	json_object_set_new(object, "fused", fused);
	json_object_set_new(object, "in_action", json_boolean(part->in_action));
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
	static struct sl_way way; /* large */
	json_t *object = json_object(), *parts = json_array(), *loads = json_array();
	const struct sl_chain *chain = conf->chain;
	unsigned int in, out;

	sl_way_find(&way, conf, &chain->paths[path], from);
	in = from == SL_INSIDE ? way.path->first : way.path->last;
	out = from == SL_INSIDE ? way.path->last : way.path->first;
	for (unsigned int i = 0; i < way.count; i++)
		json_array_append_new(parts, part_object(&way, &way.parts[i]));
	for (unsigned int f = 0; f < conf->flow_count; f++)
		json_array_append_new(
			loads,
			json_pack("{s:I, s:o, s:o}", "flows", (json_int_t)conf->flows[f], "unfused",
				  load_object(&way, (double)conf->flows[f], false), "fused",
				  load_object(&way, (double)conf->flows[f], true)));
	json_object_set_new(object, "path", json_string(way.path->name));
	json_object_set_new(object, "way", json_string(sl_way_names[from]));
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
