/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What goes on from the running generation to the next: instances at ports that do the same as
 * before, and the numbers of hops that are the same, so that packets on their way arrive.
 */
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>

#include <core/chain/merge.h>
#include <core/host/build.h>
#include <core/host/diff.h>
#include <core/host/numbers.h>

/* Whether the hop, of the running generation, ends, or, of the next, is another: see struct
 * sl_diff. */
static bool parted(const struct sl_build *build, const struct sl_plan_hop *was,
		   const struct sl_plan_hop *hop)
{
	return (int)was->part == build->diff->ends || (int)hop->part == build->diff->begins;
}

/* Whether what an instance of the running generation keeps is still true for this hop. */
static bool still_true(const struct sl_build *build, const struct sl_plan_hop *from,
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
static struct sl_instance *find_fuse(const struct sl_build *build)
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
struct sl_instance *sl_build_find_own(const struct sl_build *build, const struct sl_plan_hop *hop)
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
		if (sl_build_same_work(was, &there) && build->running->own[i]->mask == mask &&
		    (int)was->part != build->diff->ends &&
		    (hop->kind == SL_PLAN_STEER || !sides(hop) || !parted(build, was, hop)) &&
		    still_true(build, was, hop))
			return build->running->own[i];
	}
	return NULL;
}

/* Its configuration, if that is not of the chain, ends with the generation it was made for. */
static bool settle_later(struct sl_build *build, struct sl_instance *instance,
			 const struct sl_plan_hop *hop)
{
	struct sl_generation *generation = build->generation;
	struct sl_settling *grown =
		realloc(generation->settling, (generation->settling_count + 1) * sizeof(*grown));
	const void *config;

	if (grown == NULL) {
		sl_build_no_memory(build);
		return false;
	}
	generation->settling = grown;
	if (hop->kind == SL_PLAN_PIN || hop->kind == SL_PLAN_UNPIN)
		config = sl_build_pin_config(build, hop, instance);
	else
		config = sl_build_port_config(build, hop);
	if (config == NULL)
		return false;
	grown[generation->settling_count++] =
		(struct sl_settling){.instance = instance, .config = config};
	return true;
}

struct sl_instance *sl_build_go_on(struct sl_build *build, struct sl_instance *instance,
				   const struct sl_plan_hop *hop)
{
	if (!sl_build_room(build))
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

/* Whether a hop of the running generation is the same: what is on its way to it can as well go
 * to this one. */
static bool same_hop(const struct sl_build *build, const struct sl_plan_hop *was,
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
	return sl_build_find_own(build, hop) != NULL;
}

int sl_build_numbers(struct sl_build *build)
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
