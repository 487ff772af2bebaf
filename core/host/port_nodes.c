/* SPDX-License-Identifier: BSD-3-Clause */
/* The instances of a generation that are no VNF's: what stands at its ports. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include <core/chain/merge.h>
#include <core/flow/fusion.h>
#include <core/flow/pin.h>
#include <core/host/build.h>
#include <core/host/drain.h>
#include <core/port/l3.h>
#include <core/worker/spread.h>

bool sl_build_room(struct sl_build *build)
{
	struct sl_generation *generation = build->generation;
	struct sl_instance **made =
		realloc(generation->made, (generation->made_count + 1) * sizeof(*made));

	if (made == NULL) {
		sl_build_no_memory(build);
		return false;
	}
	generation->made = made;
	return true;
}

static void *keep_config(struct sl_build *build, size_t size)
{
	struct sl_generation *generation = build->generation;
	void **configs =
		realloc(generation->configs, (generation->config_count + 1) * sizeof(*configs));
	void *config;

	if (configs == NULL)
		return NULL;
	generation->configs = configs;
	config = calloc(1, size > 0 ? size : 1);
	if (config != NULL)
		configs[generation->config_count++] = config;
	return config;
}

static struct sl_instance *keep_instance(struct sl_build *build, const struct sl_node_type *type,
					 const char *name, const void *config, uint64_t workers)
{
	struct sl_generation *generation = build->generation;
	struct sl_instance *instance;

	if (!sl_build_room(build))
		return NULL;
	instance = sl_instance_new(type, name, config, 0, (uint32_t)__builtin_popcountll(workers),
				   build->errors);
	if (instance == NULL)
		return NULL;
	instance->mask = workers;
	generation->made[generation->made_count++] = instance;
	return instance;
}

static const struct sl_node_type *port_type(enum sl_plan_kind kind)
{
	switch (kind) {
	case SL_PLAN_RX:
		return &sl_port_rx_type;
	case SL_PLAN_REASSEMBLE:
		return &sl_reassemble_type;
	case SL_PLAN_L3_IN:
		return &sl_l3_in_type;
	case SL_PLAN_L3_OUT:
		return &sl_l3_out_type;
	case SL_PLAN_FRAGMENT:
		return &sl_fragment_type;
	case SL_PLAN_TX:
		return &sl_port_tx_type;
	case SL_PLAN_FUSE:
		return &sl_fuse_type;
	case SL_PLAN_SPREAD:
	case SL_PLAN_STEER:
	case SL_PLAN_UNPIN:
	case SL_PLAN_VNF:
	case SL_PLAN_PIN:
	case SL_PLAN_DRAIN:
		break;
	}
	return NULL;
}

const void *sl_build_port_config(struct sl_build *build, const struct sl_plan_hop *hop)
{
	struct sl_port_node_config *config = keep_config(build, sizeof(*config));

	if (config == NULL)
		sl_build_no_memory(build);
	else
		config->port = build->generation->ports[hop->port];
	return config;
}

static struct sl_instance *make_port_node(struct sl_build *build, const struct sl_plan_hop *hop)
{
	const void *config = sl_build_port_config(build, hop);

	if (config == NULL)
		return NULL;
	return keep_instance(build, port_type(hop->kind), hop->name, config,
			     sl_placement_hop(&build->placement, hop));
}

static struct sl_instance *make_spread(struct sl_build *build, unsigned int number)
{
	const struct sl_plan_hop *hop = &build->plan->hops[number];
	struct sl_spread_config *config = keep_config(build, sizeof(*config));
	struct sl_instance *by = NULL;
	const struct sl_node_type *type = NULL;
	uint64_t chain = build->placement.chain;
	uint16_t next = hop->edges[SL_ON];

	if (config == NULL) {
		sl_build_no_memory(build);
		return NULL;
	}
	if (hop->vnf != UINT_MAX) {
		by = build->generation->vnfs[hop->vnf];
		type = build->chain->vnfs[hop->vnf].type;
	}
	config->handoff = build->generation->handoff;
	config->in_hardware = build->generation->in_hardware;
	sl_spread_rule_init(&config->rule, chain, by, type, hop->from);
	/* Where the next hop is not run by them, they come here again and are passed on. */
	config->resume = build->generation->numbers[number];
	if (next != SL_PLAN_NONE &&
	    (sl_placement_hop(&build->placement, &build->plan->hops[next]) & chain) == chain)
		config->resume = build->generation->numbers[next];
	return keep_instance(build, &sl_spread_type, hop->name, config,
			     sl_placement_hop(&build->placement, hop));
}

static struct sl_instance *make_steering(struct sl_build *build, const struct sl_plan_hop *hop)
{
	for (unsigned int i = 0; i < build->chain->steering_count; i++) {
		const struct sl_chain_steering *steering = &build->chain->steerings[i];
		struct sl_instance *instance;

		if (steering->port != hop->port || steering->part != hop->part)
			continue;
		instance = keep_instance(build, steering->type, hop->name, steering->config,
					 sl_placement_hop(&build->placement, hop));
		if (instance == NULL)
			return NULL;
		sl_instance_belongs(instance,
				    sl_registry_owner(build->engine->registry, steering->type));
		/* Where its configuration lies. */
		instance->chain =
			sl_chain_use(steering->part == SL_PART_OLD ? build->chain->merged->old
								   : build->own_chain);
		return instance;
	}
	sl_fail(build->errors, EINVAL, "%s: the port has no steering", hop->name);
	return NULL;
}

/* without: a part of a merged chain; -1: none. */
static void set_roles(uint8_t *roles, const struct sl_generation *generation, unsigned int port,
		      int without)
{
	for (unsigned int i = 0; i < generation->plan->hop_count; i++) {
		const struct sl_plan_hop *hop = &generation->plan->hops[i];

		if ((int)hop->part == without)
			continue;
		if (hop->port == port && hop->kind == SL_PLAN_PIN)
			roles[generation->numbers[i]] = (uint8_t)hop->rank;
		else if (hop->port == port && hop->kind == SL_PLAN_UNPIN)
			roles[generation->numbers[i]] = SL_PIN_LOOK_UP;
	}
}

/* was: the instance that goes on, whose hops of the running generation must be known, too, as
 * long as that one runs; or NULL. */
const struct sl_pin_config *sl_build_pin_config(struct sl_build *build,
						const struct sl_plan_hop *hop,
						const struct sl_instance *was)
{
	struct sl_pin_config *config = keep_config(build, sizeof(*config));
	uint8_t *roles = keep_config(build, SL_GRAPH_NO_HOP);

	if (config == NULL || roles == NULL) {
		sl_build_no_memory(build);
		return NULL;
	}
	if (was != NULL)
		set_roles(roles, build->running, build->diff->ports[hop->port], build->diff->ends);
	set_roles(roles, build->generation, hop->port,
		  hop->part == SL_PART_OLD   ? SL_PART_NEW
		  : hop->part == SL_PART_NEW ? SL_PART_OLD
					     : -1);
	config->hop_count = SL_GRAPH_NO_HOP;
	config->roles = roles;
	return config;
}

static struct sl_instance *make_pin(struct sl_build *build, const struct sl_plan_hop *hop)
{
	const struct sl_pin_config *config = sl_build_pin_config(build, hop, NULL);

	if (config == NULL)
		return NULL;
	return keep_instance(build, &sl_pin_type, hop->name, config,
			     sl_placement_hop(&build->placement, hop));
}

static struct sl_instance *make_drain(struct sl_build *build, const struct sl_plan_hop *hop)
{
	struct sl_generation *generation = build->generation;
	struct sl_drain_config *config = keep_config(build, sizeof(*config));
	uint8_t *roles = keep_config(build, SL_GRAPH_NO_HOP);
	char name[96];

	if (config == NULL || roles == NULL) {
		sl_build_no_memory(build);
		return NULL;
	}
	snprintf(name, sizeof(name), "%s:drain", build->chain->ports[hop->port].name);
	sl_drain_describe(build->engine, config, roles, build->chain, build->plan,
			  generation->numbers, hop->port);
	return keep_instance(build, &sl_drain_type, name, config,
			     sl_placement_hop(&build->placement, hop));
}

/* Hops of one port that do the same share an instance: the ways out to it, pin and unpin. */
bool sl_build_same_work(const struct sl_plan_hop *a, const struct sl_plan_hop *b)
{
	bool a_pins = a->kind == SL_PLAN_PIN || a->kind == SL_PLAN_UNPIN;
	bool b_pins = b->kind == SL_PLAN_PIN || b->kind == SL_PLAN_UNPIN;

	if (a->kind == SL_PLAN_FUSE && b->kind == SL_PLAN_FUSE)
		return true;
	if (a->port != b->port || a->kind == SL_PLAN_SPREAD || a->kind == SL_PLAN_VNF)
		return false;
	if ((a_pins || a->kind == SL_PLAN_STEER) && a->part != b->part)
		return false;
	return a->kind == b->kind || (a_pins && b_pins);
}

struct sl_instance *sl_build_own(struct sl_build *build, unsigned int number)
{
	const struct sl_plan_hop *hops = build->plan->hops;
	struct sl_instance *instance;

	for (unsigned int i = 0; i < number; i++)
		if (sl_build_same_work(&hops[i], &hops[number]))
			return build->generation->own[i];
	instance = sl_build_find_own(build, &hops[number]);
	if (instance != NULL)
		return sl_build_go_on(build, instance, &hops[number]);
	switch (hops[number].kind) {
	case SL_PLAN_SPREAD:
		return make_spread(build, number);
	case SL_PLAN_STEER:
		return make_steering(build, &hops[number]);
	case SL_PLAN_PIN:
	case SL_PLAN_UNPIN:
		return make_pin(build, &hops[number]);
	case SL_PLAN_DRAIN:
		return make_drain(build, &hops[number]);
	case SL_PLAN_FUSE:
		return keep_instance(build, &sl_fuse_type, "fusion", NULL, build->placement.all);
	default:
		return make_port_node(build, &hops[number]);
	}
}
