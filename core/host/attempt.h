/* SPDX-License-Identifier: BSD-3-Clause */
/* One attempt to get from the generation that runs to another. */
#ifndef CORE_HOST_ATTEMPT_H
#define CORE_HOST_ATTEMPT_H

#include <core/host/private.h>

/* An instance that goes on with another configuration, or with other code. */
struct sl_turn {
	struct sl_instance *instance;
	const struct sl_node_type *type;
	const void *config;
	const char *name; /* of the VNF or port, as sl_diff_new() wants it */
};

struct sl_attempt {
	struct sl_engine *engine;
	struct sl_chain *chain;
	const struct sl_diff *diff;
	struct sl_errors *errors;
	struct sl_port **ports;
	struct sl_generation *next;
	struct sl_turn *turns;
	unsigned int turn_count;
	const char *stubborn; /* name of the instance that cannot take its configuration */
	struct sl_carry *carry;
	bool stranded; /* a worker may yet look at what was made */
	uint64_t took, carried, lost;
};

/* turns.c: what goes on with another configuration or other code. */
int sl_turns_list(struct sl_attempt *a);
/* All take theirs, or none. -EOPNOTSUPP: a->stubborn cannot while it lives; else told. */
int sl_turns_take(struct sl_attempt *a);
/* Give the first `count` their configuration of before. */
void sl_turns_undo(struct sl_attempt *a, unsigned int count);
/* They have their configuration from the new chain now. ended: no worker runs the old generation
 * any more. */
void sl_turns_finish(struct sl_attempt *a, bool ended);
/* Somebody may run the new code of these instances for ever: it is not unmapped. */
void sl_turns_pin(const struct sl_attempt *a);

#endif
