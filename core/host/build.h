/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the makers of a generation share: generation.c puts it together, port_nodes.c makes the
 * instances that are no VNF's, go_on.c says which of the running generation do instead, edges.c
 * where packets go from hop to hop, queues.c which worker gets them.
 */
#ifndef CORE_HOST_BUILD_H
#define CORE_HOST_BUILD_H

#include <core/host/private.h>

/* All that is known while a generation is made. */
struct sl_build {
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

/* ENOMEM, told. */
int sl_build_no_memory(struct sl_build *build);

/* port_nodes.c: the instance of hop `number`, no VNF's; NULL: told. */
struct sl_instance *sl_build_own(struct sl_build *build, unsigned int number);
/* Whether two hops of one port do the same and have one instance: the ways out to it, pin and
 * unpin. */
bool sl_build_same_work(const struct sl_plan_hop *a, const struct sl_plan_hop *b);
/* Room for one more in generation->made; false: told. */
bool sl_build_room(struct sl_build *build);
/* Configurations, which live as long as the generation; NULL: told. was: the instance that goes on,
 * whose hops of the running generation must be known, too, as long as that one runs; or NULL. */
const void *sl_build_port_config(struct sl_build *build, const struct sl_plan_hop *hop);
const struct sl_pin_config *sl_build_pin_config(struct sl_build *build,
						const struct sl_plan_hop *hop,
						const struct sl_instance *was);

/* go_on.c: the instance of the running generation that does the same as this hop of a port that
 * goes on; NULL: none. */
struct sl_instance *sl_build_find_own(const struct sl_build *build, const struct sl_plan_hop *hop);
/* It is of this generation, too; NULL: told. */
struct sl_instance *sl_build_go_on(struct sl_build *build, struct sl_instance *instance,
				   const struct sl_plan_hop *hop);
/* A number for each hop: of the running generation's, where one is the same. */
int sl_build_numbers(struct sl_build *build);

/* edges.c: where each hop's edges lead these workers. */
void sl_build_edges(struct sl_build *build);

/* queues.c: who runs a hop's packets when several could, and whether devices see to that. */
void sl_build_spreading(struct sl_build *build);
/* Which worker polls what. */
int sl_build_polls(struct sl_build *build);

#endif
