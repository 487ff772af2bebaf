/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From a chain to what the workers run: plan, instances, who runs which hop, a graph and polls
 * per worker. Reads the engine, changes nothing of it, so it can be done beside a running one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <core/chain/merge.h>
#include <core/host/build.h>
#include <core/host/watching.h>
#include <core/worker/handoff.h>

int sl_build_no_memory(struct sl_build *build)
{
	return sl_fail(build->errors, ENOMEM, "no memory for a generation of %u hops",
		       build->plan != NULL ? build->plan->hop_count : 0);
}

static int allocate(struct sl_build *build)
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
		return sl_build_no_memory(build);
	generation->handoff->workers = build->engine->workers;
	generation->handoff->worker_count = (uint16_t)build->engine->worker_count;
	generation->handoff->hop_count = (uint16_t)hops;
	generation->handoff->numbers = generation->numbers;
	return 0;
}

static int make_vnfs(struct sl_build *build)
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

/* NULL: the instance's own. */
static const struct sl_node_type *steering_type(const struct sl_build *build,
						const struct sl_plan_hop *hop)
{
	for (unsigned int i = 0; hop->kind == SL_PLAN_STEER && i < build->chain->steering_count;
	     i++)
		if (build->chain->steerings[i].port == hop->port &&
		    build->chain->steerings[i].part == hop->part)
			return build->chain->steerings[i].type;
	return NULL;
}

static int make_hops(struct sl_build *build)
{
	struct sl_generation *generation = build->generation;

	for (unsigned int i = 0; i < build->plan->hop_count; i++) {
		const struct sl_plan_hop *planned = &build->plan->hops[i];
		struct sl_graph_hop *hop = &generation->hops[i];

		if (planned->kind == SL_PLAN_VNF) {
			hop->instance = generation->vnfs[planned->vnf];
			hop->type = build->chain->vnfs[planned->vnf].type;
		} else {
			generation->own[i] = sl_build_own(build, i);
			hop->instance = generation->own[i];
			hop->type = steering_type(build, planned);
		}
		if (hop->instance == NULL)
			return -EINVAL;
		hop->name = planned->name;
		hop->from = (uint8_t)planned->from;
		hop->edge_count = planned->edge_count;
		hop->workers = sl_placement_hop(&build->placement, planned);
	}
	sl_build_edges(build);
	return 0;
}

/* Both ways of each path, answers of each port, and some for packets that functions lead elsewhere;
 * beyond that they are measured together. */
static unsigned int port_pairs(const struct sl_chain *chain)
{
	return RTE_MIN(2 * chain->path_count + chain->port_count + 16, 1024u);
}

static int make_graph(struct sl_build *build, uint16_t worker)
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
		return sl_build_no_memory(build);
	generation->graphs[worker] = graph;
	graph->generation = generation->number;
	graph->graph = sl_graph_new(&conf, build->errors);
	if (graph->graph == NULL)
		return -EINVAL;
	if (sl_watching_join(build->engine, generation, build->chain, worker) != 0)
		return sl_build_no_memory(build);
	return 0;
}

static int make_all(struct sl_build *build)
{
	int err = sl_placement_choose(&build->placement, build->engine, build->chain,
				      build->generation->ports, build->errors);

	if (err == 0)
		err = allocate(build);
	if (err == 0)
		err = make_vnfs(build);
	if (err == 0)
		err = sl_build_numbers(build);
	if (err == 0) {
		sl_build_spreading(build);
		err = make_hops(build);
	}
	for (uint16_t w = 0; w < build->engine->worker_count && err == 0; w++)
		err = make_graph(build, w);
	if (err == 0)
		err = sl_build_polls(build);
	return err;
}

struct sl_generation *sl_generation_new(struct sl_engine *engine, struct sl_chain *chain,
					struct sl_port **ports, const struct sl_diff *diff,
					struct sl_errors *errors)
{
	struct sl_generation *generation = calloc(1, sizeof(*generation));
	struct sl_build build = {.engine = engine,
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
