/* SPDX-License-Identifier: BSD-3-Clause */
/* What DRAIN hops of a merged chain do, and whom they ask. */
#include <core/host/drain.h>

#include <errno.h>
#include <string.h>

#include <core/chain/merge.h>
#include <core/host/private.h>

static void ask(struct sl_drain_config *config, uint16_t number)
{
	if (config->asked_count == SL_DRAIN_ASKED)
		config->sure = false; /* it was not asked */
	else
		config->asked[config->asked_count++] = number;
}

static bool asks(const struct sl_chain_vnf *vnf)
{
	return vnf->part == SL_PART_OLD && vnf->type->knows != NULL;
}

/* Functions that only the old chain has; what comes first on the path gets packets as they come in.
 */
static void ask_path(struct sl_drain_config *config, const struct sl_chain *chain,
		     const struct sl_plan *plan, const uint16_t *numbers,
		     const struct sl_chain_entry *entry)
{
	const struct sl_chain_path *path = &chain->paths[entry->path];
	unsigned int last = path->stop_count - 1;
	bool sure = false;

	if (path->stop_count > 0) {
		unsigned int vnf = path->stops[entry->from == SL_INSIDE ? 0 : last].vnf;

		sure = asks(&chain->vnfs[vnf]) && chain->vnfs[vnf].core_count == 0;
	}
	config->sure &= sure;
	for (unsigned int h = 0; h < plan->hop_count; h++) {
		const struct sl_plan_hop *hop = &plan->hops[h];

		if (hop->kind == SL_PLAN_VNF && hop->path == entry->path &&
		    hop->from == entry->from && asks(&chain->vnfs[hop->vnf]))
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

	config->cut = &chain->merged->cut;
	config->flows = (uint32_t)RTE_MAX(chain->fusion->flows, (uint64_t)SL_DRAIN_FLOWS);
	config->sure = true;
	config->counts = counts_at(chain, port);
	config->quiet = sl_drain_quiet(engine);
	for (unsigned int h = 0; h < plan->hop_count; h++)
		if (plan->hops[h].kind == SL_PLAN_DRAIN && plan->hops[h].port == port)
			roles[numbers[h]] = of_rank[plan->hops[h].rank];
	for (unsigned int e = 0; e < RTE_MIN(count, (unsigned int)SL_MAX_ENTRIES); e++)
		ask_path(config, chain, plan, numbers, &entries[e]);
	config->roles = roles;
}

/* Whether devices would spread the new chain's packets, had it no old one beside it. */
static bool new_in_hardware(const struct sl_generation *merged)
{
	const struct sl_plan *plan = merged->plan;

	for (unsigned int i = 0; i < plan->hop_count; i++)
		if (plan->hops[i].kind == SL_PLAN_SPREAD && plan->hops[i].vnf != UINT_MAX &&
		    merged->chain->vnfs[plan->hops[i].vnf].part != SL_PART_OLD)
			return false;
	return merged->by_device;
}

/* All three must bring a session to the same worker. */
static int check_spread(const struct sl_generation *running, const struct sl_generation *merged,
			struct sl_errors *errors)
{
	if (merged->worker_count == 1 || (running->in_hardware == merged->in_hardware &&
					  new_in_hardware(merged) == merged->in_hardware))
		return 0;
	return sl_fail(
		errors, EINVAL,
		"devices spread packets over workers in one of the two chains, and functions "
		"in the other, so sessions would change workers; apply it without --drain");
}

int sl_drain_check(const struct sl_generation *running, const struct sl_generation *generation,
		   struct sl_errors *errors)
{
	const struct sl_plan *plan = generation->plan;
	int err = check_spread(running, generation, errors);

	if (err != 0)
		return err;

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
