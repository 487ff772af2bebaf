/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Instances that go on take their new configuration or new code one after the other while workers
 * run them, and give it back when one of them refuses.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sluice/trail.h>

#include <core/chain/merge.h>
#include <core/host/attempt.h>
#include <core/host/faults.h>
#include <core/host/log.h>

static struct sl_instance *steering_of(const struct sl_generation *generation, unsigned int port)
{
	for (unsigned int i = 0; i < generation->plan->hop_count; i++)
		if (generation->plan->hops[i].kind == SL_PLAN_STEER &&
		    generation->plan->hops[i].port == port)
			return generation->own[i];
	return NULL;
}

int sl_turns_list(struct sl_attempt *a)
{
	const struct sl_chain *chain = a->chain;

	a->turns = calloc(chain->vnf_count + chain->steering_count + 1, sizeof(*a->turns));
	if (a->turns == NULL)
		return sl_fail(a->errors, ENOMEM, "out of memory");
	for (unsigned int i = 0; i < chain->vnf_count; i++)
		if (a->diff->configure_vnfs[i])
			a->turns[a->turn_count++] =
				(struct sl_turn){a->next->vnfs[i], chain->vnfs[i].type,
						 chain->vnfs[i].config, chain->vnfs[i].name};
	for (unsigned int i = 0; i < chain->steering_count; i++) {
		unsigned int port = chain->steerings[i].port;
		struct sl_instance *instance = steering_of(a->next, port);

		if (a->diff->configure_steerings[i] && instance != NULL)
			a->turns[a->turn_count++] = (struct sl_turn){
				instance, chain->steerings[i].type, chain->steerings[i].config,
				chain->ports[port].name};
	}
	return 0;
}

/* A configuration on its way to what may crash over it. */
struct configuring {
	const struct sl_turn *turn;
	const struct sl_node_type *type;
	const void *config;
	struct sl_errors *errors;
	int err;
};

static void run_configure(void *context)
{
	struct configuring *c = context;
	struct sl_instance *instance = c->turn->instance;

	c->err = c->turn->type != instance->type
			 ? c->type->adopt(instance, c->config, c->errors)
			 : c->type->configure(instance, c->config, c->errors);
}

/* type: the new code, or, to go back, that which the instance still has. */
static int configure(const struct sl_turn *turn, const struct sl_node_type *type,
		     const void *config, struct sl_errors *errors)
{
	struct configuring c = {.turn = turn, .type = type, .config = config, .errors = errors};
	char subject[128];
	bool back;
	int err;

	/* One that crashed before is not asked again. */
	if (sl_instance_quarantined(turn->instance) != SL_QUARANTINE_NONE)
		return -EOPNOTSUPP;
	snprintf(subject, sizeof(subject), "%s: ", turn->name);
	sl_errors_subject(errors, subject, SL_NOWHERE);
	back = sl_fault_run(turn->instance, run_configure, &c);
	sl_errors_subject(errors, NULL, SL_NOWHERE);
	if (!back) {
		sl_instance_crashed(turn->instance);
		return sl_fail(errors, EFAULT, "%s: it crashed over its new configuration",
			       turn->name);
	}
	err = c.err;
	if (err == 0)
		sl_unfuse(turn->instance);
	return err;
}

/* Somebody may run the new code of an instance for ever: it is not unmapped. */
static void pin_code(const struct sl_attempt *a, const struct sl_turn *turn)
{
	struct sl_loaded_plugin *plugin = sl_registry_owner(a->engine->registry, turn->type);

	if (turn->type != turn->instance->type && plugin != NULL)
		plugin->instances++;
}

/* Give the first `count` their configuration of before. */
void sl_turns_undo(struct sl_attempt *a, unsigned int count)
{
	while (count-- > 0) {
		const struct sl_turn *turn = &a->turns[count];
		struct sl_instance *instance = turn->instance;

		if (configure(turn, instance->type, instance->config, NULL) == 0)
			continue;
		/* It was fine with it before. Now it has the other one, which has to stay. */
		sl_log(SL_LOG_ERROR,
		       "%s: does not take its old configuration back; it runs with the new one",
		       turn->name);
		sl_chain_use(a->chain);
		instance->config = turn->config;
		pin_code(a, turn);
	}
}

int sl_turns_take(struct sl_attempt *a)
{
	for (unsigned int i = 0; i < a->turn_count; i++) {
		unsigned int said = sl_errors_count(a->errors);
		const struct sl_turn *turn = &a->turns[i];
		int err = configure(turn, turn->type, turn->config, a->errors);

		if (err == 0)
			continue;
		sl_turns_undo(a, i);
		if (err == -EOPNOTSUPP && sl_errors_count(a->errors) == said) {
			a->stubborn = a->turns[i].name;
			return -EOPNOTSUPP;
		}
		if (sl_errors_count(a->errors) == said)
			sl_fail(a->errors, -err, "%s: refuses its new configuration: %s",
				a->turns[i].name, strerror(-err));
		return err == -EOPNOTSUPP ? -EINVAL : err;
	}
	return 0;
}

/* The instance is the new code's from now on. ended: no worker runs the old one any more. */
static void finish_adoption(struct sl_attempt *a, const struct sl_turn *turn, bool ended)
{
	struct sl_instance *instance = turn->instance;

	if (instance->type == turn->type)
		return;
	if (instance->plugin != NULL && ended)
		instance->plugin->instances--;
	instance->type = turn->type;
	sl_instance_belongs(instance, sl_registry_owner(a->engine->registry, turn->type));
}

/* They have their configuration from the new chain now. */
void sl_turns_finish(struct sl_attempt *a, bool ended)
{
	for (unsigned int i = 0; i < a->chain->vnf_count; i++)
		atomic_store(&a->next->vnfs[i]->on_fault,
			     a->chain->vnfs[i].on_fault == SL_ON_FAULT_BYPASS ? SL_QUARANTINE_BYPASS
									      : SL_QUARANTINE_DROP);
	for (unsigned int i = 0; i < a->turn_count; i++) {
		struct sl_instance *instance = a->turns[i].instance;
		struct sl_chain *before = instance->chain;

		finish_adoption(a, &a->turns[i], ended);
		instance->config = a->turns[i].config;
		instance->chain = sl_chain_use(sl_merge_owner(a->chain));
		sl_chain_free(before);
	}
}

void sl_turns_pin(const struct sl_attempt *a)
{
	for (unsigned int i = 0; i < a->turn_count; i++)
		pin_code(a, &a->turns[i]);
}
