/* SPDX-License-Identifier: BSD-3-Clause */
#include <core/host/drain.h>

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include <core/chain/merge.h>
#include <core/host/faults.h>
#include <core/host/log.h>
#include <core/host/private.h>
#include <core/host/recent.h>

/* How long all goes the old way, so that it is known what does. */
#define LEARN_S 1
/* An old flow that is not seen for longer has ended; half of the whole time, if that is less. */
#define QUIET_S 30
#define LOOK_MS 100
/* When the last step failed, it is tried again after. */
#define AGAIN_S 5

struct sl_drain {
	uint64_t from; /* generation that drains */
	unsigned int seconds;
	bool cut;
	uint64_t cut_at; /* TSC: when new flows take, or took, the new way */
	uint64_t next;   /* TSC: look again */
};

static uint64_t quiet_of(unsigned int seconds)
{
	uint64_t hz = rte_get_tsc_hz();

	return RTE_MIN(QUIET_S * hz, seconds * hz / 2);
}

uint64_t sl_drain_quiet(const struct sl_engine *engine)
{
	return quiet_of(engine->private->drain->seconds);
}

/*
 * Begin
 */

static void name_old_vnfs(const struct sl_generation *generation)
{
	const struct sl_chain *chain = generation->chain;

	for (unsigned int i = 0; i < chain->vnf_count; i++)
		sl_instance_rename(generation->vnfs[i], chain->vnfs[i].name);
}

int sl_drain_prepare(struct sl_engine *engine, unsigned int seconds, struct sl_errors *errors)
{
	struct sl_drain *drain = calloc(1, sizeof(*drain));

	if (drain == NULL)
		return sl_fail(errors, ENOMEM, "out of memory");
	drain->seconds = seconds;
	engine->private->drain = drain;
	return 0;
}

void sl_drain_begin(struct sl_engine *engine, uint64_t was)
{
	struct sl_drain *drain = engine->private->drain;

	drain->from = was;
	drain->cut_at = rte_rdtsc() + LEARN_S * rte_get_tsc_hz();
	drain->next = drain->cut_at;
	name_old_vnfs(engine->generation);
	sl_engine_note(engine, "drain-began", "{sI sI si}", "generation",
		       (json_int_t)engine->generation->number, "old", (json_int_t)was, "seconds",
		       (int)drain->seconds);
	sl_log(SL_LOG_INFO, "generation %llu runs; generation %llu drains, for %u s at most",
	       (unsigned long long)engine->generation->number, (unsigned long long)was,
	       drain->seconds);
}

/*
 * Meanwhile
 */

static void for_each(const struct sl_generation *generation,
		     void (*act)(struct sl_instance *instance, void *context), void *context)
{
	for (unsigned int i = 0; i < generation->plan->hop_count; i++)
		if (generation->plan->hops[i].kind == SL_PLAN_DRAIN &&
		    generation->plan->hops[i].rank <= SL_PLAN_DRAIN_EARLY)
			act(generation->own[i], context);
}

static void add(struct sl_instance *instance, void *context)
{
	sl_drain_sum(instance, context);
}

static struct sl_drain_count sum_up(const struct sl_engine *engine)
{
	struct sl_drain_count sum = {0};

	for_each(engine->generation, add, &sum);
	/* Read one after the other. */
	sum.over = RTE_MIN(sum.over, sum.noted);
	return sum;
}

bool sl_engine_draining(const struct sl_engine *engine, struct sl_draining *draining)
{
	const struct sl_drain *drain = engine->private->drain;
	struct sl_drain_count sum;
	double gone;

	if (drain == NULL)
		return false;
	sum = sum_up(engine);
	gone = ((double)rte_rdtsc() - (double)drain->cut_at) / (double)rte_get_tsc_hz();
	*draining = (struct sl_draining){
		.generation = drain->from,
		.learning = !drain->cut,
		.flows = sum.noted - sum.over,
		.finished = sum.over,
		.left = RTE_MAX(0.0, drain->seconds - RTE_MAX(0.0, gone)),
	};
	return true;
}

static bool is_over(const struct sl_engine *engine, const struct sl_drain *drain)
{
	struct sl_drain_count sum = sum_up(engine);
	uint64_t now = rte_rdtsc(), last = RTE_MAX(sum.seen, drain->cut_at);

	if (now - drain->cut_at >= drain->seconds * rte_get_tsc_hz())
		return true;
	/* A worker's clock may be a little ahead. */
	return sum.over == sum.noted && now > last && now - last > quiet_of(drain->seconds);
}

void sl_drain_tend(struct sl_engine *engine)
{
	struct sl_drain *drain = engine->private->drain;
	uint64_t now = rte_rdtsc();
	struct sl_errors *errors;

	if (drain == NULL || now < drain->next || engine->paused)
		return;
	drain->next = now + rte_get_tsc_hz() / 1000 * LOOK_MS;
	if (!drain->cut) {
		atomic_store(&engine->generation->chain->merged->cut, true);
		drain->cut = true;
		drain->cut_at = now;
		return;
	}
	if (!is_over(engine, drain))
		return;
	errors = sl_errors_new();
	if (errors == NULL || sl_drain_end(engine, errors) != 0) {
		sl_log(SL_LOG_ERROR,
		       "generation %llu cannot end, so both run on; tried again in %u s: %s",
		       (unsigned long long)drain->from, AGAIN_S,
		       errors != NULL && sl_errors_count(errors) > 0
			       ? sl_errors_get(errors, 0)->text
			       : "out of memory");
		drain->next = now + AGAIN_S * rte_get_tsc_hz();
	}
	sl_errors_free(errors);
}

/*
 * End
 */

void sl_drain_free(struct sl_engine *engine)
{
	free(engine->private->drain);
	engine->private->drain = NULL;
}

static void tell_end(struct sl_engine *engine, uint64_t old, const struct sl_drain_count *sum,
		     const char *how)
{
	sl_engine_note(engine, "drain-ended", "{sI sI sI sI ss}", "generation",
		       (json_int_t)engine->generation->number, "old", (json_int_t)old, "finished",
		       (json_int_t)sum->over, "cut_short", (json_int_t)(sum->noted - sum->over),
		       "how", how);
	sl_log(SL_LOG_INFO,
	       "generation %llu has drained: %llu flows finished, %llu were cut short (%s)",
	       (unsigned long long)old, (unsigned long long)sum->over,
	       (unsigned long long)(sum->noted - sum->over), how);
}

static const char *reason(const struct sl_engine *engine, const struct sl_drain *drain)
{
	uint64_t now = rte_rdtsc();

	if (!drain->cut || !is_over(engine, drain))
		return "something else was asked for";
	if (now - drain->cut_at >= drain->seconds * rte_get_tsc_hz())
		return "time was up";
	return "no old flow was seen any more";
}

int sl_drain_end(struct sl_engine *engine, struct sl_errors *errors)
{
	struct sl_drain *drain = engine->private->drain;
	struct sl_drain_count sum;
	struct sl_applied applied = {0};
	struct sl_chain *new;
	struct sl_diff *diff;
	const char *how;
	int err;

	if (drain == NULL)
		return 0;
	new = sl_chain_use(engine->generation->chain->merged->new);
	diff = sl_drain_diff_on(engine, new, errors);
	how = reason(engine, drain);
	sum = sum_up(engine);
	err = diff == NULL ? -ENOMEM : sl_apply_step(engine, new, diff, NULL, &applied, errors);
	sl_diff_free(diff);
	if (err != 0) {
		sl_chain_free(new);
		return err;
	}
	sl_faults_drained(engine);
	tell_end(engine, drain->from, &sum, how);
	sl_drain_free(engine);
	return 0;
}

/*
 * Return
 */

bool sl_drain_can_return(const struct sl_engine *engine, uint64_t generation)
{
	const struct sl_drain *drain = engine->private->drain;
	const struct sl_merged *m;

	if (drain == NULL || drain->from != generation)
		return false;
	m = engine->generation->chain->merged;
	/* Not when new code took something over meanwhile. */
	for (unsigned int i = 0; i < m->old->vnf_count; i++)
		if (engine->generation->vnfs[m->vnfs[i]]->type != m->old->vnfs[i].type)
			return false;
	return true;
}

int sl_drain_return(struct sl_engine *engine, bool dry_run, struct sl_applied *applied,
		    struct sl_errors *errors)
{
	struct sl_drain_count sum = sum_up(engine);
	uint64_t from = engine->private->drain->from;
	struct sl_chain *old = sl_chain_use(engine->generation->chain->merged->old);
	struct sl_diff *diff = sl_drain_diff_back(engine, engine->generation->chain, errors);
	int err = diff == NULL ? -ENOMEM : 0;

	*applied = (struct sl_applied){0};
	if (err == 0 && !dry_run)
		err = sl_apply_step(engine, old, diff, NULL, applied, errors);
	if (err != 0 || dry_run)
		sl_chain_free(old);
	if (err != 0) {
		sl_diff_free(diff);
		return err;
	}
	applied->diff = diff;
	applied->generation = engine->generation->number;
	if (dry_run)
		return 0;
	name_old_vnfs(engine->generation);
	sl_faults_drained(engine);
	tell_end(engine, from, &sum, "it runs again");
	sl_drain_free(engine);
	return 0;
}
