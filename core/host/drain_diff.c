/* SPDX-License-Identifier: BSD-3-Clause */
/* The ways that a drain goes: from the running chain to the merged one, and from there to the new
 * one or back. */
#include <core/host/drain.h>

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <core/chain/equal.h>
#include <core/chain/merge.h>
#include <core/host/private.h>

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

static struct sl_chain *merge(struct sl_generation *running, struct sl_chain *chain,
			      const struct sl_diff *diff, struct sl_errors *errors)
{
	unsigned int *vnfs = calloc(chain->vnf_count + 1, sizeof(*vnfs));
	unsigned int *steerings = calloc(chain->steering_count + 1, sizeof(*steerings));
	struct sl_chain *merged = NULL;

	if (vnfs != NULL && steerings != NULL) {
		struct sl_merge from = {.old = running->chain,
					.new = chain,
					.ports = diff->ports,
					.vnfs = vnfs,
					.steerings = steerings,
					.generation = running->number};

		same_vnfs(diff, chain->vnf_count, vnfs);
		same_steerings(diff, chain->steering_count, steerings);
		merged = sl_merge(&from, errors);
	} else {
		sl_fail(errors, ENOMEM, "out of memory");
	}
	free(vnfs);
	free(steerings);
	return merged;
}

int sl_drain_merge(struct sl_engine *engine, struct sl_chain *chain, const struct sl_diff *diff,
		   struct sl_chain **merged, struct sl_diff **there, struct sl_errors *errors)
{
	int err;

	*there = NULL;
	*merged = merge(engine->generation, chain, diff, errors);
	if (*merged == NULL)
		return -ENOMEM;
	if (!(*merged)->merged->differs) {
		sl_chain_free(*merged);
		*merged = NULL;
		return 0;
	}
	err = check_ports(chain, diff, errors);
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

/*
 * On, and back
 */

/* From the merged chain to the new one: all of that goes on. */
struct sl_diff *sl_drain_diff_on(struct sl_engine *engine, const struct sl_chain *new,
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

/* Whether one of the merged chain ends with it, though the old chain has it: see stays(). */
static bool is_replaced(const struct sl_diff *diff, const struct sl_merged *m, unsigned int vnf)
{
	for (unsigned int i = 0; i < m->old->vnf_count; i++)
		if (m->vnfs[i] == vnf)
			return diff->vnfs[i] == SL_NEW;
	return false;
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
		else if (is_replaced(diff, merged->merged, i))
			told &= tell_change(diff, SL_OF_VNF, SL_CHANGE_REPLACED, vnf->name,
					    "it is in quarantine");
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

/* What crashed meanwhile is not given its old configuration: a fresh one gets it. */
static bool stays(const struct sl_instance *instance, const struct sl_chain_vnf *vnf)
{
	return sl_instance_quarantined(instance) == SL_QUARANTINE_NONE || !changed(instance, vnf);
}

/* From the merged chain back to the old one. */
struct sl_diff *sl_drain_diff_back(struct sl_engine *engine, const struct sl_chain *merged,
				   struct sl_errors *errors)
{
	const struct sl_merged *m = merged->merged;
	struct sl_diff *diff = sl_diff_empty(m->old);

	if (diff == NULL) {
		sl_fail(errors, ENOMEM, "out of memory");
		return NULL;
	}
	diff->ends = SL_PART_NEW;
	memcpy(diff->ports, m->ports, m->old->port_count * sizeof(*diff->ports));
	memcpy(diff->vnfs, m->vnfs, m->old->vnf_count * sizeof(*diff->vnfs));
	memcpy(diff->steerings, m->steerings, m->old->steering_count * sizeof(*diff->steerings));
	for (unsigned int i = 0; i < m->old->vnf_count; i++) {
		const struct sl_instance *instance = engine->generation->vnfs[m->vnfs[i]];

		diff->carried_vnfs[i] = SL_NEW;
		if (stays(instance, &m->old->vnfs[i]))
			diff->configure_vnfs[i] = changed(instance, &m->old->vnfs[i]);
		else
			diff->vnfs[i] = SL_NEW;
	}
	if (!tell_return(diff, merged)) {
		sl_fail(errors, ENOMEM, "out of memory");
		sl_diff_free(diff);
		return NULL;
	}
	if (sl_placement_vnfs(engine, m->old, diff->masks, errors) == 0)
		return diff;
	sl_diff_free(diff);
	return NULL;
}
