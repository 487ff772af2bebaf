/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include <core/chain/dump.h>
#include <core/forecast/measure.h>

static const uint64_t points[] = {1000, 10000, 1000000};
#define POINTS (sizeof(points) / sizeof(points[0]))

static const char *const ways[] = {[SL_INSIDE] = "forward", [SL_OUTSIDE] = "backward"};

void sl_cost_config(const struct sl_node_type *type, const void *config, char text[20])
{
	json_t *object = sl_config_dump(type->params, config);
	char *all = json_dumps(object, JSON_SORT_KEYS | JSON_COMPACT);
	uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	for (const char *c = all; c != NULL && *c != '\0'; c++)
		hash = (hash ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
	snprintf(text, 20, "%016llx", (unsigned long long)hash);
	free(all);
	json_decref(object);
}

/* How many points there are to measure: the last is the one that most_flows needs. */
static unsigned int needed(const struct sl_measure_conf *conf)
{
	unsigned int count = 1;

	while (count < POINTS && (double)points[count - 1] < conf->most_flows)
		count++;
	return count;
}

static void tell(const struct sl_measure_conf *conf, const char *what, uint64_t flows)
{
	char text[160];

	if (conf->progress == NULL)
		return;
	snprintf(text, sizeof(text), "measuring %s, %llu flows", what, (unsigned long long)flows);
	conf->progress(text);
}

static int profile(const struct sl_measure_conf *conf, struct sl_profile_conf *what,
		   const char *name, uint64_t flows, struct sl_profile *profile,
		   struct sl_errors *errors)
{
	what->host = conf->host;
	what->registry = conf->registry;
	what->chain = conf->chain;
	what->flows = flows;
	what->traffic = conf->traffic;
	what->hugepages = conf->hugepages;
	if (what->bytes == 0)
		what->bytes = conf->bytes;
	tell(conf, name, flows);
	return sl_profile(what, profile, errors);
}

static bool is_port(const struct sl_profile_hop *hop)
{
	return hop->kind == SL_PLAN_RX || hop->kind == SL_PLAN_TX;
}

/* Cycles of a packet on that way between rx and tx, with fusion on. */
static double fused(const struct sl_profile *profile, enum sl_side way)
{
	double sum = 0;

	for (unsigned int i = 0; i < profile->hop_count; i++) {
		const struct sl_profile_hop *hop = &profile->hops[i];

		if (hop->from == way && !is_port(hop))
			sum += hop->cycles[SL_PROFILE_FUSED] * hop->share[SL_PROFILE_FUSED];
	}
	return sum;
}

static const struct sl_profile_hop *find(const struct sl_profile *profile, enum sl_plan_kind kind,
					 enum sl_side way)
{
	for (unsigned int i = 0; i < profile->hop_count; i++) {
		const struct sl_profile_hop *hop = &profile->hops[i];

		if (hop->kind == kind && hop->from == way && hop->share[SL_PROFILE_PLAIN] > 0.05)
			return hop;
	}
	return NULL;
}

static void put(struct sl_costs *costs, const char *of, const char *way, uint32_t bytes,
		unsigned int point, double plain, double more)
{
	struct sl_cost cost = {.bytes = bytes, .origin = SL_COST_NOW};
	uint64_t flows = points[point];
	const struct sl_cost *have = sl_costs_find(costs, of, way, "", bytes);

	snprintf(cost.of, sizeof(cost.of), "%s", of);
	snprintf(cost.way, sizeof(cost.way), "%s", way);
	if (point > 0 && have != NULL && have->origin == SL_COST_NOW && have->bytes == bytes)
		cost = *have;
	else
		point = 0;
	cost.points[point] = (struct sl_cost_point){flows, plain, more > 0 ? more : 0};
	cost.count = point + 1;
	sl_costs_put(costs, &cost);
}

/* What a hop of the engine costs, called by the graph. */
static void put_hop(struct sl_costs *costs, const char *of, const struct sl_profile *profile,
		    enum sl_plan_kind kind, enum sl_side way, uint32_t bytes, unsigned int point,
		    double more)
{
	const struct sl_profile_hop *hop = find(profile, kind, way);

	if (hop != NULL)
		put(costs, of, "", bytes, point, hop->cycles[SL_PROFILE_PLAIN], more);
}

static int measure_hops(const struct sl_measure_conf *conf, unsigned int point,
			struct sl_costs *costs, struct sl_errors *errors)
{
	static struct sl_profile plain, other;
	uint32_t bytes = conf->bytes;
	struct sl_profile_conf what = {.what = SL_PROFILE_PATH};
	int err = profile(conf, &what, "the engine", points[point], &plain, errors);

	if (err != 0)
		return err;
	put_hop(costs, "engine/rx", &plain, SL_PLAN_RX, SL_INSIDE, bytes, point, 0);
	put_hop(costs, "engine/hop", &plain, SL_PLAN_VNF, SL_INSIDE, bytes, point, 0);
	put(costs, "engine/fuse", "", bytes, point, 0, fused(&plain, SL_INSIDE));

	what.what = SL_PROFILE_L3;
	err = profile(conf, &what, "ports with addresses", points[point], &other, errors);
	if (err != 0)
		return err;
	put_hop(costs, "engine/l3-in", &other, SL_PLAN_L3_IN, SL_INSIDE, bytes, point,
		fused(&other, SL_INSIDE) - fused(&plain, SL_INSIDE));
	put_hop(costs, "engine/l3-out", &other, SL_PLAN_L3_OUT, SL_INSIDE, bytes, point, 0);

	what.what = SL_PROFILE_WHOLE;
	err = profile(conf, &what, "reassembly", points[point], &other, errors);
	if (err != 0)
		return err;
	put_hop(costs, "engine/reassemble", &other, SL_PLAN_REASSEMBLE, SL_INSIDE, bytes, point, 0);
	put_hop(costs, "engine/fragment", &other, SL_PLAN_FRAGMENT, SL_INSIDE, bytes, point, 0);

	what.what = SL_PROFILE_PINS;
	err = profile(conf, &what, "several paths to a port", points[point], &other, errors);
	if (err != 0)
		return err;
	put_hop(costs, "engine/pin", &other, SL_PLAN_PIN, SL_INSIDE, bytes, point,
		fused(&other, SL_INSIDE) - fused(&plain, SL_INSIDE));
	put_hop(costs, "engine/unpin", &other, SL_PLAN_UNPIN, SL_OUTSIDE, bytes, point,
		fused(&other, SL_OUTSIDE) - fused(&plain, SL_OUTSIDE));
	return 0;
}

/* The generator is what the worker's time has beside the hops; its loop is in it. */
static int measure_ports(const struct sl_measure_conf *conf, struct sl_costs *costs,
			 struct sl_errors *errors)
{
	static const uint32_t sizes[] = {64, 1518};
	static struct sl_profile sink;
	const struct sl_cost *have;
	struct sl_cost cost;

	for (unsigned int i = 0; i < 2; i++) {
		struct sl_profile_conf what = {.what = SL_PROFILE_SINK, .bytes = sizes[i]};
		int err = profile(conf, &what, "generator and sink", points[1], &sink, errors);
		const struct sl_profile_hop *tx;
		double rest;

		if (err != 0)
			return err;
		rest = sink.total[SL_PROFILE_PLAIN];
		for (unsigned int h = 0; h < sink.hop_count; h++)
			rest -= sink.hops[h].cycles[SL_PROFILE_PLAIN] *
				sink.hops[h].share[SL_PROFILE_PLAIN];
		tx = find(&sink, SL_PLAN_TX, SL_INSIDE);
		put(costs, "port/generator", "rx", sizes[i], 0, rest > 0 ? rest : 0, 0);
		have = sl_costs_find(costs, "port/generator", "rx", "", sizes[i]);
		if (have != NULL) {
			cost = *have;
			cost.spreads = true;
			sl_costs_put(costs, &cost);
		}
		if (tx == NULL)
			continue;
		put(costs, "port/sink", "tx", sizes[i], 0, tx->cycles[SL_PROFILE_PLAIN], 0);
		put(costs, "port/generator", "tx", sizes[i], 0, tx->cycles[SL_PROFILE_PLAIN], 0);
	}
	return 0;
}

/* Sending half of the packets to another worker, and taking them there. */
static int measure_handoff(const struct sl_measure_conf *conf, struct sl_costs *costs,
			   struct sl_errors *errors)
{
	static struct sl_profile spread;
	struct sl_profile_conf what = {.what = SL_PROFILE_SPREAD};
	int err = profile(conf, &what, "two workers", points[0], &spread, errors);

	if (err != 0)
		return err;
	put_hop(costs, "engine/spread", &spread, SL_PLAN_SPREAD, SL_INSIDE, conf->bytes, 0, 0);
	put(costs, "engine/handoff", "", conf->bytes, 0, spread.taking, 0);
	return 0;
}

int sl_measure_engine(const struct sl_measure_conf *conf, struct sl_costs *costs,
		      struct sl_errors *errors)
{
	struct sl_measure_conf own = *conf;
	int err = 0;

	own.traffic = NULL;
	for (unsigned int i = 0; err == 0 && i < needed(conf); i++)
		err = measure_hops(&own, i, costs, errors);
	if (err == 0)
		err = measure_handoff(&own, costs, errors);
	return err == 0 ? measure_ports(&own, costs, errors) : err;
}

/*
 * VNFs
 */

static const struct sl_chain_vnf *vnf_at(const struct sl_measure_conf *conf, unsigned int path,
					 unsigned int stop)
{
	return &conf->chain->vnfs[conf->chain->paths[path].stops[stop].vnf];
}

static bool has(const struct sl_costs *costs, const char *of, const char *way, const char *config,
		uint32_t bytes, bool exactly)
{
	const struct sl_cost *cost = sl_costs_find(costs, of, way, config, bytes);

	if (cost == NULL || !exactly)
		return cost != NULL;
	return cost->origin == SL_COST_NOW && strcmp(cost->config, config) == 0 &&
	       cost->bytes == bytes;
}

/* Whether a VNF has to be measured: nothing is known of the type, or, with `all`, not just now. */
static bool wanted(const struct sl_measure_conf *conf, const struct sl_costs *costs,
		   unsigned int path, unsigned int stop)
{
	const struct sl_chain_vnf *vnf = vnf_at(conf, path, stop);
	char of[64], config[20];

	snprintf(of, sizeof(of), "vnf/%s", vnf->type->name);
	sl_cost_config(vnf->type, vnf->config, config);
	return !has(costs, of, "forward", config, conf->bytes, conf->all) ||
	       (conf->chain->paths[path].both_ways &&
		!has(costs, of, "backward", config, conf->bytes, conf->all));
}

static const struct sl_profile_hop *stop_hop(const struct sl_profile *profile, unsigned int stop,
					     enum sl_side way)
{
	for (unsigned int i = 0; i < profile->hop_count; i++)
		if (profile->hops[i].stop == stop && profile->hops[i].from == way)
			return &profile->hops[i];
	return NULL;
}

/* What the last of the VNFs measured costs on one way. before: without it. */
static void note(struct sl_cost *cost, const struct sl_node_type *type, unsigned int point,
		 const struct sl_profile *with, const struct sl_profile *before, unsigned int stop,
		 enum sl_side way)
{
	const struct sl_profile_hop *hop = stop_hop(with, stop, way);
	double more = fused(with, way) - fused(before, way);

	if (hop == NULL)
		return;
	cost->points[point] = (struct sl_cost_point){
		.flows = points[point],
		.plain = hop->cycles[SL_PROFILE_PLAIN],
		.fused = more > 0 ? more : 0,
	};
	cost->count = point + 1;
	if (hop->dropped > cost->dropped)
		cost->dropped = hop->dropped;
	/* Walked by next to none of its packets; what comes to it in a tunnel, by all. With few
	 * flows this is plainest. */
	if (point == 0)
		cost->fuses = (type->flags & SL_NODE_TRAILS) != 0 &&
			      hop->share[SL_PROFILE_FUSED] < 0.1 * hop->share[SL_PROFILE_PLAIN];
}

/* A path as it is measured, function by function. */
struct survey {
	const struct sl_measure_conf *conf;
	unsigned int path;
	unsigned int first;         /* stop that measurements begin with */
	unsigned int known[POINTS]; /* stops in `before`, from `first` on, plus one; 0: none */
	struct sl_profile before[POINTS]; /* the last measurement of each */
	struct sl_cost ways[2];
};

/* With so many stops, unless that is what was measured last. */
static int run_to(struct survey *s, unsigned int point, unsigned int stops, const char *name,
		  struct sl_errors *errors)
{
	struct sl_profile_conf what = {.what = SL_PROFILE_PATH,
				       .path = s->path,
				       .first_stop = s->first,
				       .stop_count = stops};
	int err;

	if (s->known[point] == stops + 1)
		return 0;
	s->known[point] = 0;
	err = profile(s->conf, &what, name, points[point], &s->before[point], errors);
	if (err == 0)
		s->known[point] = stops + 1;
	return err;
}

static int measure_stop(struct survey *s, unsigned int stop, struct sl_errors *errors)
{
	static struct sl_profile without;
	const struct sl_chain_vnf *vnf = vnf_at(s->conf, s->path, stop);
	unsigned int place = stop - s->first;

	for (unsigned int i = 0; i < 2; i++) {
		struct sl_cost *cost = &s->ways[i];

		*cost = (struct sl_cost){.bytes = s->conf->bytes, .origin = SL_COST_NOW};
		snprintf(cost->of, sizeof(cost->of), "vnf/%.50s", vnf->type->name);
		snprintf(cost->way, sizeof(cost->way), "%s", ways[i]);
		sl_cost_config(vnf->type, vnf->config, cost->config);
	}
	for (unsigned int i = 0; i < needed(s->conf); i++) {
		int err = run_to(s, i, place, "what stands before it", errors);

		if (err != 0)
			return err;
		without = s->before[i];
		err = run_to(s, i, place + 1, vnf->name, errors);
		if (err != 0)
			return err;
		note(&s->ways[SL_INSIDE], vnf->type, i, &s->before[i], &without, place, SL_INSIDE);
		note(&s->ways[SL_OUTSIDE], vnf->type, i, &s->before[i], &without, place,
		     SL_OUTSIDE);
	}
	return 0;
}

int sl_measure_path(const struct sl_measure_conf *conf, unsigned int path, struct sl_costs *costs,
		    struct sl_errors *errors)
{
	static struct survey s; /* large */

	s = (struct survey){.conf = conf, .path = path};
	for (unsigned int stop = 0; stop < conf->chain->paths[path].stop_count; stop++) {
		int err;

		if (!wanted(conf, costs, path, stop))
			continue;
		err = measure_stop(&s, stop, errors);
		if (err != 0)
			return err;
		for (unsigned int i = 0; i < 2; i++)
			if (s.ways[i].count > 0 && !sl_costs_put(costs, &s.ways[i]))
				return sl_fail(errors, ENOMEM, "out of memory");
		/* Behind one that is not fused, nothing is: what a VNF adds to an action is seen
		 * without that one only. */
		if (!s.ways[SL_INSIDE].fuses) {
			s.first = stop + 1;
			memset(s.known, 0, sizeof(s.known));
		}
	}
	return 0;
}

int sl_measure_steering(const struct sl_measure_conf *conf,
			const struct sl_chain_steering *steering, struct sl_costs *costs,
			struct sl_errors *errors)
{
	static struct sl_profile with, before;
	struct sl_profile_conf what = {.steering = steering};
	struct sl_cost cost = {.bytes = conf->bytes, .origin = SL_COST_NOW, .fuses = true};
	const struct sl_profile_hop *hop;

	snprintf(cost.of, sizeof(cost.of), "steer/%.50s", steering->type->name);
	sl_cost_config(steering->type, steering->config, cost.config);
	if (has(costs, cost.of, "", cost.config, conf->bytes, conf->all))
		return 0;
	for (unsigned int i = 0; i < needed(conf); i++) {
		int err;

		what.what = SL_PROFILE_PATH;
		err = profile(conf, &what, "the engine", points[i], &before, errors);
		if (err != 0)
			return err;
		what.what = SL_PROFILE_STEER;
		err = profile(conf, &what, "steering", points[i], &with, errors);
		if (err != 0)
			return err;
		hop = find(&with, SL_PLAN_STEER, SL_INSIDE);
		if (hop == NULL)
			return sl_fail(errors, EIO, "no packet came to the steering");
		cost.points[i] = (struct sl_cost_point){
			.flows = points[i],
			.plain = hop->cycles[SL_PROFILE_PLAIN],
			.fused = fused(&with, SL_INSIDE) - fused(&before, SL_INSIDE),
		};
		if (cost.points[i].fused < 0)
			cost.points[i].fused = 0;
		cost.dropped = hop->dropped;
		cost.count = i + 1;
	}
	if (!sl_costs_put(costs, &cost))
		return sl_fail(errors, ENOMEM, "out of memory");
	return 0;
}
