/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sluice/memory.h>
#include <sluice/trail.h>

#include <core/error/errors.h>
#include <core/fault/fault.h>
#include <core/plugin/arena.h>
#include <core/plugin/instance.h>
#include <core/plugin/registry.h>

/* Memory that worker A writes stays two lines away from what worker B writes: the prefetcher
 * of adjacent lines fetches pairs. */
#define PAIR 128

/* What belongs to no instance. The main thread makes it at the first use; it lives as long as
 * the program. */
static struct sl_arena *engine_arena(void)
{
	static struct sl_arena *arena;

	if (arena == NULL)
		arena = sl_arena_new(0);
	return arena;
}

struct sl_arena *sl_instance_arena(const struct sl_instance *instance)
{
	return instance != NULL ? instance->arena : engine_arena();
}

/*
 * A fault on the main thread, or one that is no signal.
 */
static void post(struct sl_instance *instance, const struct sl_fault_cause *cause)
{
	struct sl_fault *fault;

	sl_instance_fault(instance);
	fault = sl_fault_claim();
	if (fault == NULL)
		return;
	fault->cause = *cause;
	fault->call = SL_CALL_MAIN;
	fault->instance = instance;
	sl_fault_post(fault);
}

/*
 * It got no memory. While it is made or configured that is an error which somebody reports. Later
 * nobody expects it to want more: it leaks.
 */
static void *refuse(struct sl_instance *instance)
{
	struct sl_fault_cause cause = {.kind = SL_FAULT_MEMORY};

	bool packets = sl_fault_self != NULL && !sl_fault_self->main;

	if (instance == NULL || (!instance->running && !packets) || instance->plugin == NULL ||
	    sl_instance_quarantined(instance) != SL_QUARANTINE_NONE)
		return NULL;
	cause.address = sl_arena_cap(instance->arena);
	if (cause.address != 0)
		post(instance, &cause);
	return NULL;
}

void *sl_alloc(struct sl_instance *instance, size_t size)
{
	struct sl_arena *arena = sl_instance_arena(instance);
	void *memory = arena != NULL ? sl_arena_take(arena, size) : NULL;

	return memory != NULL ? memory : refuse(instance);
}

void sl_free(struct sl_instance *instance, void *memory)
{
	if (memory != NULL)
		sl_arena_give(sl_instance_arena(instance), memory);
}

void *sl_alloc_table(struct sl_instance *instance, size_t size)
{
	struct sl_arena *arena = sl_instance_arena(instance);
	void *memory = arena != NULL ? sl_arena_take_table(arena, size) : NULL;

	return memory != NULL ? memory : refuse(instance);
}

void sl_free_table(struct sl_instance *instance, void *memory)
{
	if (memory != NULL)
		sl_arena_give_table(sl_instance_arena(instance), memory);
}

static int no_memory(const struct sl_instance *instance, struct sl_errors *errors)
{
	uint64_t cap = sl_arena_cap(instance->arena);

	if (cap != 0)
		return sl_fail(errors, ENOMEM,
			       "%s: its memory limit of %llu bytes is too small (%llu in use); "
			       "raise `memory` of the VNF",
			       instance->name, (unsigned long long)cap,
			       (unsigned long long)sl_arena_used(instance->arena));
	return sl_fail(errors, ENOMEM, "%s: out of memory", instance->name);
}

/* All but the arena's content. */
static void release(struct sl_instance *instance)
{
	sl_arena_free(instance->arena);
	free(instance->claims);
	free(instance->past);
	free(instance->name);
	free(instance->other_name);
	free(instance);
}

/* What is made, by code that may crash: then it is not made. */
struct making {
	struct sl_instance *instance;
	const void *config;
	struct sl_node *node;
	struct sl_errors *errors;
	int error;
};

static void run_create(void *context)
{
	struct making *m = context;

	m->error = m->instance->type->create(m->instance, m->config, m->errors);
}

static void run_worker_init(void *context)
{
	struct making *m = context;

	m->error = m->instance->type->worker_init(m->node, m->errors);
}

/* What it says of itself goes under its name. */
static int make(struct making *m, void (*run)(void *context))
{
	char subject[128];
	bool back;

	snprintf(subject, sizeof(subject), "%s: ", m->instance->name);
	sl_errors_subject(m->errors, subject, SL_NOWHERE);
	back = sl_fault_run(m->instance, run, m);
	sl_errors_subject(m->errors, NULL, SL_NOWHERE);
	if (back)
		return m->error;
	return sl_fail(m->errors, EFAULT, "%s: %s crashes in its %s()", m->instance->name,
		       m->instance->type->name, m->node != NULL ? "worker_init" : "create");
}

struct sl_instance *sl_instance_new(const struct sl_node_type *type, const char *name,
				    const void *config, uint64_t cap, uint32_t workers,
				    struct sl_errors *errors)
{
	struct sl_instance *instance = calloc(1, sizeof(*instance));
	struct making making = {.config = config, .errors = errors};
	unsigned int said = errors != NULL ? sl_errors_count(errors) : 0;
	int error;

	if (workers == 0 || workers > SL_MAX_WORKERS) {
		free(instance);
		sl_fail(errors, EINVAL, "%s: %u workers; 1 to %u are possible", name, workers,
			SL_MAX_WORKERS);
		return NULL;
	}
	if (instance == NULL || (instance->name = strdup(name)) == NULL ||
	    (instance->arena = sl_arena_new(cap)) == NULL) {
		sl_fail(errors, ENOMEM, "%s: no memory for an instance of %s", name, type->name);
		goto fail;
	}
	instance->type = type;
	instance->config = config;
	instance->workers = workers;
	instance->users = 1;
	instance->data = sl_alloc(instance, type->instance_size);
	if (instance->data == NULL) {
		no_memory(instance, errors);
		goto fail;
	}
	making.instance = instance;
	error = type->create == NULL ? 0 : make(&making, run_create);
	if (error == 0)
		return instance;
	if (errors != NULL && sl_errors_count(errors) == said)
		sl_fail(errors, -error, "%s: %s refuses its configuration: %s", name, type->name,
			strerror(-error));
fail:
	if (instance != NULL)
		release(instance);
	return NULL;
}

void sl_instance_belongs(struct sl_instance *instance, struct sl_loaded_plugin *plugin)
{
	instance->plugin = plugin;
	sl_symbol_module((uintptr_t)instance->type->process, &instance->code_low,
			 &instance->code_high);
	if (plugin != NULL)
		plugin->instances++;
}

/* Whole pairs of lines, so that the next block does not share one. */
static void *worker_alloc(struct sl_instance *instance, size_t size)
{
	return sl_alloc(instance, size < PAIR ? PAIR : (size + PAIR - 1) / PAIR * PAIR);
}

static uint32_t name_count(const struct sl_name *names)
{
	uint32_t n = 0;

	while (names != NULL && names[n].name != NULL)
		n++;
	return n;
}

int sl_instance_join(struct sl_instance *instance, struct sl_node *node, struct sl_errors *errors)
{
	const struct sl_node_type *type = instance->type;
	uint16_t worker = node->worker;
	void *state;
	struct making making = {.instance = instance, .node = node, .errors = errors};
	int error;

	if (worker >= instance->workers)
		return sl_fail(errors, EINVAL, "%s: worker %u is not one of its %u", instance->name,
			       worker, instance->workers);
	node->instance = instance;
	node->data = instance->data;
	node->workers = (uint16_t)instance->workers;
	if (instance->state[worker] != NULL) {
		node->state = instance->state[worker];
		node->counters = instance->counters[worker];
		return 0;
	}
	state = worker_alloc(instance, type->state_size);
	node->state = state;
	node->counters =
		worker_alloc(instance, name_count(type->counters) * sizeof(*node->counters));
	if (state == NULL || node->counters == NULL) {
		error = no_memory(instance, errors);
		goto fail;
	}
	error = type->worker_init != NULL ? make(&making, run_worker_init) : 0;
	if (error != 0)
		goto fail;
	instance->state[worker] = state;
	instance->counters[worker] = node->counters;
	return 0;
fail:
	sl_free(instance, node->counters);
	sl_free(instance, state);
	node->state = NULL;
	node->counters = NULL;
	return error;
}

_Atomic uint32_t sl_quarantines;

void sl_instance_quarantine(struct sl_instance *instance, enum sl_quarantine how)
{
	atomic_store_explicit(&instance->quarantine, (uint8_t)how, memory_order_relaxed);
	/* Release: who sees the number sees the state. */
	atomic_fetch_add_explicit(&sl_quarantines, 1, memory_order_release);
	sl_unfuse(instance);
}

void sl_instance_fault(struct sl_instance *instance)
{
	enum sl_quarantine how =
		(enum sl_quarantine)atomic_load_explicit(&instance->on_fault, memory_order_relaxed);

	sl_instance_quarantine(instance, how != SL_QUARANTINE_NONE ? how : SL_QUARANTINE_DROP);
}

static void run_poll(void *instance)
{
	((struct sl_instance *)instance)->type->poll(instance);
}

void sl_instance_poll(struct sl_instance *instance, uint64_t now)
{
	const struct sl_node_type *type = instance->type;

	if (type->poll == NULL || now < instance->next_poll ||
	    sl_instance_quarantined(instance) != SL_QUARANTINE_NONE)
		return;
	instance->next_poll = now + sl_hz() / 1000 * type->poll_ms;
	sl_instance_call(instance, run_poll, instance);
}

bool sl_instance_call(struct sl_instance *instance, void (*run)(void *context), void *context)
{
	bool was = instance->running, back;

	instance->running = true;
	back = sl_fault_run(instance, run, context);
	instance->running = was;
	if (!back)
		sl_instance_crashed(instance);
	return back;
}

void sl_instance_crashed(struct sl_instance *instance)
{
	post(instance, &sl_fault_self->seen);
}

struct sl_instance *sl_instance_use(struct sl_instance *instance)
{
	instance->users++;
	return instance;
}

uint64_t sl_instance_counter(const struct sl_instance *instance, uint32_t counter)
{
	uint64_t sum = instance->past != NULL ? instance->past[counter] : 0;

	for (uint32_t w = 0; w < instance->workers; w++)
		if (instance->counters[w] != NULL)
			sum += sl_tally_read(&instance->counters[w][counter]);
	return sum;
}

static bool room_for_past(struct sl_instance *instance)
{
	uint32_t count = name_count(instance->type->counters);

	if (instance->past == NULL && count > 0)
		instance->past = calloc(count, sizeof(*instance->past));
	return instance->past != NULL;
}

void sl_instance_inherit(struct sl_instance *instance, const struct sl_instance *before)
{
	const struct sl_name *names = instance->type->counters, *had = before->type->counters;

	for (uint32_t i = 0; i < name_count(names) && room_for_past(instance); i++)
		for (uint32_t j = 0; j < name_count(had); j++)
			if (strcmp(names[i].name, had[j].name) == 0)
				instance->past[i] += sl_instance_counter(before, j);
}

void sl_instance_begin_anew(struct sl_instance *instance)
{
	for (uint32_t i = 0; i < name_count(instance->type->counters) && room_for_past(instance);
	     i++)
		instance->past[i] -= sl_instance_counter(instance, i);
}

void sl_instance_forget_counts(struct sl_instance *instance)
{
	size_t size = name_count(instance->type->counters) * sizeof(uint64_t);

	for (uint32_t w = 0; w < instance->workers; w++)
		if (instance->counters[w] != NULL)
			memset(instance->counters[w], 0, size);
}

static void run_destroy(void *instance)
{
	((struct sl_instance *)instance)->type->destroy(instance);
}

void sl_instance_free(struct sl_instance *instance)
{
	if (instance == NULL || --instance->users > 0)
		return;
	/* One that crashed may crash again; what it has besides its arena is lost then. */
	if (instance->type->destroy != NULL)
		sl_fault_run(instance, run_destroy, instance);
	if (instance->plugin != NULL)
		instance->plugin->instances--;
	release(instance);
}

uint64_t sl_instance_memory(const struct sl_instance *instance, uint64_t *cap)
{
	if (cap != NULL)
		*cap = sl_arena_cap(instance->arena);
	return sl_arena_used(instance->arena);
}

void *sl_instance_data(const struct sl_instance *instance)
{
	return instance->data;
}

void sl_instance_rename(struct sl_instance *instance, const char *name)
{
	char *copy = strcmp(instance->name, name) != 0 ? strdup(name) : NULL;

	if (copy == NULL)
		return;
	free(instance->other_name);
	instance->other_name = instance->name;
	instance->name = copy;
}

const char *sl_instance_name(const struct sl_instance *instance)
{
	return instance->name;
}

uint32_t sl_instance_workers(const struct sl_instance *instance)
{
	return instance->workers;
}

void *sl_instance_state(const struct sl_instance *instance, uint32_t worker)
{
	return worker < instance->workers ? instance->state[worker] : NULL;
}

int sl_claim_prefix(struct sl_instance *instance, enum sl_side side, const struct sl_prefix *prefix)
{
	struct sl_claim *claims;

	if (prefix->addr.family != SL_FAMILY_IPV4 && prefix->addr.family != SL_FAMILY_IPV6)
		return -EINVAL;
	for (uint32_t i = 0; i < instance->claim_count; i++) {
		const struct sl_claim *have = &instance->claims[i];

		if (have->side == side && have->prefix.length == prefix->length &&
		    sl_addr_compare(&have->prefix.addr, &prefix->addr) == 0)
			return 0;
	}
	claims = realloc(instance->claims, (instance->claim_count + 1) * sizeof(*claims));
	if (claims == NULL)
		return -ENOMEM;
	claims[instance->claim_count].side = side;
	claims[instance->claim_count].prefix = *prefix;
	instance->claims = claims;
	instance->claim_count++;
	return 0;
}
