/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The packet path. A burst is sorted into lanes by IP version; each lane's sessions are looked
 * up in bulk; packets of sessions are tracked. What is left is for the rules (misses.c).
 */
#include "firewall.h"

static const struct sl_name reasons[] = {
	[FW_RULE] = {"rule", "a rule says drop"},
	[FW_DEFAULT] = {"default", "no rule matched, and the default policy is not to allow"},
	[FW_REJECT] = {"reject", "a rule or the default policy rejects; the sender may be told"},
	[FW_LIMITED] = {"limited", "above the limit of the rule that decides"},
	[FW_MALFORMED] = {"malformed", "an IP or transport header is damaged or cut short"},
	[FW_FRAGMENT] = {"fragment", "a fragment that was not reassembled before"},
	[FW_BAD_FLAGS] = {"bad-flags", "TCP flags that make no sense together"},
	[FW_NO_SESSION] = {"no-session", "belongs to no session and cannot open one"},
	[FW_BAD_STATE] = {"bad-state", "the TCP session is not in a state for it"},
	[FW_BAD_WINDOW] = {"bad-window", "outside of the TCP window"},
	[FW_UNRELATED] = {"unrelated", "an ICMP error about no session"},
	[FW_TABLE_FULL] = {"table-full", "no room for a new session"},
	[FW_SOURCE_LIMIT] = {"source-limit", "its source has as many sessions as it may have"},
	[FW_REVOKED] = {"revoked", "the rules have changed and no longer allow the session"},
	[FW_BAD_ND] = {"bad-neighbour", "neighbour discovery that came from off the link"},
	{NULL, NULL},
};

static const struct sl_name counters[] = {
	[FW_ESTABLISHED] = {"established", "packets of sessions that were open before"},
	[FW_CREATED] = {"created", "sessions opened"},
	[FW_EXPIRED] = {"expired", "sessions ended by time"},
	[FW_EVICTED] = {"evicted", "sessions ended to make room"},
	[FW_RELATED] = {"related", "ICMP errors about sessions, let through"},
	[FW_REPLIES] = {"replies", "resets and ICMP errors sent to rejected senders"},
	[FW_REPLIES_LIMITED] = {"replies-limited", "answers not sent because of `reject-rate`"},
	[FW_CLEARED] = {"cleared", "sessions ended by command"},
	{NULL, NULL},
};

static const struct sl_name events[] = {
	[FW_EVENT_ALLOW] = {"allow", "a rule with `log` allowed a packet"},
	[FW_EVENT_DROP] = {"drop", "a rule with `log` dropped a packet"},
	[FW_EVENT_REJECT] = {"reject", "a rule with `log` rejected a packet"},
	{NULL, NULL},
};

/* ---- Packets of sessions ---- */

/* A loop for each size of key, which the compiler then unrolls. */
static void hash_keys(struct fw_lane *lane, unsigned int number)
{
	if (number == FW_LANE4) {
		for (uint16_t i = 0; i < lane->n; i++)
			lane->hash[i] = sl_index_hash(&lane->keys[i * 2], sizeof(struct fw_key4));
	} else {
		for (uint16_t i = 0; i < lane->n; i++)
			lane->hash[i] = sl_index_hash(&lane->keys[i * 5], sizeof(struct fw_key6));
	}
}

/* What most packets are: of a session that has no TCP states and is not about to change. Only
 * notes the time and counts. False: the packet needs a closer look. */
static inline bool track_plain(const struct fw_policy *policy, struct fw_rule_count *counts,
			       struct fw_session *session, const struct rte_mbuf *m,
			       unsigned int direction, uint32_t now)
{
	bool reply = direction != (session->flags & FW_FROM_HIGH ? 1u : 0u);
	bool replied = session->flags & FW_REPLIED;
	struct fw_rule_count *count;

	if (session->state < FW_UDP_NEW || session->epoch != policy->epoch)
		return false;
	if (replied ? session->state == FW_UDP_NEW && !reply : reply)
		return false;
	session->seen = now;
	count = &counts[session->rule];
	sl_tally(&count->packets, 1);
	sl_tally(&count->bytes, m->pkt_len);
	return true;
}

static void track_lane(struct sl_node *node, const struct fw_policy *policy, unsigned int number,
		       struct rte_mbuf **pkts, uint8_t *edge, uint32_t now)
{
	struct fw_worker *worker = node->state;
	struct fw_lane *lane = &worker->lanes[number];
	struct fw_table *table = &worker->tables[number];
	struct fw_rule_count *counts = policy->counts + (size_t)policy->stride * node->worker;
	uint32_t passed = 0;

	hash_keys(lane, number);
	sl_index_find_bulk(table->index, lane->keys, lane->hash, lane->slot, lane->n);
	for (uint16_t i = 0; i < lane->n; i++) {
		uint32_t slot = lane->slot[i];
		uint8_t packet = lane->index[i];
		unsigned int verdict;

		/* An earlier packet of the burst may have ended the session. */
		if (slot == SL_NO_SLOT || unlikely(sl_fw_session(table, slot)->state == FW_FREE)) {
			sl_fw_miss(worker, packet, number, i);
			continue;
		}
		if (likely(track_plain(policy, counts, sl_fw_session(table, slot), pkts[packet],
				       lane->direction[i], now))) {
			sl_fw_account(table, slot, pkts[packet], lane->direction[i]);
			passed++;
			continue;
		}
		verdict = sl_fw_track(node, policy, table, slot, pkts[packet], lane->direction[i],
				      now);
		if (likely(verdict == FW_TRACK_PASS)) {
			passed++;
		} else if (verdict == FW_TRACK_REOPEN) {
			sl_fw_table_remove(node, table, slot);
			sl_fw_miss(worker, packet, number, i);
		} else {
			edge[packet] = SL_DROP(verdict);
		}
	}
	sl_count(node, FW_ESTABLISHED, passed);
}

static void firewall_process(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge,
			     uint16_t n)
{
	struct fw_instance *firewall = node->data;
	struct fw_worker *worker = node->state;
	const struct fw_policy *policy =
		atomic_load_explicit(&firewall->policy, memory_order_acquire);
	uint32_t now = sl_fw_time(node);

	sl_fw_sort(node, policy, pkts, edge, n);
	for (unsigned int lane = 0; lane < FW_LANES; lane++) {
		if (worker->lanes[lane].n > 0)
			track_lane(node, policy, lane, pkts, edge, now);
	}
	if (worker->miss_count > 0)
		sl_fw_decide(node, policy, pkts, edge, now);
	if (sl_recording(node))
		sl_fw_say(node, policy, pkts, edge);
}

static void firewall_tick(struct sl_node *node)
{
	struct fw_instance *firewall = node->data;
	struct fw_worker *worker = node->state;
	const struct fw_policy *policy =
		atomic_load_explicit(&firewall->policy, memory_order_acquire);
	uint32_t ended = 0;

	for (unsigned int lane = 0; lane < FW_LANES; lane++)
		ended += sl_fw_table_turn(node, &worker->tables[lane], policy->timeouts,
					  sl_fw_time(node), 256);
	sl_count(node, FW_EXPIRED, ended);
}

/* ---- Life ---- */

static int firewall_create(struct sl_instance *instance, const void *data, struct sl_errors *errors)
{
	struct fw_instance *firewall = sl_instance_data(instance);
	const struct fw_config *config = data;
	struct fw_policy *policy = sl_fw_policy_new(instance, config, 1, errors);

	if (policy == NULL)
		return -EINVAL;
	firewall->epoch = 1;
	firewall->sessions = config->sessions;
	firewall->sessions_ipv6 = config->sessions_ipv6;
	firewall->per_source = config->per_source;
	firewall->accounting = config->accounting;
	atomic_store(&firewall->policy, policy);
	return 0;
}

static int check_fixed(const struct fw_instance *firewall, const struct fw_config *config,
		       struct sl_errors *errors)
{
	static const char message[] = "cannot change while sessions are kept; give the firewall "
				      "another name to start anew";

	if (config->sessions != firewall->sessions)
		return sl_fail_at(errors, &config->sessions, "%s", message);
	if (config->sessions_ipv6 != firewall->sessions_ipv6)
		return sl_fail_at(errors, &config->sessions_ipv6, "%s", message);
	if (config->accounting != firewall->accounting)
		return sl_fail_at(errors, &config->accounting, "%s", message);
	if ((config->per_source != 0) != (firewall->per_source != 0))
		return sl_fail_at(errors, &config->per_source, "%s", message);
	return 0;
}

static int firewall_configure(struct sl_instance *instance, const void *config,
			      struct sl_errors *errors)
{
	struct fw_instance *firewall = sl_instance_data(instance);
	struct fw_policy *policy, *old;

	if (check_fixed(firewall, config, errors) != 0)
		return -EINVAL;
	policy = sl_fw_policy_new(instance, config, firewall->epoch + 1, errors);
	if (policy == NULL)
		return -EINVAL;
	firewall->epoch++;
	old = atomic_exchange_explicit(&firewall->policy, policy, memory_order_acq_rel);
	sl_unfuse(instance); /* fused flows count in the old one's counters */
	sl_synchronize();
	sl_fw_policy_free(instance, old);
	return 0;
}

/* The same rules, compiled by this code: sessions stay allowed, and rules go on counting. */
static int firewall_adopt(struct sl_instance *instance, const void *config,
			  struct sl_errors *errors)
{
	struct fw_instance *firewall = sl_instance_data(instance);
	struct fw_policy *policy, *old;

	if (!sl_same_config(instance, sl_fw_params, config))
		return firewall_configure(instance, config, errors);
	policy = sl_fw_policy_new(instance, config, firewall->epoch, errors);
	if (policy == NULL)
		return -EINVAL;
	old = atomic_load(&firewall->policy);
	sl_free(instance, policy->counts);
	policy->counts = old->counts;
	atomic_store_explicit(&firewall->policy, policy, memory_order_release);
	sl_synchronize();
	old->counts = NULL;
	sl_fw_policy_free(instance, old);
	return 0;
}

static void firewall_destroy(struct sl_instance *instance)
{
	struct fw_instance *firewall = sl_instance_data(instance);

	sl_fw_policy_free(instance, atomic_load(&firewall->policy));
}

static int firewall_worker_init(struct sl_node *node, struct sl_errors *errors)
{
	const struct fw_instance *firewall = node->data;
	struct fw_worker *worker = node->state;

	worker->shift = sl_fw_time_shift();
	for (unsigned int lane = 0; lane < FW_LANES; lane++) {
		int rc = sl_fw_table_init(&worker->tables[lane], node->instance, lane, firewall,
					  errors);

		if (rc != 0)
			return rc;
	}
	return 0;
}

static const struct sl_node_type types[] = {
	{
		.name = "firewall",
		.doc = "stateful packet filter: ordered rules open sessions, sessions let through",
		.flags = SL_NODE_WHOLE_DATAGRAMS | SL_NODE_STATEFUL | SL_NODE_TRAILS,
		.reasons = reasons,
		.counters = counters,
		.events = events,
		.params = sl_fw_params,
		.config_size = sizeof(struct fw_config),
		.instance_size = sizeof(struct fw_instance),
		.state_size = sizeof(struct fw_worker),
		.check = sl_fw_check,
		.create = firewall_create,
		.configure = firewall_configure,
		.destroy = firewall_destroy,
		.worker_init = firewall_worker_init,
		.process = firewall_process,
		.tick = firewall_tick,
		.tick_ms = 10,
		.credit = sl_fw_credit,
		.guard = sl_fw_guard,
		.knows = sl_fw_knows,
		.layout = 2,
		.adopt = firewall_adopt,
		.state_version = FW_STATE_VERSION,
		.export_state = sl_fw_export,
		.import_state = sl_fw_import,
		.commands = sl_fw_commands,
		.render_event = sl_fw_render_event,
	},
};

SL_PLUGIN("firewall", "0.1.0", "BSD-3-Clause",
	  "Stateful packet filter for IPv4 and IPv6 with TCP window tracking", types);
