/* SPDX-License-Identifier: BSD-3-Clause */
#include <core/host/drain.h>

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include <core/chain/equal.h>
#include <core/chain/merge.h>
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

/*
 * Begin
 */

/* Per steering of the new chain: that which goes on, if nothing of it differs. */
static void same_steerings(const struct sl_diff *diff, unsigned int count, unsigned int *from)
{
	for (unsigned int i = 0; i < count; i++)
		from[i] = diff->configure_steerings[i] ? SL_NEW : diff->steerings[i];
}

/* What new code takes over goes on as well as what stays. */
static void same_vnfs(const struct sl_diff *diff, unsigned int count, unsigned int *from)
{
	for (unsigned int i = 0; i < count; i++)
		from[i] = diff->vnfs[i] != SL_NEW ? diff->vnfs[i] : diff->carried_vnfs[i];
}

static int check_ports(const struct sl_chain *chain, const struct sl_diff *diff,
		       struct sl_errors *errors)
{
	for (unsigned int i = 0; i < chain->port_count; i++)
		if (diff->swaps[i])
			return sl_fail_place(errors, EINVAL, chain->ports[i].place,
					     "port `%s` has to be closed and opened again on its "
					     "device, so the old path cannot drain; apply it "
					     "without --drain",
					     chain->ports[i].name);
	return 0;
}

/* Old and new run at the same time, so each must have its workers to itself as ever. */
static int check_workers(const struct sl_engine *engine, const struct sl_chain *merged,
			 const struct sl_diff *diff, const struct sl_diff *there,
			 struct sl_errors *errors)
{
	unsigned int news = merged->merged->new->vnf_count;

	for (unsigned int i = 0; i < merged->vnf_count; i++) {
		uint64_t alone =
			i < news ? diff->masks[i] : engine->generation->vnfs[there->vnfs[i]]->mask;

		if (there->masks[i] != alone)
			return sl_fail(errors, EINVAL,
				       "vnf `%s` would run on other workers while the old path "
				       "drains, as `cores` of the two chains differ; apply it "
				       "without --drain",
				       merged->vnfs[i].name);
	}
	return 0;
}

/* What goes on from the running chain to the merged one. */
static struct sl_diff *diff_there(struct sl_engine *engine, const struct sl_chain *merged,
				  const struct sl_diff *diff, struct sl_errors *errors)
{
	const struct sl_merged *m = merged->merged;
	struct sl_diff *there = sl_diff_empty(merged);

	if (there == NULL) {
		sl_fail(errors, ENOMEM, "out of memory");
		return NULL;
	}
	there->begins = SL_PART_NEW;
	for (unsigned int i = 0; i < merged->port_count; i++)
		there->ports[i] = i < m->new->port_count ? diff->ports[i] : SL_NEW;
	for (unsigned int i = 0; i < m->old->port_count; i++)
		there->ports[m->ports[i]] = i;
	for (unsigned int i = 0; i < merged->vnf_count; i++) {
		bool new = i < m->new->vnf_count;

		there->vnfs[i] = new ? diff->vnfs[i] : SL_NEW;
		there->carried_vnfs[i] = new ? diff->carried_vnfs[i] : SL_NEW;
		there->configure_vnfs[i] = new && diff->configure_vnfs[i];
	}
	for (unsigned int i = 0; i < m->old->vnf_count; i++)
		if (m->vnfs[i] >= m->new->vnf_count)
			there->vnfs[m->vnfs[i]] = i;
	for (unsigned int i = 0; i < merged->steering_count; i++)
		there->steerings[i] = SL_NEW;
	same_steerings(diff, m->new->steering_count, there->steerings);
	for (unsigned int i = 0; i < m->old->steering_count; i++)
		there->steerings[m->steerings[i]] = i;
	if (sl_placement_vnfs(engine, merged, there->masks, errors) == 0)
		return there;
	sl_diff_free(there);
	return NULL;
}

int sl_drain_merge(struct sl_engine *engine, struct sl_chain *chain, const struct sl_diff *diff,
		   struct sl_chain **merged, struct sl_diff **there, struct sl_errors *errors)
{
	struct sl_generation *running = engine->generation;
	unsigned int *vnfs = calloc(chain->vnf_count + 1, sizeof(*vnfs));
	unsigned int *steerings = calloc(chain->steering_count + 1, sizeof(*steerings));
	struct sl_merge merge = {.old = running->chain,
				 .new = chain,
				 .ports = diff->ports,
				 .vnfs = vnfs,
				 .steerings = steerings,
				 .generation = running->number};
	int err = check_ports(chain, diff, errors);

	*merged = NULL;
	*there = NULL;
	if (vnfs == NULL || steerings == NULL)
		err = sl_fail(errors, ENOMEM, "out of memory");
	if (err == 0) {
		same_vnfs(diff, chain->vnf_count, vnfs);
		same_steerings(diff, chain->steering_count, steerings);
		*merged = sl_merge(&merge, errors);
		err = *merged == NULL ? -ENOMEM : 0;
	}
	free(vnfs);
	free(steerings);
	if (err == 0 && !(*merged)->merged->differs) {
		sl_chain_free(*merged);
		*merged = NULL;
		return 0;
	}
	if (err == 0) {
		*there = diff_there(engine, *merged, diff, errors);
		err = *there == NULL ? -EINVAL
				     : check_workers(engine, *merged, diff, *there, errors);
	}
	if (err == 0)
		return 0;
	sl_diff_free(*there);
	sl_chain_free(*merged);
	*there = NULL;
	*merged = NULL;
	return err;
}

int sl_drain_check(const struct sl_generation *generation, struct sl_errors *errors)
{
	const struct sl_plan *plan = generation->plan;

	/* Who has a session is only known behind the choice of its path, which depends on that. */
	for (unsigned int i = 0; i < plan->hop_count && generation->worker_count > 1; i++)
		if (plan->hops[i].kind == SL_PLAN_DRAIN &&
		    plan->hops[i].rank == SL_PLAN_DRAIN_EARLY)
			return sl_fail(
				errors, EINVAL,
				"port `%s`: its old paths want packets at different workers, so "
				"they cannot drain with several; apply it without --drain",
				generation->chain->ports[plan->hops[i].port].name);
	return sl_claims_check(generation, errors);
}

void sl_drain_say(struct sl_diff *diff)
{
	static const char lost[] = "its sessions are lost", drain[] = "its sessions may finish";

	for (unsigned int i = 0; i < diff->count; i++) {
		char *detail = strstr(diff->changes[i].detail, lost);

		if (detail != NULL)
			snprintf(detail,
				 sizeof(diff->changes[i].detail) -
					 (size_t)(detail - diff->changes[i].detail),
				 "%s", drain);
	}
}

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
 * What DRAIN hops do
 */

static void ask(struct sl_drain_config *config, uint16_t number)
{
	if (config->asked_count == SL_DRAIN_ASKED)
		config->sure = false; /* it was not asked */
	else
		config->asked[config->asked_count++] = number;
}

/* Functions that only the old chain has; what comes first on the path gets packets as they come in.
 */
static void ask_path(struct sl_drain_config *config, const struct sl_chain *chain,
		     const struct sl_plan *plan, const uint16_t *numbers,
		     const struct sl_chain_entry *entry)
{
	const struct sl_chain_path *path = &chain->paths[entry->path];
	const struct sl_chain_vnf *first = NULL;

	if (path->stop_count > 0)
		first = &chain->vnfs[path->stops[entry->from == SL_INSIDE ? 0
									  : path->stop_count - 1]
					     .vnf];
	if (first == NULL || first->part != SL_PART_OLD || first->type->knows == NULL ||
	    first->core_count > 0)
		config->sure = false;
	for (unsigned int h = 0; h < plan->hop_count; h++) {
		const struct sl_plan_hop *hop = &plan->hops[h];

		if (hop->kind == SL_PLAN_VNF && hop->path == entry->path &&
		    hop->from == entry->from && chain->vnfs[hop->vnf].part == SL_PART_OLD &&
		    chain->vnfs[hop->vnf].type->knows != NULL)
			ask(config, numbers[h]);
	}
}

/* Sessions are counted where their path begins, or, if nothing chooses there, where it ends. */
static bool counts_at(const struct sl_chain *chain, unsigned int port)
{
	for (unsigned int i = 0; i < chain->path_count; i++) {
		const struct sl_chain_path *path = &chain->paths[i];

		if (path->part == SL_PART_OLD &&
		    (path->first == port ||
		     (path->last == port && chain->ports[path->first].part != SL_PART_BOTH)))
			return true;
	}
	return false;
}

void sl_drain_describe(struct sl_engine *engine, struct sl_drain_config *config, uint8_t *roles,
		       const struct sl_chain *chain, const struct sl_plan *plan,
		       const uint16_t *numbers, unsigned int port)
{
	static const uint8_t of_rank[] = {
		[SL_PLAN_DRAIN_IN] = SL_DRAIN_CHOOSE,
		[SL_PLAN_DRAIN_EARLY] = SL_DRAIN_CHOOSE,
		[SL_PLAN_DRAIN_OLD_EXIT] = SL_DRAIN_NOTE_OLD,
		[SL_PLAN_DRAIN_NEW_EXIT] = SL_DRAIN_NOTE_NEW,
	};
	struct sl_chain_entry entries[SL_MAX_ENTRIES];
	unsigned int count = sl_chain_old_entries(chain, port, entries, SL_MAX_ENTRIES);

	config->sure = true;
	config->counts = counts_at(chain, port);
	config->quiet = quiet_of(engine->private->drain->seconds);
	for (unsigned int h = 0; h < plan->hop_count; h++)
		if (plan->hops[h].kind == SL_PLAN_DRAIN && plan->hops[h].port == port)
			roles[numbers[h]] = of_rank[plan->hops[h].rank];
	for (unsigned int e = 0; e < RTE_MIN(count, (unsigned int)SL_MAX_ENTRIES); e++)
		ask_path(config, chain, plan, numbers, &entries[e]);
	config->roles = roles;
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

static void cut(struct sl_instance *instance, void *context)
{
	sl_drain_cut(instance);
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

static bool is_over(const struct sl_engine *engine, const struct sl_drain *drain, uint64_t now)
{
	struct sl_drain_count sum;

	if (now - drain->cut_at >= drain->seconds * rte_get_tsc_hz())
		return true;
	sum = sum_up(engine);
	return sum.over == sum.noted &&
	       now - RTE_MAX(sum.seen, drain->cut_at) > quiet_of(drain->seconds);
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
		for_each(engine->generation, cut, NULL);
		drain->cut = true;
		drain->cut_at = now;
		return;
	}
	if (!is_over(engine, drain, now))
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

/* From the merged chain to the new one: all of that goes on. */
static struct sl_diff *diff_on(struct sl_engine *engine, const struct sl_chain *new,
			       struct sl_errors *errors)
{
	struct sl_diff *diff = sl_diff_empty(new);

	if (diff == NULL) {
		sl_fail(errors, ENOMEM, "out of memory");
		return NULL;
	}
	diff->ends = SL_PART_OLD;
	for (unsigned int i = 0; i < new->port_count; i++)
		diff->ports[i] = i;
	for (unsigned int i = 0; i < new->vnf_count; i++) {
		diff->vnfs[i] = i;
		diff->carried_vnfs[i] = SL_NEW;
	}
	for (unsigned int i = 0; i < new->steering_count; i++)
		diff->steerings[i] = i;
	if (sl_placement_vnfs(engine, new, diff->masks, errors) == 0)
		return diff;
	sl_diff_free(diff);
	return NULL;
}

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

	if (!drain->cut || !is_over(engine, drain, now))
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
	diff = diff_on(engine, new, errors);
	how = reason(engine, drain);
	sum = sum_up(engine);
	err = diff == NULL ? -ENOMEM : sl_apply_step(engine, new, diff, NULL, &applied, errors);
	sl_diff_free(diff);
	if (err != 0) {
		sl_chain_free(new);
		return err;
	}
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

static bool tell_change(struct sl_diff *diff, enum sl_change_of of, enum sl_change_kind kind,
			const char *name, const char *detail)
{
	struct sl_change *changes = realloc(diff->changes, (diff->count + 1) * sizeof(*changes));

	if (changes == NULL)
		return false;
	diff->changes = changes;
	changes += diff->count++;
	*changes = (struct sl_change){.of = of, .kind = kind};
	snprintf(changes->name, sizeof(changes->name), "%s", name);
	snprintf(changes->detail, sizeof(changes->detail), "%s", detail);
	return true;
}

/* For the operator: what there was before the old chain began to drain is there again. */
static bool tell_return(struct sl_diff *diff, const struct sl_chain *merged)
{
	bool told = true;

	for (unsigned int i = 0; i < merged->port_count; i++)
		told &= merged->ports[i].part != SL_PART_NEW ||
			tell_change(diff, SL_OF_PORT, SL_CHANGE_REMOVED, merged->ports[i].name, "");
	for (unsigned int i = 0; i < merged->vnf_count; i++) {
		const struct sl_chain_vnf *vnf = &merged->vnfs[i];

		if (vnf->part == SL_PART_NEW)
			told &= tell_change(diff, SL_OF_VNF, SL_CHANGE_REMOVED, vnf->name,
					    "of the new chain; its sessions are lost");
		else
			told &= tell_change(diff, SL_OF_VNF, SL_CHANGE_KEPT, vnf->name, "");
	}
	for (unsigned int i = 0; i < merged->path_count; i++)
		if (merged->paths[i].part != SL_PART_NEW)
			told &= tell_change(diff, SL_OF_PATH, SL_CHANGE_KEPT, merged->paths[i].name,
					    "");
		else
			told &= tell_change(diff, SL_OF_PATH, SL_CHANGE_REMOVED,
					    merged->paths[i].name, "of the new chain");
	return told;
}

/* Whether it took a new configuration when the drain began. */
static bool changed(const struct sl_instance *instance, const struct sl_chain_vnf *vnf)
{
	return vnf->type->configure != NULL &&
	       !sl_params_equal(vnf->type->params, instance->config, vnf->config);
}

/* From the merged chain back to the old one. */
static struct sl_diff *diff_back(struct sl_engine *engine, const struct sl_chain *merged,
				 struct sl_errors *errors)
{
	const struct sl_merged *m = merged->merged;
	struct sl_diff *diff = sl_diff_empty(m->old);

	if (diff == NULL || !tell_return(diff, merged)) {
		sl_fail(errors, ENOMEM, "out of memory");
		sl_diff_free(diff);
		return NULL;
	}
	diff->ends = SL_PART_NEW;
	memcpy(diff->ports, m->ports, m->old->port_count * sizeof(*diff->ports));
	memcpy(diff->vnfs, m->vnfs, m->old->vnf_count * sizeof(*diff->vnfs));
	memcpy(diff->steerings, m->steerings, m->old->steering_count * sizeof(*diff->steerings));
	for (unsigned int i = 0; i < m->old->vnf_count; i++) {
		diff->carried_vnfs[i] = SL_NEW;
		diff->configure_vnfs[i] =
			changed(engine->generation->vnfs[m->vnfs[i]], &m->old->vnfs[i]);
	}
	if (sl_placement_vnfs(engine, m->old, diff->masks, errors) == 0)
		return diff;
	sl_diff_free(diff);
	return NULL;
}

int sl_drain_return(struct sl_engine *engine, bool dry_run, struct sl_applied *applied,
		    struct sl_errors *errors)
{
	struct sl_drain_count sum = sum_up(engine);
	uint64_t from = engine->private->drain->from;
	struct sl_chain *old = sl_chain_use(engine->generation->chain->merged->old);
	struct sl_diff *diff = diff_back(engine, engine->generation->chain, errors);
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
	tell_end(engine, from, &sum, "it runs again");
	sl_drain_free(engine);
	return 0;
}
