/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An instance of a node type: its memory (one jemalloc arena), its data, and per worker its
 * state and counters. The engine's own nodes (ports, steering) are instances too.
 */
#ifndef CORE_PLUGIN_INSTANCE_H
#define CORE_PLUGIN_INSTANCE_H

#include <stdatomic.h>

#include <sluice/node.h>

#define SL_MAX_WORKERS 64

struct sl_arena; /* core/plugin/arena.h */
struct sl_ends;  /* sluice/state.h */
struct sl_chain; /* core/chain/model.h */

/* What packets of an instance get that crashed, hung or else cannot be trusted any more. Its code
 * is not called again. */
enum sl_quarantine {
	SL_QUARANTINE_NONE,
	SL_QUARANTINE_DROP,
	SL_QUARANTINE_BYPASS,
};

/* Addresses the instance answers for: see sl_claim_prefix(). */
struct sl_claim {
	enum sl_side side;
	struct sl_prefix prefix;
};

struct sl_instance {
	char *name;
	char *other_name; /* that it had before; who still reads it may */
	const struct sl_node_type *type;
	struct sl_loaded_plugin *plugin; /* NULL: the engine's own */
	const void *config;              /* owned by the chain it came from */
	struct sl_arena *arena;
	void *data;
	uint32_t workers;
	void *state[SL_MAX_WORKERS];
	uint64_t *counters[SL_MAX_WORKERS];
	_Atomic uint32_t fusion_epoch; /* see sl_unfuse() */
	struct sl_claim *claims;
	uint32_t claim_count;
	uint64_t next_poll;     /* TSC; see sl_instance_poll() */
	unsigned int users;     /* generations that have it */
	uint64_t mask;          /* bit per worker of the engine that runs it; the engine sets it */
	struct sl_chain *chain; /* that its configuration lies in; the engine's, may be NULL */
	uint64_t *past;         /* counters of instances that this one replaced; NULL: none */
	_Atomic uint8_t quarantine; /* enum sl_quarantine */
	_Atomic uint8_t on_fault;   /* enum sl_quarantine: what a fault makes of it; NONE: drop */
	uintptr_t code_low, code_high; /* of its plugin */
	/* Which of its workers a session's packets come to: see sl_comes_here(). NULL: any. */
	uint32_t (*home)(const void *context, const struct sl_ends *ends);
	const void *home_context;
	bool running; /* in a call in which it is not expected to allocate */
};

/* Make one: arena (memory cap in bytes, 0: none), data, type->create(). NULL with messages. */
struct sl_instance *sl_instance_new(const struct sl_node_type *type, const char *name,
				    const void *config, uint64_t cap, uint32_t workers,
				    struct sl_errors *errors);
/* Say which plugin the type came from, so that it stays loaded; NULL: the engine's own. */
void sl_instance_belongs(struct sl_instance *instance, struct sl_loaded_plugin *plugin);
/* Allocate state and counters of node->worker, point the node at them (state, instance, data,
 * counters, workers) and, the first time for that worker, call type->worker_init(). A second
 * hop of the same instance on the same worker gets the same state. */
int sl_instance_join(struct sl_instance *instance, struct sl_node *node, struct sl_errors *errors);
/* Call type->poll() if it is time for it. Main thread. */
void sl_instance_poll(struct sl_instance *instance, uint64_t now);
/* Call it otherwise, if it is not called so; the name that it had stays until the next one. Out of
 * memory: it keeps it. Main thread. */
void sl_instance_rename(struct sl_instance *instance, const char *name);
/* Quarantine it after sl_fault_run() came back in vain on the main thread. */
void sl_instance_crashed(struct sl_instance *instance);
/* Call the type, on the main thread. False: it crashed, and is in quarantine. */
bool sl_instance_call(struct sl_instance *instance, void (*run)(void *context), void *context);
/* One more generation has it. */
struct sl_instance *sl_instance_use(struct sl_instance *instance);
/* Take over the counters of an instance of the same type name that this one replaces. */
void sl_instance_inherit(struct sl_instance *instance, const struct sl_instance *before);
/* Its counters begin at 0 again: another one has inherited what there was. */
void sl_instance_begin_anew(struct sl_instance *instance);
/* A counter of the type, over all workers and what was inherited. Main thread. */
uint64_t sl_instance_counter(const struct sl_instance *instance, uint32_t counter);
/* Set its own counters to zero; no worker runs it. */
void sl_instance_forget_counts(struct sl_instance *instance);
/* One generation has it no more; after the last: type->destroy(), then the arena is gone with all
 * that is in it. NULL is allowed. */
void sl_instance_free(struct sl_instance *instance);
/* Quarantine it, or change what its packets get: workers that run it see it at their next walk. Any
 * thread. */
void sl_instance_quarantine(struct sl_instance *instance, enum sl_quarantine how);
/* The same as its chain wants it after a fault. */
void sl_instance_fault(struct sl_instance *instance);
/* How often that was done, to any. */
extern _Atomic uint32_t sl_quarantines;

static inline enum sl_quarantine sl_instance_quarantined(const struct sl_instance *instance)
{
	return (enum sl_quarantine)atomic_load_explicit(&instance->quarantine,
							memory_order_relaxed);
}
/* Its memory; NULL: the engine's own. */
struct sl_arena *sl_instance_arena(const struct sl_instance *instance);
/* Bytes it has allocated, and its cap (0: none). */
uint64_t sl_instance_memory(const struct sl_instance *instance, uint64_t *cap);

#endif
