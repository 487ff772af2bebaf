/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <rte_cycles.h>

#include <core/fault/fault.h>
#include <core/host/private.h>
#include <core/host/state.h>
#include <core/plugin/growth.h>
#include <core/plugin/records.h>

/* Tables grow as records come in: their pages are brought in after so many. */
#define TEND_EVERY 64

uint16_t sl_state_hop(const struct sl_generation *generation, const struct sl_instance *instance)
{
	for (unsigned int h = 0; h < generation->plan->hop_count; h++)
		if (generation->hops[h].instance == instance)
			return (uint16_t)h;
	return SL_PLAN_NONE;
}

unsigned int sl_state_worker(const struct sl_instance *instance, uint32_t worker)
{
	uint64_t mask = instance->mask;

	while (worker-- > 0)
		mask &= mask - 1;
	return (unsigned int)__builtin_ctzll(mask);
}

bool sl_state_exports(const struct sl_engine *engine, const struct sl_instance *instance)
{
	return instance->type->export_state != NULL &&
	       sl_state_hop(engine->generation, instance) != SL_PLAN_NONE;
}

/* A visit of a worker for a slice. */
struct visit {
	struct sl_worker_job job;
	uint16_t hop;
	struct sl_records records;
	struct sl_node *node;
	bool crashed;
};

static void export_slice(void *context)
{
	struct visit *v = context;

	v->node->instance->type->export_state(v->node, &v->records.slice);
}

static void visit_run(struct sl_worker *worker, struct sl_worker_job *job)
{
	struct visit *v = (struct visit *)(void *)((char *)job - offsetof(struct visit, job));

	v->node = sl_graph_node(sl_worker_graph_now(worker), v->hop);
	v->crashed = !sl_graph_call(v->node, export_slice, v);
}

static int take_all(const struct visit *v, uint32_t worker, sl_record_fn take, void *context,
		    struct sl_errors *errors)
{
	const void *record;
	uint32_t size;
	size_t at = 0;
	int err = 0;

	while (err == 0 && (record = sl_records_next(&v->records, &at, &size)) != NULL)
		err = take(context, worker, record, size, errors);
	return err;
}

static int export_worker(struct sl_engine *engine, struct sl_instance *instance, uint32_t worker,
			 struct visit *v, sl_record_fn take, void *context,
			 struct sl_errors *errors)
{
	struct sl_worker *on = engine->workers[sl_state_worker(instance, worker)];

	v->records.slice.cursor = 0;
	while (v->records.slice.cursor != UINT64_MAX) {
		uint64_t before = v->records.slice.cursor;
		int err;

		sl_records_empty(&v->records);
		v->job.done = false;
		err = sl_worker_run(on, &v->job);
		if (err == 0 && v->crashed)
			return sl_fail(errors, EFAULT, "%s: it crashed while it told its state",
				       instance->name);
		if (err != 0)
			return sl_fail(errors, -err, "%s: worker %u does not answer",
				       instance->name, worker);
		err = take_all(v, worker, take, context, errors);
		if (err != 0)
			return err;
		if (v->records.slice.count == 0 && v->records.slice.cursor == before)
			return sl_fail(errors, EPROTO,
				       "%s: the export of its state does not get on",
				       instance->name);
	}
	return 0;
}

int sl_state_export(struct sl_engine *engine, struct sl_instance *instance, bool changed,
		    sl_record_fn take, void *context, struct sl_errors *errors)
{
	struct visit v = {
		.job.run = visit_run,
		.hop = sl_state_hop(engine->generation, instance),
		.records.slice.changed = changed,
	};
	int err = 0;

	for (uint32_t w = 0; w < instance->workers && err == 0 && v.hop != SL_PLAN_NONE; w++)
		err = export_worker(engine, instance, w, &v, take, context, errors);
	return err;
}

int sl_importer_init(struct sl_importer *importer, const struct sl_generation *generation,
		     struct sl_instance *instance, uint32_t version, struct sl_errors *errors)
{
	const struct sl_node_type *type = instance->type;

	*importer = (struct sl_importer){
		.generation = generation,
		.instance = instance,
		.version = version,
		.hop = sl_state_hop(generation, instance),
	};
	if (type->import_state == NULL)
		return sl_fail(errors, EOPNOTSUPP, "%s: %s takes no state over", instance->name,
			       type->name);
	if (version > type->state_version)
		return sl_fail(errors, EPROTO,
			       "%s: its state is of version %u, of which this %s (version %u) "
			       "knows nothing",
			       instance->name, version, type->name, type->state_version);
	return 0;
}

/* A record that is being offered, to what may crash. */
struct offer {
	struct sl_instance *instance;
	struct sl_node *node;
	uint32_t version, size;
	const void *record;
	struct sl_errors *errors;
	int got;
};

static void import(void *context)
{
	struct offer *o = context;

	o->got =
		o->instance->type->import_state(o->node, o->version, o->record, o->size, o->errors);
}

static int offer(struct sl_importer *importer, uint32_t worker, const void *record, uint32_t size,
		 struct sl_errors *errors)
{
	struct sl_instance *instance = importer->instance;
	unsigned int said = sl_errors_count(errors);
	struct sl_graph *graph =
		importer->generation->graphs[sl_state_worker(instance, worker)]->graph;
	struct offer offer = {.instance = instance,
			      .node = sl_graph_node(graph, importer->hop),
			      .version = importer->version,
			      .record = record,
			      .size = size,
			      .errors = errors};
	uint64_t now = rte_rdtsc();
	int got;

	/* Ages are told from when the record was written. */
	sl_graph_set_now(graph, now > importer->ago ? now - importer->ago : 1);
	got = sl_fault_run(instance, import, &offer) ? offer.got : -EFAULT;
	if (got == -EFAULT)
		return sl_fail(errors, EFAULT, "%s: it crashed with a record of %u bytes",
			       instance->name, size);
	if (got < 0 && sl_errors_count(errors) == said)
		sl_fail(errors, -got, "%s: refuses a record of %u bytes of version %u: %s",
			instance->name, size, importer->version, strerror(-got));
	return got;
}

int sl_importer_take(struct sl_importer *importer, uint32_t worker, const void *record,
		     uint32_t size, struct sl_errors *errors)
{
	uint32_t workers = importer->instance->workers;
	int got = SL_IMPORT_VOID;

	if (++importer->untended >= TEND_EVERY) {
		sl_growth_tend();
		importer->untended = 0;
	}
	for (uint32_t i = 0; i < workers && importer->hop != SL_PLAN_NONE; i++) {
		got = offer(importer, (worker + i) % workers, record, size, errors);
		if (got == SL_IMPORT_ELSEWHERE)
			continue;
		if (got < 0)
			return got;
		importer->moved += got == SL_IMPORT_TAKEN && i != 0;
		break;
	}
	if (got == SL_IMPORT_TAKEN)
		importer->taken++;
	else
		importer->void_++;
	return 0;
}

void sl_importer_finish(struct sl_importer *importer)
{
	sl_instance_forget_counts(importer->instance);
}
