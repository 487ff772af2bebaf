/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "policer.h"

static const struct sl_name reasons[] = {
	[POL_GREEN] = {"green", "it was green, and green packets are to be dropped"},
	[POL_YELLOW] = {"yellow", "it was yellow, and yellow packets are to be dropped"},
	[POL_RED] = {"red", "it was red, and red packets are to be dropped"},
	[POL_TABLE_FULL] = {"table-full", "no room for its flow, and `table-full` is drop"},
	{NULL, NULL},
};

static const struct sl_name counters[] = {
	[POL_COUNT_GREEN] = {"green", "packets within the committed rate and burst"},
	[POL_COUNT_YELLOW] = {"yellow", "packets beyond that, within the excess or peak"},
	[POL_COUNT_RED] = {"red", "packets beyond all of it"},
	[POL_COUNT_UNMETERED] = {"unmetered", "packets that passed without a meter"},
	[POL_COUNT_FLOWS_MADE] = {"flows-made", "meters made for flows, sources, destinations"},
	[POL_COUNT_FLOWS_ENDED] = {"flows-ended", "meters that went, idle or of old rules"},
	[POL_COUNT_TABLE_FULL] = {"table-full", "packets that found no room for their flow"},
	{NULL, NULL},
};

static int policer_configure(struct sl_instance *instance, const void *config,
			     struct sl_errors *errors)
{
	struct policer *policer = sl_instance_data(instance);
	struct pol_set *set, *old;
	uint64_t flows = ((const struct pol_config *)config)->flows;

	if (policer->flows != 0 && policer->flows != flows)
		return sl_fail(errors, ENOTSUP, "`flows` cannot change while it runs");
	set = sl_pol_set_new(instance, config, errors);
	if (set == NULL)
		return -EINVAL;
	policer->flows = flows;
	set->generation = ++policer->generation;
	old = atomic_exchange_explicit(&policer->set, set, memory_order_acq_rel);
	if (old != NULL) {
		sl_unfuse(instance);
		sl_synchronize();
		sl_pol_set_free(instance, old);
	}
	return 0;
}

/* The same rules: flows keep their meters, and workers those that they share. */
static int policer_adopt(struct sl_instance *instance, const void *config, struct sl_errors *errors)
{
	struct policer *policer = sl_instance_data(instance);
	struct pol_set *set, *old = atomic_load(&policer->set);

	if (!sl_same_config(instance, sl_pol_params, config))
		return policer_configure(instance, config, errors);
	set = sl_pol_set_new(instance, config, errors);
	if (set == NULL)
		return -EINVAL;
	set->generation = old->generation;
	sl_free(instance, set->shared);
	set->shared = old->shared;
	atomic_store_explicit(&policer->set, set, memory_order_release);
	sl_synchronize();
	old->shared = NULL;
	sl_pol_set_free(instance, old);
	return 0;
}

static void policer_destroy(struct sl_instance *instance)
{
	struct policer *policer = sl_instance_data(instance);

	sl_pol_set_free(instance, atomic_load(&policer->set));
}

/* ---- Packets ---- */

/* Drop precedence of an assured forwarding code point (RFC 2597 section 6), 1 to 3; 0: another. */
static uint8_t precedence_of(uint8_t dscp)
{
	uint8_t class = dscp >> 3;

	return class >= 1 && class <= 4 && (dscp & 1) == 0 ? dscp >> 1 & 3 : 0;
}

/* Colour that a packet comes with. */
static uint8_t colour_of(const struct pol_policy *policy, const struct rte_mbuf *m)
{
	uint8_t precedence;

	if (!policy->aware || !sl_is_ip(m))
		return RTE_COLOR_GREEN;
	precedence = precedence_of(sl_ip_tos(m) >> 2);
	return precedence == 0 ? RTE_COLOR_GREEN : precedence - 1;
}

static void act(const struct pol_action *action, struct rte_mbuf *m)
{
	if (action->set_mark)
		sl_packet(m)->mark = action->mark;
	if ((action->set_dscp || action->precedence != 0) && sl_is_ip(m)) {
		uint8_t dscp = sl_ip_tos(m) >> 2;

		if (action->set_dscp)
			dscp = action->dscp;
		else if (precedence_of(dscp) != 0)
			dscp = (uint8_t)((dscp & 0x38) | action->precedence << 1);
		sl_ip_set_dscp(m, dscp);
	}
}

/* Returns the edge. */
static uint8_t police(struct sl_node *node, const struct pol_by *by, struct rte_mbuf *m,
		      bool by_flow)
{
	uint8_t came = colour_of(by->policy, m);
	uint8_t colour = sl_pol_check_meter(by->meter, by->profile, sl_now(node),
					    sl_pol_tokens(by->profile, by->policy->layer, m), came);

	sl_pol_note(node, by, colour, 1, m->pkt_len);
	if (by->policy->actions[colour].drop)
		return SL_DROP(POL_GREEN + colour);
	act(&by->policy->actions[colour], m);
	if (by_flow && sl_recording(node))
		sl_pol_say(node, m, by, came, colour);
	return SL_ON;
}

static uint8_t pass(struct sl_node *node, const struct rte_mbuf *m, bool by_flow)
{
	struct sl_trail *trail = by_flow ? sl_trail(node, m) : NULL;

	if (trail != NULL)
		sl_trail_count(trail, &node->counters[POL_COUNT_UNMETERED], NULL);
	sl_count(node, POL_COUNT_UNMETERED, 1);
	return SL_ON;
}

/* Packets of a burst whose meters are those of flows: keys, then all look-ups at once. */
struct look {
	struct pol_key keys[SL_BURST];
	uint32_t hashes[SL_BURST], slots[SL_BURST];
	uint16_t count;
};

static uint8_t police_flow(struct sl_node *node, const struct pol_set *set, struct rte_mbuf *m,
			   const struct look *look, uint16_t at, bool by_flow)
{
	struct pol_worker *worker = node->state;
	const struct pol_key *key = &look->keys[at];
	uint32_t slot = look->slots[at], hash = look->hashes[at];
	struct pol_by by;

	/* Ageing for a packet before may have ended it, a packet before may have made it. */
	if (slot == SL_NO_SLOT || worker->flows[slot].seen == 0 ||
	    memcmp(&worker->flows[slot].key, key, sizeof(*key)) != 0) {
		slot = sl_index_find(worker->index, key, hash);
		if (slot == SL_NO_SLOT)
			slot = sl_pol_flow_add(node, set, key, hash);
	}
	if (likely(slot != SL_NO_SLOT)) {
		sl_pol_by_flow(node, set, slot, &by);
		return police(node, &by, m, by_flow);
	}
	/* Not said on trails: there may be room for the flow soon. */
	sl_count(node, POL_COUNT_TABLE_FULL, 1);
	if (set->full == POL_FULL_DROP)
		return SL_DROP(POL_TABLE_FULL);
	if (set->full == POL_FULL_PASS)
		return pass(node, m, false);
	sl_pol_by_policy(node, set, key->policy, node->from, &by);
	return police(node, &by, m, false);
}

/* Number of each packet's policy, or SL_NO_MATCH: it has none. */
static void find_policies(struct sl_node *node, const struct pol_set *set, struct rte_mbuf **pkts,
			  uint32_t *policy, struct look *look, uint16_t n)
{
	sl_matcher_lookup(set->matcher, node->from, pkts, policy, n);
	look->count = 0;
	for (uint16_t i = 0; i < n; i++) {
		if (policy[i] == SL_NO_MATCH && set->has_default)
			policy[i] = set->rule_count;
		if (policy[i] == SL_NO_MATCH || set->policies[policy[i]].exempt) {
			policy[i] = SL_NO_MATCH;
		} else if (set->policies[policy[i]].per != POL_ALL) {
			uint16_t at = look->count++;

			sl_pol_key(&look->keys[at], set, policy[i], node->from, pkts[i]);
			look->hashes[at] = sl_index_hash(&look->keys[at], sizeof(look->keys[at]));
		}
	}
	if (look->count > 0)
		sl_index_find_bulk(((struct pol_worker *)node->state)->index, look->keys,
				   look->hashes, look->slots, look->count);
}

static void policer_process(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	const struct pol_set *set = sl_pol_set(node);
	uint32_t policy[SL_BURST];
	struct look look;
	uint16_t at = 0;

	if (!set->metered[node->from]) {
		for (uint16_t i = 0; i < n; i++)
			edge[i] = pass(node, pkts[i], true);
		return;
	}
	find_policies(node, set, pkts, policy, &look, n);
	for (uint16_t i = 0; i < n; i++) {
		bool by_flow = sl_recording(node) && sl_matcher_by_flow(set->matcher, pkts[i]);
		struct pol_by by;

		if (policy[i] == SL_NO_MATCH) {
			edge[i] = pass(node, pkts[i], by_flow);
		} else if (set->policies[policy[i]].per != POL_ALL) {
			edge[i] = police_flow(node, set, pkts[i], &look, at++, by_flow);
		} else {
			sl_pol_by_policy(node, set, policy[i], node->from, &by);
			edge[i] = police(node, &by, pkts[i], by_flow);
		}
	}
}

static const struct sl_node_type types[] = {
	{.name = "policer",
	 .doc = "meters packets and drops or marks what is above a rate",
	 .flags = SL_NODE_TRAILS | SL_NODE_STATEFUL,
	 .reasons = reasons,
	 .counters = counters,
	 .params = sl_pol_params,
	 .config_size = sizeof(struct pol_config),
	 .instance_size = sizeof(struct policer),
	 .state_size = sizeof(struct pol_worker),
	 .check = sl_pol_check,
	 .create = policer_configure,
	 .configure = policer_configure,
	 .destroy = policer_destroy,
	 .worker_init = sl_pol_worker_init,
	 .process = policer_process,
	 .tick = sl_pol_tick,
	 .tick_ms = 10,
	 .guard = sl_pol_guard,
	 .layout = 1,
	 .adopt = policer_adopt,
	 .state_version = POL_STATE_VERSION,
	 .export_state = sl_pol_export,
	 .import_state = sl_pol_import,
	 .commands = sl_pol_commands},
};

SL_PLUGIN("policer", "0.1.0", "BSD-3-Clause",
	  "Three-colour meters by VNF, rule or flow that drop, remark or mark", types);
