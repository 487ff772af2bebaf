/* SPDX-License-Identifier: BSD-3-Clause */
/* The configuration compiled to policies. */
#include <string.h>

#include "policer.h"

static struct pol_action action_of(const struct pol_meter_config *config, unsigned int colour)
{
	const struct pol_action_config *given = &config->actions[colour];
	bool told = (config->given & (METER_GREEN << colour)) != 0;

	return (struct pol_action){
		.drop = told ? given->drop : colour == RTE_COLOR_RED,
		.set_dscp = (given->given & ACTION_DSCP) != 0,
		.dscp = (uint8_t)given->dscp,
		.precedence = (uint8_t)given->precedence,
		.set_mark = (given->given & ACTION_MARK) != 0,
		.mark = (uint32_t)given->mark,
	};
}

static bool equal(const struct pol_action *a, const struct pol_action *b)
{
	return a->drop == b->drop && a->set_dscp == b->set_dscp && a->set_mark == b->set_mark &&
	       a->dscp == b->dscp && a->precedence == b->precedence && a->mark == b->mark;
}

static uint64_t usual_burst(uint64_t rate, bool packets)
{
	return packets ? RTE_MAX(rate / 20, UINT64_C(16))
		       : RTE_MAX(rate / 8 / 20, UINT64_C(16) << 10);
}

static void fill_policy(struct pol_policy *policy, const struct pol_meter_config *config,
			uint64_t idle_ns, uint32_t workers)
{
	bool packets = (config->given & METER_PACKETS) != 0, two = config->meter == POL_TRTCM;
	struct pol_bucket first = {packets ? config->packets : config->rate, config->burst};
	struct pol_bucket second = {0, two ? config->peak_burst : config->excess_burst};
	uint64_t refill;

	if (two)
		second.rate = packets ? config->peak_packets : config->peak;
	else if (config->meter == POL_TRTCM_4115)
		second.rate = packets ? config->excess_packets : config->excess;
	if (!(config->given & METER_BURST))
		first.burst = usual_burst(first.rate, packets);
	if (config->meter != POL_SRTCM &&
	    !(config->given & (two ? METER_PEAK_BURST : METER_EXCESS_BURST)))
		second.burst = usual_burst(second.rate, packets);
	policy->per = (uint8_t)config->per;
	policy->profile.algorithm = (uint8_t)config->meter;
	policy->profile.packets = packets;
	/* A flow is on one worker, so its meter is all of it. What several workers meter has a
	 * share of the rate on each. */
	refill = sl_pol_profile(&policy->profile, first, second,
				policy->per == POL_FLOW ? 1 : workers);
	policy->idle = RTE_MAX(refill, (uint64_t)((double)idle_ns / 1e9 * (double)sl_hz()));
	policy->aware = config->aware;
	policy->symmetric = config->symmetric;
	policy->layer = (uint8_t)config->layer;
	for (unsigned int i = 0; i < 3; i++) {
		policy->actions[i] = action_of(config, i);
		policy->like_green[i] = equal(&policy->actions[i], &policy->actions[0]);
	}
	/* Flows that find no room share a meter that has the same rates, split. */
	policy->shared_profile = policy->profile;
	sl_pol_profile(&policy->shared_profile, first, second, workers);
}

void sl_pol_set_free(struct sl_instance *instance, struct pol_set *set)
{
	if (set == NULL)
		return;
	sl_matcher_free(set->matcher);
	sl_free(instance, set->policies);
	sl_free(instance, set->shared);
	sl_free(instance, set);
}

static void fill_policies(struct pol_set *set, const struct pol_config *config)
{
	for (uint32_t i = 0; i < set->count; i++) {
		const struct pol_rule_config *rule =
			i < set->rule_count ? SL_ITEM(&config->rules, struct pol_rule_config, i)
					    : NULL;
		struct pol_policy *policy = &set->policies[i];

		policy->exempt = rule != NULL && rule->exempt;
		if (!policy->exempt)
			fill_policy(policy, rule != NULL ? &rule->meter : &config->meter,
				    config->idle, set->workers);
	}
	for (uint32_t i = 0; i < set->workers * set->count * 2; i++) {
		const struct pol_policy *policy = &set->policies[i / 2 % set->count];

		if (!policy->exempt)
			sl_pol_meter_reset(&set->shared[i].meter, &policy->shared_profile,
					   rte_rdtsc());
	}
}

static struct pol_set *allocate(struct sl_instance *instance, const struct pol_config *config)
{
	struct pol_set *set = sl_alloc(instance, sizeof(*set));

	if (set == NULL)
		return NULL;
	set->config = config;
	set->rule_count = config->rules.count;
	set->has_default = sl_pol_has_rate(&config->meter);
	set->count = set->rule_count + set->has_default;
	set->workers = sl_instance_workers(instance);
	set->full = (uint8_t)config->full;
	set->metered[SL_INSIDE] = config->direction != POL_OUTSIDE;
	set->metered[SL_OUTSIDE] = config->direction != POL_INSIDE;
	set->policies = sl_alloc(instance, set->count * sizeof(*set->policies));
	set->shared =
		sl_alloc(instance, (size_t)set->workers * set->count * 2 * sizeof(*set->shared));
	if (set->policies == NULL || set->shared == NULL) {
		sl_pol_set_free(instance, set);
		return NULL;
	}
	fill_policies(set, config);
	return set;
}

struct pol_set *sl_pol_set_new(struct sl_instance *instance, const struct pol_config *config,
			       struct sl_errors *errors)
{
	const struct sl_match **list =
		sl_alloc(instance, (config->rules.count + 1) * sizeof(*list));
	struct pol_set *set = allocate(instance, config);

	if (set == NULL || list == NULL) {
		sl_fail(errors, ENOMEM, "no memory for %u rules", config->rules.count);
		sl_free(instance, list);
		sl_pol_set_free(instance, set);
		return NULL;
	}
	for (uint32_t i = 0; i < set->rule_count; i++)
		list[i] = &SL_ITEM(&config->rules, struct pol_rule_config, i)->match;
	set->matcher = sl_matcher_create(instance, list, set->rule_count, errors);
	sl_free(instance, list);
	if (set->matcher == NULL) {
		sl_pol_set_free(instance, set);
		return NULL;
	}
	return set;
}
