/* SPDX-License-Identifier: BSD-3-Clause */
/* Rules, timeouts and limits, compiled: immutable to workers but for their own counters. */
#include "firewall.h"

unsigned int sl_fw_time_shift(void)
{
	unsigned int shift = 0;

	/* About 1/1000 s: the greatest power of two of TSC ticks that is not above 2 ms. */
	while (sl_hz() >> (shift + 1) >= 500)
		shift++;
	return shift;
}

static uint32_t to_units(uint64_t ns)
{
	return (uint32_t)((double)ns * (double)sl_hz() / 1e9 /
			  (double)(UINT64_C(1) << sl_fw_time_shift()));
}

static void fill_timeouts(struct fw_policy *policy)
{
	static const uint8_t timeout_of[FW_STATE_COUNT] = {
		[FW_TCP_SYN_SENT] = FW_TIME_TCP_SYN,
		[FW_TCP_SYN_RECEIVED] = FW_TIME_TCP_SYN,
		[FW_TCP_ESTABLISHED] = FW_TIME_TCP_ESTABLISHED,
		[FW_TCP_FIN_WAIT] = FW_TIME_TCP_FIN,
		[FW_TCP_LAST_ACK] = FW_TIME_TCP_FIN,
		[FW_TCP_TIME_WAIT] = FW_TIME_TCP_TIME_WAIT,
		[FW_TCP_CLOSED] = FW_TIME_TCP_CLOSE,
		[FW_UDP_NEW] = FW_TIME_UDP,
		[FW_UDP_STREAM] = FW_TIME_UDP_STREAM,
		[FW_ICMP_QUERY] = FW_TIME_ICMP,
		[FW_GENERIC] = FW_TIME_GENERIC,
	};

	for (unsigned int state = 1; state < FW_STATE_COUNT; state++)
		policy->timeouts[state] = to_units(policy->config->timeouts[timeout_of[state]]);
}

static void fill_actions(struct fw_policy *policy)
{
	struct fw_action *last = &policy->actions[policy->count];

	for (uint32_t i = 0; i < policy->count; i++) {
		const struct fw_rule_config *rule =
			SL_ITEM(&policy->config->rules, struct fw_rule_config, i);
		struct fw_action *action = &policy->actions[i];
		struct sl_match match;

		action->verdict = sl_fw_rule_match(rule, &match);
		action->with = (uint8_t)rule->with;
		action->log = rule->log;
		if (rule->given & FW_GIVEN_LIMIT && rule->limit > 0) {
			action->interval = RTE_MAX(sl_hz() / rule->limit, UINT64_C(1));
			action->burst = action->interval * (rule->burst - 1);
		}
	}
	last->log = policy->config->log;
	last->verdict = policy->config->default_policy == FW_DEFAULT_ALLOW    ? FW_ALLOW
			: policy->config->default_policy == FW_DEFAULT_REJECT ? FW_REJECT_IT
									      : FW_DROP;
}

static struct sl_matcher *compile(struct sl_instance *instance, const struct fw_config *config,
				  struct sl_errors *errors)
{
	uint32_t count = config->rules.count;
	struct sl_match *matches = sl_alloc(instance, (count + 1) * sizeof(*matches));
	const struct sl_match **list = sl_alloc(instance, (count + 1) * sizeof(*list));
	struct sl_matcher *matcher = NULL;

	if (matches == NULL || list == NULL) {
		sl_fail(errors, ENOMEM, "no memory for %u rules", count);
	} else {
		for (uint32_t i = 0; i < count; i++) {
			sl_fw_rule_match(SL_ITEM(&config->rules, struct fw_rule_config, i),
					 &matches[i]);
			list[i] = &matches[i];
		}
		matcher = sl_matcher_create(instance, list, count, errors);
	}
	sl_free(instance, matches);
	sl_free(instance, list);
	return matcher;
}

struct fw_policy *sl_fw_policy_new(struct sl_instance *instance, const struct fw_config *config,
				   uint32_t epoch, struct sl_errors *errors)
{
	struct fw_policy *policy = sl_alloc(instance, sizeof(*policy));
	uint32_t count = config->rules.count;

	if (policy == NULL) {
		sl_fail(errors, ENOMEM, "no memory for %u rules", count);
		return NULL;
	}
	policy->config = config;
	policy->epoch = epoch;
	policy->count = count;
	policy->workers = sl_instance_workers(instance);
	/* Whole cache lines: workers share none. */
	policy->stride = RTE_ALIGN_CEIL(count + 1, 2);
	policy->actions = sl_alloc(instance, (count + 1) * sizeof(*policy->actions));
	policy->counts = sl_alloc(instance, (size_t)policy->stride * policy->workers *
						    sizeof(*policy->counts));
	policy->matcher = compile(instance, config, errors);
	if (policy->actions == NULL || policy->counts == NULL || policy->matcher == NULL) {
		if (policy->matcher != NULL)
			sl_fail(errors, ENOMEM, "no memory for %u rules", count);
		sl_fw_policy_free(instance, policy);
		return NULL;
	}
	fill_timeouts(policy);
	fill_actions(policy);
	policy->reject_interval =
		RTE_MAX(sl_hz() / RTE_MAX(config->reject_rate, UINT64_C(1)), UINT64_C(1));
	return policy;
}

void sl_fw_policy_free(struct sl_instance *instance, struct fw_policy *policy)
{
	if (policy == NULL)
		return;
	sl_matcher_free(policy->matcher);
	sl_free(instance, policy->actions);
	sl_free(instance, policy->counts);
	sl_free(instance, policy);
}
