/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>

#include <core/host/home.h>
#include <core/host/log.h>
#include <core/host/private.h>
#include <core/host/save.h>
#include <core/host/state.h>

struct restoring {
	struct sl_importer importer;
	uint64_t refused;
	char why[256]; /* the first refusal */
};

static struct sl_instance *find(const struct sl_generation *generation, const char *name)
{
	for (unsigned int i = 0; generation->vnfs[i] != NULL; i++)
		if (strcmp(generation->vnfs[i]->name, name) == 0)
			return generation->vnfs[i];
	for (unsigned int i = 0; i < generation->made_count; i++)
		if (strcmp(generation->made[i]->name, name) == 0)
			return generation->made[i];
	return NULL;
}

/* A record that is refused is no reason to lose the others. */
static int take(void *context, uint32_t worker, const void *record, uint32_t size)
{
	struct restoring *r = context;
	struct sl_errors *errors = sl_errors_new();

	if (errors == NULL)
		return -ENOMEM;
	if (sl_importer_take(&r->importer, worker, record, size, errors) != 0 &&
	    r->refused++ == 0 && sl_errors_count(errors) > 0)
		snprintf(r->why, sizeof(r->why), "%s", sl_errors_get(errors, 0)->text);
	sl_errors_free(errors);
	return 0;
}

static void lost(struct sl_engine *engine, const struct sl_saved_part *part, const char *why)
{
	engine->restored.lost += part->records;
	sl_log(SL_LOG_WARNING, "state of %s (%s): %" PRIu64 " records are lost: %s",
	       part->owner.name, part->owner.type, part->records, why);
}

static void tell(const struct sl_saved_part *part, const struct restoring *r)
{
	const struct sl_importer *i = &r->importer;

	sl_log(r->refused > 0 ? SL_LOG_WARNING : SL_LOG_INFO,
	       "state of %s (%s): %" PRIu64 " of %" PRIu64 " records taken; %" PRIu64
	       " mean nothing any more, %" PRIu64 " were refused%s%s",
	       part->owner.name, part->owner.type, i->taken, part->records, i->void_, r->refused,
	       r->refused > 0 ? ": " : "", r->why);
}

static int restore_part(struct sl_engine *engine, const struct sl_saved *saved, uint32_t index,
			uint64_t ago, struct sl_errors *errors)
{
	const struct sl_saved_part *part = sl_saved_part(saved, index);
	struct sl_instance *instance = find(engine->generation, part->owner.name);
	struct sl_errors *refusal = sl_errors_new();
	struct sl_restored *sum = &engine->restored;
	struct restoring r = {.refused = 0};
	struct sl_home home;
	int err;

	if (refusal == NULL)
		return sl_fail(errors, ENOMEM, "out of memory");
	if (instance == NULL) {
		lost(engine, part, "the chain has nothing of that name");
	} else if (strcmp(instance->type->name, part->owner.type) != 0) {
		lost(engine, part, "what has that name now is something else");
	} else if (sl_importer_init(&r.importer, engine->generation, instance, part->owner.version,
				    refusal) != 0) {
		lost(engine, part, sl_errors_get(refusal, 0)->text);
	} else {
		r.importer.ago = ago;
		sl_home_find(&home, engine, instance);
		err = sl_saved_each(saved, index, take, &r, errors);
		sl_home_forget(&home);
		sl_importer_finish(&r.importer);
		sum->taken += r.importer.taken;
		sum->moved += r.importer.moved;
		sum->void_ += r.importer.void_;
		sum->refused += r.refused;
		tell(part, &r);
		sl_errors_free(refusal);
		return err;
	}
	sl_errors_free(refusal);
	return 0;
}

/* TSC ticks since it was saved; a clock that was set back makes it none. */
static uint64_t age(const struct sl_saved *saved)
{
	struct timespec now;
	uint64_t then = sl_saved_saved(saved), ns;

	clock_gettime(CLOCK_REALTIME, &now);
	ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	return ns > then ? (uint64_t)((double)(ns - then) / 1e9 * (double)rte_get_tsc_hz()) : 0;
}

int sl_engine_restore(struct sl_engine *engine, const struct sl_saved *saved,
		      struct sl_errors *errors)
{
	uint64_t ago = age(saved);
	int err = 0;

	if (sl_saved_workers(saved) != engine->worker_count)
		sl_log(SL_LOG_INFO, "the state is that of %u workers, and there are %u now",
		       sl_saved_workers(saved), engine->worker_count);
	engine->restored.when = sl_saved_saved(saved);
	for (uint32_t i = 0; i < sl_saved_part_count(saved) && err == 0; i++)
		err = restore_part(engine, saved, i, ago, errors);
	return err;
}
