/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The order of an apply. What can fail without touching anything that runs comes first: reading
 * the chain, opening ports, making instances and graphs. Then instances that go on take their new
 * configuration, each of which can be undone. Then the switch, and only then is anything freed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include <core/chain/merge.h>
#include <core/flow/fusion.h>
#include <core/host/apply.h>
#include <core/host/attempt.h>
#include <core/host/drain.h>
#include <core/host/faults.h>
#include <core/host/log.h>
#include <core/host/recent.h>

/* Let go of all that was made; workers see none of it. */
static void abandon(struct sl_attempt *a)
{
	struct sl_engine *engine = a->engine;

	sl_faults_take(engine); /* they name instances */
	if (a->next != NULL) {
		sl_claims_only(engine->generation);
		sl_generation_give_numbers(engine, a->next, engine->generation);
		a->next->chain = NULL; /* the caller's */
		sl_generation_free(a->next);
	}
	if (a->ports != NULL)
		sl_ports_abandon(engine, a->ports, a->chain, a->diff);
}

/* The old generation ends; NULL: a worker may still see it, so that all of it stays. */
static void retire(struct sl_attempt *a, struct sl_generation *old)
{
	struct sl_engine *engine = a->engine;

	sl_claims_only(a->next);
	engine->private->seen = false;
	if (old == NULL) {
		engine->ports = a->ports;
		engine->port_count = a->chain->port_count;
		return;
	}
	/* Events name instances, which may end now. */
	while (sl_engine_take_events(engine) > 0)
		;
	sl_faults_take(engine);
	sl_past_keep(engine, old);
	sl_generation_give_numbers(engine, old, a->next);
	sl_generation_free(old);
	sl_ports_commit(engine, a->ports, a->chain->port_count);
}

/* What the operator has set meanwhile stays, unless the chain says something new. */
static void fuse(struct sl_engine *engine, uint32_t mode, uint64_t sample,
		 const struct sl_chain_fusion *now)
{
	if (engine->fusion_control == NULL)
		return;
	if (now->mode != mode)
		sl_engine_fuse(engine, now->mode);
	if (now->sample != sample)
		atomic_store_explicit(&engine->fusion_control->sample, (uint32_t)now->sample,
				      memory_order_relaxed);
}

static int change_over(struct sl_attempt *a)
{
	const struct sl_chain_fusion was = *a->engine->generation->chain->fusion;
	struct sl_generation *old;
	uint64_t start = rte_rdtsc();
	bool seen;
	int err;

	sl_generation_settle(a->next);
	err = sl_switch(a->engine, a->next, a->carry, &old, &seen, a->errors);
	a->took = rte_rdtsc() - start;
	if (err == 0) {
		sl_carry_sum(a->carry, &a->carried, &a->lost);
		a->stranded = old == NULL;
		sl_turns_finish(a, old != NULL);
		fuse(a->engine, was.mode, was.sample, a->chain->fusion);
		retire(a, old);
		return 0;
	}
	sl_generation_settle(a->next);
	sl_turns_undo(a, a->turn_count);
	if (seen) {
		/* Whoever comes back late still finds what it looks at. */
		a->stranded = true;
		sl_claims_only(a->engine->generation);
		sl_chain_use(a->chain);
		sl_turns_pin(a);
		return err;
	}
	abandon(a);
	return err;
}

/* 0; -EOPNOTSUPP: once more, with a new instance for `stubborn`; else -errno with messages. */
static int try(struct sl_attempt *a)
{
	int err = -EINVAL;

	a->ports = sl_ports_open(a->engine, a->chain, a->diff, a->errors);
	if (a->ports == NULL)
		return -EIO;
	a->next = sl_generation_new(a->engine, a->chain, a->ports, a->diff, a->errors);
	if (a->next != NULL)
		err = sl_claims_add(a->next, a->errors);
	if (err == 0 && a->diff->begins >= 0)
		err = sl_drain_check(a->engine->generation, a->next, a->errors);
	if (err == 0)
		err = sl_turns_list(a);
	if (err == 0)
		err = sl_turns_take(a);
	if (err == 0) {
		err = sl_carry_begin(a->engine, a->next, a->diff, &a->carry, a->errors);
		if (err == 0) {
			err = change_over(a);
		} else {
			sl_turns_undo(a, a->turn_count);
			abandon(a);
		}
	} else {
		abandon(a);
	}
	if (!a->stranded)
		sl_carry_free(a->carry);
	free(a->turns);
	return err;
}

static uint64_t longest_gap(const struct sl_engine *engine)
{
	uint64_t longest = 0;

	for (unsigned int w = 0; w < engine->worker_count; w++) {
		struct sl_worker_stats stats;

		sl_worker_stats(engine->workers[w], &stats);
		longest = RTE_MAX(longest, stats.switch_gap);
	}
	return longest;
}

static uint64_t longest_own_gap(const struct sl_engine *engine)
{
	uint64_t longest = 0;

	for (unsigned int w = 0; w < engine->worker_count; w++) {
		struct sl_worker_stats stats;

		sl_worker_stats(engine->workers[w], &stats);
		longest = RTE_MAX(longest, stats.switch_own);
	}
	return longest;
}

static bool may_apply(const struct sl_engine *engine, const struct sl_chain *chain,
		      struct sl_errors *errors)
{
	for (unsigned int w = 0; w < engine->worker_count; w++)
		if (sl_engine_worker_stuck(engine, w, NULL)) {
			sl_fail(errors, ETIMEDOUT,
				"worker %u does not come back to its loop; see `sluice show "
				"workers`",
				w);
			return false;
		}
	for (unsigned int i = 0; i < chain->port_count; i++)
		if (chain->ports[i].kind->needs_pci && !engine->private->pci) {
			sl_fail_place(errors, ENODEV, chain->ports[i].place,
				      "port `%s`: sluice was started without PCI devices, as its "
				      "chain had none, and cannot take one up while it runs",
				      chain->ports[i].name);
			return false;
		}
	return true;
}

int sl_apply_step(struct sl_engine *engine, struct sl_chain *chain, const struct sl_diff *diff,
		  const char **stubborn, struct sl_applied *applied, struct sl_errors *errors)
{
	struct sl_attempt attempt = {
		.engine = engine, .chain = chain, .diff = diff, .errors = errors};
	int err = try(&attempt);

	applied->took = attempt.took;
	applied->carried = attempt.carried;
	applied->lost = attempt.lost;
	applied->gap = longest_gap(engine);
	applied->own_gap = longest_own_gap(engine);
	if (err == -EOPNOTSUPP && stubborn != NULL)
		*stubborn = attempt.stubborn;
	else if (err == -EOPNOTSUPP)
		err = sl_fail(errors, EINVAL, "%s: cannot take its configuration live",
			      attempt.stubborn);
	return err;
}

/* One attempt at the chain, or, where there is something to drain, at that merged with the running
 * one. */
static int step(struct sl_engine *engine, struct sl_chain *chain,
		const struct sl_apply_request *request, struct sl_applied *applied,
		const char **stubborn, struct sl_errors *errors)
{
	uint64_t was = engine->generation->number;
	struct sl_chain *merged = NULL;
	struct sl_diff *there = NULL;
	int err = 0;

	if (request->drain > 0)
		err = sl_drain_merge(engine, chain, applied->diff, &merged, &there, errors);
	if (err == 0 && merged != NULL) {
		applied->drains = was;
		sl_drain_say(applied->diff);
	}
	if (err != 0 || request->dry_run) {
		sl_chain_free(merged);
	} else if (merged == NULL) {
		err = sl_apply_step(engine, chain, applied->diff, stubborn, applied, errors);
	} else {
		err = sl_drain_prepare(engine, request->drain, errors);
		if (err == 0)
			err = sl_apply_step(engine, merged, there, stubborn, applied, errors);
		if (err == 0) {
			sl_chain_free(chain); /* the merged one has it */
			sl_drain_begin(engine, was);
		} else {
			sl_chain_free(merged);
			sl_drain_free(engine);
		}
	}
	sl_diff_free(there);
	return err;
}

/* Try until no instance turns out to need a new one. */
static int apply(struct sl_engine *engine, struct sl_chain *chain,
		 const struct sl_apply_request *request, struct sl_applied *applied,
		 struct sl_errors *errors)
{
	unsigned int most = chain->vnf_count + chain->steering_count, count = 0;
	const char **replace = calloc(most + 1, sizeof(*replace));
	int err = -EOPNOTSUPP;

	if (replace == NULL)
		return sl_fail(errors, ENOMEM, "out of memory");
	for (; request->copy && count < chain->vnf_count; count++)
		replace[count] = chain->vnfs[count].name;
	while (err == -EOPNOTSUPP) {
		const char *stubborn = NULL;

		sl_diff_free(applied->diff);
		applied->diff = sl_diff_new(engine, chain, replace, request->fresh, errors);
		if (applied->diff == NULL) {
			err = -EINVAL;
			break;
		}
		err = request->dry_run && request->drain == 0
			      ? 0
			      : step(engine, chain, request, applied, &stubborn, errors);
		if (err == -EOPNOTSUPP && count < most)
			replace[count++] = stubborn;
	}
	free(replace);
	return err;
}

/* What differs from a merged chain is nothing that anybody asks for. */
static bool may_tell(const struct sl_engine *engine, const struct sl_apply_request *request,
		     struct sl_errors *errors)
{
	if (!request->dry_run || engine->private->drain == NULL)
		return true;
	sl_fail(errors, EBUSY,
		"flows of an earlier generation still finish; what would change can be told when "
		"they have");
	return false;
}

static void note_refusal(struct sl_engine *engine, const struct sl_apply_request *request)
{
	sl_engine_note(engine, "apply-refused", "{ss? si}", "file", request->file, "user",
		       (int)request->who);
}

int sl_engine_apply(struct sl_engine *engine, const struct sl_apply_request *request,
		    struct sl_applied *applied, struct sl_errors *errors)
{
	const struct sl_host_config *config = engine->config;
	struct sl_chain *chain;
	uint64_t was = engine->generation->number;
	bool drained = engine->private->drain != NULL;
	int err = -EINVAL;

	*applied = (struct sl_applied){0};
	chain = sl_chain_load_bytes(request->file, request->text, request->size, engine->registry,
				    (const char *const *)config->vnf_folders,
				    config->vnf_folder_count, errors);
	if (chain == NULL) {
		note_refusal(engine, request);
		return -EINVAL;
	}
	if (may_tell(engine, request, errors) && may_apply(engine, chain, errors) &&
	    (request->dry_run || sl_drain_end(engine, errors) == 0))
		err = apply(engine, chain, request, applied, errors);
	/* What is told later must not be looked for in this chain. */
	sl_errors_resolve(errors, NULL, NULL);
	if (err != 0 || request->dry_run)
		sl_chain_free(chain);
	if (err != 0) {
		sl_diff_free(applied->diff);
		applied->diff = NULL;
		sl_log(SL_LOG_WARNING, "%s, applied by user %u: refused, nothing%s changed",
		       request->file, (unsigned int)request->who,
		       drained && engine->private->drain == NULL ? " but the end of the drain"
								 : "");
		note_refusal(engine, request);
		return err;
	}
	applied->generation = engine->generation->number;
	if (request->dry_run)
		return 0;
	if (request->fresh != NULL) {
		sl_history_renumber(engine, was);
		return 0;
	}
	sl_history_tell(engine, request, applied);
	return 0;
}
