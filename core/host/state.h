/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What instances remember, as records (include/sluice/state.h): out of those that run, into those
 * that no worker runs yet. Main thread.
 */
#ifndef CORE_HOST_STATE_H
#define CORE_HOST_STATE_H

#include <core/host/engine.h>

/* Takes one record of the instance's worker of that number. 0, or -errno with messages: the pass
 * ends there. */
typedef int (*sl_record_fn)(void *context, uint32_t worker, const void *record, uint32_t size,
			    struct sl_errors *errors);

/* Whether the instance has records to tell; one that stands in no path has none. */
bool sl_state_exports(const struct sl_engine *engine, const struct sl_instance *instance);

/*
 * One pass over all workers of an instance of the running generation, in slices between their
 * bursts. changed: only what did so since a pass last told it. 0, or -errno with messages; what
 * `take` got until then is not all.
 */
int sl_state_export(struct sl_engine *engine, struct sl_instance *instance, bool changed,
		    sl_record_fn take, void *context, struct sl_errors *errors);

/* An instance that records are put into. */
struct sl_importer {
	const struct sl_generation *generation;
	struct sl_instance *instance;
	uint32_t version; /* of the records */
	uint64_t ago;     /* TSC ticks since they were written; 0 after sl_importer_init() */
	uint64_t taken;   /* records, so far */
	uint64_t moved;   /* of those, taken by another worker than the one that was tried first */
	uint64_t void_;   /* records that mean nothing any more */
	uint32_t untended;
	uint16_t hop; /* one of the instance's, in the generation */
};

/* The generation has its graphs and runs nowhere. 0, or -errno with messages: the type takes no
 * records, or not of that version. */
int sl_importer_init(struct sl_importer *importer, const struct sl_generation *generation,
		     struct sl_instance *instance, uint32_t version, struct sl_errors *errors);
/* Offer a record to the workers, first to that one. 0, or -errno with messages. */
int sl_importer_take(struct sl_importer *importer, uint32_t worker, const void *record,
		     uint32_t size, struct sl_errors *errors);
/* What was counted meanwhile is forgotten. */
void sl_importer_finish(struct sl_importer *importer);

/* The hop by which an instance is found in the graphs of its workers; SL_PLAN_NONE: it stands in
 * no path. And the engine's worker that is the instance's worker of that number. */
uint16_t sl_state_hop(const struct sl_generation *generation, const struct sl_instance *instance);
unsigned int sl_state_worker(const struct sl_instance *instance, uint32_t worker);

#endif
