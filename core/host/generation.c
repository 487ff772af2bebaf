/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From a chain to what the workers run: plan, instances, who runs which hop, a graph and polls
 * per worker. Reads the engine, changes nothing of it, so it can be done beside a running one.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <core/chain/merge.h>
#include <core/flow/fusion.h>
#include <core/flow/pin.h>
#include <core/host/drain.h>
#include <core/host/private.h>
#include <core/host/watching.h>
#include <core/port/l3.h>
#include <core/worker/handoff.h>
#include <core/worker/spread.h>

/* All that is known while a generation is made. */
struct build {
	struct sl_engine *engine;
	struct sl_generation *generation;
	const struct sl_chain *chain;
	struct sl_chain *own_chain; /* the same, to be held by instances */
	const struct sl_plan *plan;
	const struct sl_generation *running; /* whose instances may go on; NULL: none */
	const struct sl_diff *diff;
	struct sl_placement placement;
	struct sl_errors *errors;
};

static int no_memory(struct build *build)
{
	return sl_fail(build->errors, ENOMEM, "no memory for a generation of %u hops",
		       build->plan != NULL ? build->plan->hop_count : 0);
}

static int make_vnfs(struct build *build)
{
	struct sl_generation *generation = build->generation;

	for (unsigned int i = 0; i < build->chain->vnf_count; i++) {
		const struct sl_chain_vnf *vnf = &build->chain->vnfs[i];
		struct sl_instance *instance;

		if (build->diff != NULL && build->diff->vnfs[i] != SL_NEW) {
			generation->vnfs[i] =
				sl_instance_use(build->running->vnfs[build->diff->vnfs[i]]);
			continue;
		}
		instance = sl_instance_new(vnf->type, vnf->name, vnf->config, vnf->memory,
					   (uint32_t)__builtin_popcountll(build->placement.vnfs[i]),
					   build->errors);
		if (instance == NULL)
			return -EINVAL;
		sl_instance_belongs(instance,
				    sl_registry_owner(build->engine->registry, vnf->type));
		instance->mask = build->placement.vnfs[i];
		instance->chain = sl_chain_use(build->own_chain);
		atomic_store(&instance->on_fault, vnf->on_fault == SL_ON_FAULT_BYPASS
							  ? SL_QUARANTINE_BYPASS
							  : SL_QUARANTINE_DROP);
		generation->vnfs[i] = instance;
	}
	return 0;
}

static void *keep_config(struct build *build, size_t size)
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

static bool room_for_instance(struct build *build)
{
	struct sl_generation *generation = build->generation;
	struct sl_instance **made =
		realloc(generation->made, (generation->made_count + 1) * sizeof(*made));

	if (made == NULL) {
		no_memory(build);
		return false;
	}
	generation->made = made;
	return true;
}

static struct sl_instance *keep_instance(struct build *build, const struct sl_node_type *type,
					 const char *name, const void *config, uint64_t workers)
{
	struct sl_generation *generation = build->generation;
	struct sl_instance *instance;

	if (!room_for_instance(build))
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

static const void *port_config(struct build *build, const struct sl_plan_hop *hop)
{
	struct sl_port_node_config *config = keep_config(build, sizeof(*config));

	if (config == NULL)
		no_memory(build);
	else
		config->port = build->generation->ports[hop->port];
	return config;
}

static struct sl_instance *make_port_node(struct build *build, const struct sl_plan_hop *hop)
{
	const void *config = port_config(build, hop);

	if (config == NULL)
		return NULL;
	return keep_instance(build, port_type(hop->kind), hop->name, config,
			     sl_placement_hop(&build->placement, hop));
}

static struct sl_instance *make_spread(struct build *build, unsigned int number)
{
	const struct sl_plan_hop *hop = &build->plan->hops[number];
	struct sl_spread_config *config = keep_config(build, sizeof(*config));
	struct sl_instance *by = NULL;
	const struct sl_node_type *type = NULL;
	uint64_t chain = build->placement.chain;
	uint16_t next = hop->edges[SL_ON];

	if (config == NULL) {
		no_memory(build);
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

static struct sl_instance *make_steering(struct build *build, const struct sl_plan_hop *hop)
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
static const struct sl_pin_config *pin_config(struct build *build, const struct sl_plan_hop *hop,
					      const struct sl_instance *was)
{
	struct sl_pin_config *config = keep_config(build, sizeof(*config));
	uint8_t *roles = keep_config(build, SL_GRAPH_NO_HOP);

	if (config == NULL || roles == NULL) {
		no_memory(build);
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

static struct sl_instance *make_pin(struct build *build, const struct sl_plan_hop *hop)
{
	const struct sl_pin_config *config = pin_config(build, hop, NULL);

	if (config == NULL)
		return NULL;
	return keep_instance(build, &sl_pin_type, hop->name, config,
			     sl_placement_hop(&build->placement, hop));
}

static struct sl_instance *make_drain(struct build *build, const struct sl_plan_hop *hop)
{
	struct sl_generation *generation = build->generation;
	struct sl_drain_config *config = keep_config(build, sizeof(*config));
	uint8_t *roles = keep_config(build, SL_GRAPH_NO_HOP);
	char name[96];

	if (config == NULL || roles == NULL) {
		no_memory(build);
		return NULL;
	}
	snprintf(name, sizeof(name), "%s:drain", build->chain->ports[hop->port].name);
	sl_drain_describe(build->engine, config, roles, build->chain, build->plan,
			  generation->numbers, hop->port);
	return keep_instance(build, &sl_drain_type, name, config,
			     sl_placement_hop(&build->placement, hop));
}

/* Hops of one port that do the same share an instance: the ways out to it, pin and unpin. */
static bool share(const struct sl_plan_hop *a, const struct sl_plan_hop *b)
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

/* Whether the hop, of the running generation, ends, or, of the next, is another: see struct
 * sl_diff.
 */
static bool parted(const struct build *build, const struct sl_plan_hop *was,
		   const struct sl_plan_hop *hop)
{
	return (int)was->part == build->diff->ends || (int)hop->part == build->diff->begins;
}

/* Whether what an instance of the running generation keeps is still true for this hop. */
static bool still_true(const struct build *build, const struct sl_plan_hop *from,
		       const struct sl_plan_hop *hop)
{
	unsigned int was = build->diff->ports[hop->port];

	switch (hop->kind) {
	case SL_PLAN_SPREAD: /* knows its generation's hops */
		return false;
	case SL_PLAN_STEER:
		for (unsigned int i = 0; i < build->chain->steering_count; i++)
			if (build->chain->steerings[i].port == hop->port &&
			    build->chain->steerings[i].part == hop->part)
				return build->diff->steerings[i] != SL_NEW;
		return false;
	case SL_PLAN_DRAIN: /* ends with the merged chain */
		return false;
	case SL_PLAN_PIN:
	case SL_PLAN_UNPIN:
		/* What drains has all its entries. */
		return from->part == SL_PART_OLD || hop->part == SL_PART_OLD ||
		       sl_diff_same_entries(build->running->chain, was, build->chain, hop->port,
					    true);
	default:
		return true;
	}
}

/* One serves all. */
static struct sl_instance *find_fuse(const struct build *build)
{
	for (unsigned int i = 0; i < build->running->plan->hop_count; i++)
		if (build->running->plan->hops[i].kind == SL_PLAN_FUSE)
			return build->running->own[i];
	return NULL;
}

/* Kinds of hops at a port that a merged chain has of the old and of the new. */
static bool sides(const struct sl_plan_hop *hop)
{
	return hop->kind == SL_PLAN_PIN || hop->kind == SL_PLAN_UNPIN || hop->kind == SL_PLAN_STEER;
}

/* The instance of the running generation that does the same for a port that goes on. */
static struct sl_instance *find_own(const struct build *build, const struct sl_plan_hop *hop)
{
	uint64_t mask = sl_placement_hop(&build->placement, hop);
	struct sl_plan_hop there = *hop;

	if (build->diff != NULL && hop->kind == SL_PLAN_FUSE)
		return find_fuse(build);
	if (build->diff == NULL || hop->port == UINT_MAX || build->diff->ports[hop->port] == SL_NEW)
		return NULL;
	there.port = build->diff->ports[hop->port];
	for (unsigned int i = 0; i < build->running->plan->hop_count; i++) {
		const struct sl_plan_hop *was = &build->running->plan->hops[i];

		there.part = was->part;
		/* Of steering that differs in nothing, only the paths that it leads to do. */
		if (share(was, &there) && build->running->own[i]->mask == mask &&
		    (int)was->part != build->diff->ends &&
		    (hop->kind == SL_PLAN_STEER || !sides(hop) || !parted(build, was, hop)) &&
		    still_true(build, was, hop))
			return build->running->own[i];
	}
	return NULL;
}

/* Its configuration, if that is not of the chain, ends with the generation it was made for. */
static bool settle_later(struct build *build, struct sl_instance *instance,
			 const struct sl_plan_hop *hop)
{
	struct sl_generation *generation = build->generation;
	struct sl_settling *grown =
		realloc(generation->settling, (generation->settling_count + 1) * sizeof(*grown));
	const void *config;

	if (grown == NULL) {
		no_memory(build);
		return false;
	}
	generation->settling = grown;
	if (hop->kind == SL_PLAN_PIN || hop->kind == SL_PLAN_UNPIN)
		config = pin_config(build, hop, instance);
	else
		config = port_config(build, hop);
	if (config == NULL)
		return false;
	grown[generation->settling_count++] =
		(struct sl_settling){.instance = instance, .config = config};
	return true;
}

static struct sl_instance *go_on(struct build *build, struct sl_instance *instance,
				 const struct sl_plan_hop *hop)
{
	if (!room_for_instance(build))
		return NULL;
	if (hop->kind != SL_PLAN_STEER && hop->kind != SL_PLAN_FUSE &&
	    !settle_later(build, instance, hop))
		return NULL;
	build->generation->made[build->generation->made_count++] = sl_instance_use(instance);
	return instance;
}

void sl_generation_settle(struct sl_generation *generation)
{
	for (unsigned int i = 0; i < generation->settling_count; i++) {
		struct sl_settling *settling = &generation->settling[i];
		const void *before = settling->instance->config;

		if (settling->instance->type->configure != NULL)
			settling->instance->type->configure(settling->instance, settling->config,
							    NULL);
		settling->instance->config = settling->config;
		settling->config = before;
	}
}

static struct sl_instance *make_own(struct build *build, unsigned int number)
{
	const struct sl_plan_hop *hops = build->plan->hops;
	struct sl_instance *instance;

	for (unsigned int i = 0; i < number; i++)
		if (share(&hops[i], &hops[number]))
			return build->generation->own[i];
	instance = find_own(build, &hops[number]);
	if (instance != NULL)
		return go_on(build, instance, &hops[number]);
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

/* Hops of the plan that these workers have no use for: packets pass them by. With one worker there
 * is nothing to spread; flows are looked up once, as early as their packets are at home. */
static bool pass_by(const struct build *build, const struct sl_plan_hop *hop)
{
	bool home = build->engine->worker_count == 1 || build->generation->in_hardware;

	if (hop->kind == SL_PLAN_SPREAD)
		return build->engine->worker_count == 1;
	if (hop->kind != SL_PLAN_FUSE || hop->rank == SL_PLAN_FUSE_INNER)
		return false;
	return home != (hop->rank == SL_PLAN_FUSE_EARLY);
}

static void lead(const struct build *build, const struct sl_plan_hop *planned,
		 struct sl_graph_hop *hop)
{
	memcpy(hop->edges, planned->edges, sizeof(hop->edges));
	for (unsigned int e = 0; e < planned->edge_count; e++) {
		uint16_t next = hop->edges[e];

		while (next != SL_PLAN_NONE && pass_by(build, &build->plan->hops[next]))
			next = build->plan->hops[next].edges[SL_ON];
		hop->edges[e] = next;
	}
}

/* Whether an action can end before this hop: it says nothing on trails, or not to all workers. */
static bool ends_actions(const struct build *build, const struct sl_plan_hop *hop,
			 const struct sl_node_type *type)
{
	if (hop->kind == SL_PLAN_RX || hop->kind == SL_PLAN_FUSE)
		return false;
	return (type->flags & SL_NODE_TRAILS) == 0 ||
	       ((type->flags & SL_NODE_DECAPSULATES) != 0 && hop->from == SL_OUTSIDE) ||
	       sl_placement_hop(&build->placement, hop) != build->placement.all;
}

/* The edges by which actions leave hops that fuse: first those to where packets leave. What finds
 * no number is not fused. */
static void lead_actions(struct build *build)
{
	struct sl_generation *generation = build->generation;
	uint16_t ends[SL_EDGE_LAST];
	uint8_t count = 0;

	for (unsigned int round = 0; round < 2; round++)
		for (unsigned int i = 0; i < build->plan->hop_count; i++) {
			const struct sl_plan_hop *hop = &build->plan->hops[i];

			if ((hop->kind == SL_PLAN_TX) == (round == 0) &&
			    count < SL_EDGE_LAST - SL_EDGE_FIRST &&
			    ends_actions(build, hop, sl_graph_hop_type(&generation->hops[i])))
				ends[count++] = (uint16_t)i;
		}
	for (unsigned int i = 0; i < build->plan->hop_count; i++) {
		struct sl_graph_hop *hop = &generation->hops[i];

		if (build->plan->hops[i].kind != SL_PLAN_FUSE)
			continue;
		for (uint8_t e = 0; e < count; e++)
			hop->edges[SL_EDGE_FIRST + e] = ends[e];
		hop->edge_count = (uint8_t)(SL_EDGE_FIRST + count);
	}
}

/* The edge by which the hop's VNF names the path that the hop stands in. */
static uint8_t own_path(const struct build *build, const struct sl_plan_hop *planned)
{
	const struct sl_chain_vnf *vnf = &build->chain->vnfs[planned->vnf];
	const uint32_t *paths = planned->part == SL_PART_OLD && vnf->old_edge_paths != NULL
					? vnf->old_edge_paths
					: vnf->edge_paths;
	unsigned int e = 0;

	while (vnf->type->edges != NULL && vnf->type->edges[e].name != NULL)
		e++; /* the type's own come first */
	for (; e < vnf->edge_count; e++)
		if (paths[e] == planned->path)
			return (uint8_t)(SL_EDGE_FIRST + e);
	return SL_ON;
}

/* Whether a hop of the running generation is the same: what is on its way to it can as well go
 * to this one. */
static bool same_hop(const struct build *build, const struct sl_plan_hop *was,
		     const struct sl_plan_hop *hop)
{
	if (was->kind != hop->kind || parted(build, was, hop) ||
	    !sl_merge_same_name(was->name, hop->name))
		return false;
	if (hop->kind == SL_PLAN_VNF)
		return build->diff->vnfs[hop->vnf] != SL_NEW ||
		       build->diff->carried_vnfs[hop->vnf] != SL_NEW;
	if (hop->kind == SL_PLAN_SPREAD)
		return build->diff->ports[hop->port] != SL_NEW;
	return find_own(build, hop) != NULL;
}

static int make_numbers(struct build *build)
{
	struct sl_generation *generation = build->generation;

	for (unsigned int i = 0; i < build->plan->hop_count; i++) {
		const struct sl_plan *before = build->diff != NULL ? build->running->plan : NULL;
		unsigned int was = 0;

		while (before != NULL && was < before->hop_count &&
		       !same_hop(build, &before->hops[was], &build->plan->hops[i]))
			was++;
		if (before != NULL && was < before->hop_count)
			generation->numbers[i] = build->running->numbers[was];
		else if (!sl_numbers_take(build->engine->private->numbers, &generation->numbers[i]))
			return sl_fail(build->errors, E2BIG,
				       "too many hops in the two generations together");
		generation->number_count++;
	}
	return 0;
}

void sl_generation_give_numbers(struct sl_engine *engine, struct sl_generation *generation,
				const struct sl_generation *other)
{
	uint64_t kept[UINT16_MAX / 64 + 1] = {0};

	for (unsigned int i = 0; other != NULL && i < other->number_count; i++)
		kept[other->numbers[i] / 64] |= UINT64_C(1) << other->numbers[i] % 64;
	for (unsigned int i = 0; i < generation->number_count; i++)
		if (!(kept[generation->numbers[i] / 64] >> generation->numbers[i] % 64 & 1))
			sl_numbers_give(engine->private->numbers, generation->numbers[i]);
	generation->number_count = 0;
}

/* NULL: the instance's own. */
static const struct sl_node_type *steering_type(const struct build *build,
						const struct sl_plan_hop *hop)
{
	for (unsigned int i = 0; hop->kind == SL_PLAN_STEER && i < build->chain->steering_count;
	     i++)
		if (build->chain->steerings[i].port == hop->port &&
		    build->chain->steerings[i].part == hop->part)
			return build->chain->steerings[i].type;
	return NULL;
}

static int make_hops(struct build *build)
{
	struct sl_generation *generation = build->generation;

	for (unsigned int i = 0; i < build->plan->hop_count; i++) {
		const struct sl_plan_hop *planned = &build->plan->hops[i];
		struct sl_graph_hop *hop = &generation->hops[i];

		if (planned->kind == SL_PLAN_VNF) {
			hop->instance = generation->vnfs[planned->vnf];
			hop->type = build->chain->vnfs[planned->vnf].type;
			hop->own_path = own_path(build, planned);
		} else {
			generation->own[i] = make_own(build, i);
			hop->instance = generation->own[i];
			hop->type = steering_type(build, planned);
		}
		if (hop->instance == NULL)
			return -EINVAL;
		hop->name = planned->name;
		hop->from = (uint8_t)planned->from;
		hop->edge_count = planned->edge_count;
		lead(build, planned, hop);
		hop->workers = sl_placement_hop(&build->placement, planned);
	}
	lead_actions(build);
	return 0;
}

/* The first instance on these workers, from that hop on, that has a say in who gets a packet. */
static struct sl_instance *spreads_from(const struct build *build, unsigned int number,
					const struct sl_node_type **type, enum sl_side *side)
{
	const struct sl_plan_hop *hops = build->plan->hops;
	uint64_t workers = sl_placement_hop(&build->placement, &hops[number]);

	for (unsigned int steps = 0; steps < build->plan->hop_count; steps++) {
		const struct sl_plan_hop *hop = &hops[number];

		if (sl_placement_hop(&build->placement, hop) != workers)
			break;
		if (hop->kind == SL_PLAN_VNF && build->chain->vnfs[hop->vnf].type->spread != NULL) {
			*side = hop->from;
			*type = build->chain->vnfs[hop->vnf].type;
			return build->generation->vnfs[hop->vnf];
		}
		/* Up to where old and new part, all is as the old chain has it. */
		number = hop->kind == SL_PLAN_DRAIN && hop->rank <= SL_PLAN_DRAIN_EARLY
				 ? hop->edges[SL_EDGE_FIRST]
				 : hop->edges[SL_ON];
		if (number == SL_PLAN_NONE)
			break;
	}
	return NULL;
}

static int make_handoff(struct build *build)
{
	struct sl_handoff *handoff = build->generation->handoff;

	for (unsigned int i = 0; i < build->plan->hop_count; i++) {
		enum sl_side side = SL_INSIDE;
		const struct sl_node_type *type = NULL;
		struct sl_instance *by = spreads_from(build, i, &type, &side);

		sl_spread_rule_init(&handoff->hops[i],
				    sl_placement_hop(&build->placement, &build->plan->hops[i]), by,
				    type, side);
	}
	return 0;
}

/* Whether every port has a queue for each worker and spreads by the same symmetric hash. Then queue
 * q of all ports is worker q's, and both ways of a session meet. */
static bool spread_by_device(const struct build *build)
{
	const struct sl_engine *engine = build->engine;
	struct sl_port *const *ports = build->generation->ports;

	if (build->placement.chain != build->placement.all)
		return false;
	for (unsigned int i = 0; i < build->chain->port_count; i++)
		if (!ports[i]->symmetric_rss || ports[i]->rx_queues != engine->worker_count ||
		    build->placement.rx[i] != build->placement.all)
			return false;
	return true;
}

/* Whether no VNF wants another way. */
static bool spread_in_hardware(const struct build *build)
{
	for (unsigned int i = 0; i < build->plan->hop_count; i++)
		if (build->plan->hops[i].kind == SL_PLAN_SPREAD &&
		    build->plan->hops[i].vnf != UINT_MAX)
			return false;
	return build->generation->by_device;
}

/* Queues of a port in turn to its pollers; with fewer queues than pollers, ports begin at
 * different ones. */
static unsigned int poller_of(const struct build *build, unsigned int port, unsigned int queue)
{
	uint64_t mask = build->placement.rx[port];
	unsigned int count = (unsigned int)__builtin_popcountll(mask);
	unsigned int rank = queue % count;

	/* By its index, so that the queue stays where it is in the next generation. */
	if (build->generation->ports[port]->rx_queues < count)
		rank = (queue + build->generation->ports[port]->index) % count;
	while (rank-- > 0)
		mask &= mask - 1;
	return (unsigned int)__builtin_ctzll(mask);
}

static int add_poll(struct sl_worker_graph *graph, struct sl_port *port, unsigned int queue,
		    uint16_t hop)
{
	struct sl_poll *polls = realloc(graph->polls, (graph->poll_count + 1) * sizeof(*polls));

	if (polls == NULL)
		return -ENOMEM;
	graph->polls = polls;
	polls[graph->poll_count++] =
		(struct sl_poll){.port = port, .queue = (uint16_t)queue, .hop = hop};
	return 0;
}

static int make_polls(struct build *build)
{
	for (unsigned int p = 0; p < build->chain->port_count; p++) {
		struct sl_port *port = build->generation->ports[p];

		for (unsigned int q = 0; q < port->rx_queues; q++)
			if (add_poll(build->generation->graphs[poller_of(build, p, q)], port, q,
				     build->generation->numbers[build->plan->rx[p]]) != 0)
				return no_memory(build);
	}
	return 0;
}

/* Both ways of each path, answers of each port, and some for packets that functions lead elsewhere;
 * beyond that they are measured together. */
static unsigned int port_pairs(const struct sl_chain *chain)
{
	return RTE_MIN(2 * chain->path_count + chain->port_count + 16, 1024u);
}

static int make_graph(struct build *build, uint16_t worker)
{
	struct sl_generation *generation = build->generation;
	struct sl_graph_conf conf = {
		.hops = generation->hops,
		.hop_count = (uint16_t)build->plan->hop_count,
		.numbers = generation->numbers,
		.worker = worker,
		.pool = build->engine->pool,
		.handoff = sl_handoff,
		.handoff_context = generation->handoff,
		.event = sl_events_put,
		.event_context = build->engine->private->events[worker],
		.fusion = build->engine->fusion != NULL ? build->engine->fusion[worker] : NULL,
		.port_pairs = port_pairs(build->chain),
	};
	struct sl_worker_graph *graph = calloc(1, sizeof(*graph));

	if (graph == NULL)
		return no_memory(build);
	generation->graphs[worker] = graph;
	graph->generation = generation->number;
	graph->graph = sl_graph_new(&conf, build->errors);
	if (graph->graph == NULL)
		return -EINVAL;
	if (sl_watching_join(build->engine, generation, build->chain, worker) != 0)
		return no_memory(build);
	return 0;
}

static int allocate(struct build *build)
{
	struct sl_generation *generation = build->generation;
	unsigned int hops = build->plan->hop_count;

	generation->vnfs = calloc(build->chain->vnf_count + 1, sizeof(*generation->vnfs));
	generation->own = calloc(hops, sizeof(*generation->own));
	generation->hops = calloc(hops, sizeof(*generation->hops));
	generation->numbers = calloc(hops, sizeof(*generation->numbers));
	generation->past = calloc(hops, sizeof(*generation->past));
	generation->graphs = calloc(build->engine->worker_count, sizeof(*generation->graphs));
	generation->handoff =
		calloc(1, sizeof(*generation->handoff) + hops * sizeof(struct sl_spread_rule));
	if (generation->vnfs == NULL || generation->own == NULL || generation->hops == NULL ||
	    generation->numbers == NULL || generation->past == NULL || generation->graphs == NULL ||
	    generation->handoff == NULL)
		return no_memory(build);
	generation->handoff->workers = build->engine->workers;
	generation->handoff->worker_count = (uint16_t)build->engine->worker_count;
	generation->handoff->hop_count = (uint16_t)hops;
	generation->handoff->numbers = generation->numbers;
	return 0;
}

static int make_all(struct build *build)
{
	int err = sl_placement_choose(&build->placement, build->engine, build->chain,
				      build->generation->ports, build->errors);

	if (err == 0)
		err = allocate(build);
	if (err == 0)
		err = make_vnfs(build);
	if (err == 0)
		err = make_numbers(build);
	if (err == 0)
		err = make_handoff(build);
	if (err == 0) {
		build->generation->by_device = spread_by_device(build);
		build->generation->in_hardware = spread_in_hardware(build);
		err = make_hops(build);
	}
	for (uint16_t w = 0; w < build->engine->worker_count && err == 0; w++)
		err = make_graph(build, w);
	if (err == 0)
		err = make_polls(build);
	return err;
}

struct sl_generation *sl_generation_new(struct sl_engine *engine, struct sl_chain *chain,
					struct sl_port **ports, const struct sl_diff *diff,
					struct sl_errors *errors)
{
	struct sl_generation *generation = calloc(1, sizeof(*generation));
	struct build build = {.engine = engine,
			      .generation = generation,
			      .chain = chain,
			      .own_chain = sl_merge_owner(chain),
			      .running = engine->generation,
			      .diff = diff,
			      .errors = errors};

	if (generation == NULL) {
		sl_fail(errors, ENOMEM, "out of memory");
		return NULL;
	}
	/* The merged chain and the new one are steps to the same generation. */
	generation->number = engine->private->generations + 1;
	if (diff != NULL && diff->ends == SL_PART_OLD)
		generation->number--;
	generation->ports = ports;
	generation->worker_count = engine->worker_count;
	generation->plan = sl_plan_new(chain, errors);
	build.plan = generation->plan;
	if (generation->plan == NULL || make_all(&build) != 0) {
		sl_placement_free(&build.placement);
		sl_generation_give_numbers(engine, generation,
					   diff != NULL ? engine->generation : NULL);
		sl_generation_free(generation);
		return NULL;
	}
	sl_placement_free(&build.placement);
	generation->chain = chain;
	return generation;
}

uint16_t sl_generation_hop(const struct sl_generation *generation, uint16_t number)
{
	for (unsigned int i = 0; i < generation->plan->hop_count; i++)
		if (generation->numbers[i] == number)
			return (uint16_t)i;
	return SL_PLAN_NONE;
}

/* The chain goes after the instance, whose configuration lies in it. */
static void let_go(struct sl_instance *instance)
{
	struct sl_chain *chain = instance->users == 1 ? instance->chain : NULL;

	sl_instance_free(instance);
	sl_chain_free(chain);
}

void sl_generation_free(struct sl_generation *generation)
{
	if (generation == NULL)
		return;
	for (unsigned int w = 0; generation->graphs != NULL && w < generation->worker_count; w++) {
		struct sl_worker_graph *graph = generation->graphs[w];

		if (graph == NULL)
			continue;
		if (graph->graph != NULL)
			sl_graph_free(graph->graph);
		free(graph->polls);
		free(graph);
	}
	for (unsigned int i = 0; i < generation->made_count; i++)
		let_go(generation->made[i]);
	for (unsigned int i = 0; generation->vnfs != NULL && generation->vnfs[i] != NULL; i++)
		let_go(generation->vnfs[i]);
	for (unsigned int i = 0; i < generation->config_count; i++)
		free(generation->configs[i]);
	free(generation->configs);
	free(generation->made);
	free(generation->vnfs);
	free(generation->own);
	for (unsigned int i = 0; generation->past != NULL && i < generation->plan->hop_count; i++) {
		free(generation->past[i].drops);
		free(generation->past[i].timing);
	}
	free(generation->past);
	free(generation->pairs);
	free(generation->settling);
	free(generation->numbers);
	free(generation->hops);
	free(generation->graphs);
	free(generation->handoff);
	sl_plan_free(generation->plan);
	if (generation->chain != NULL)
		sl_chain_free(generation->chain);
	free(generation);
}
