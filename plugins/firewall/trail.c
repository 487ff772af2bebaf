/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Flow fusion. A session in a steady state is said on the trails of its packets: one without TCP
 * states that only notes the time and counts, or an established TCP connection, whose windows
 * the guard goes on watching. Flows of either direction hang on an anchor of their own, and
 * whatever changes the session cuts both.
 *
 * What is dropped for want of a session is said as well, until one opens that could claim it.
 */
#include "firewall.h"

/* Handles: a session and a direction; drops have none. */
#define NO_SESSION UINT64_MAX

static uint64_t handle_of(unsigned int lane, uint32_t slot, unsigned int direction)
{
	return (uint64_t)lane << 33 | (uint64_t)slot << 1 | direction;
}

static struct fw_table *table_of(struct sl_node *node, uint64_t handle, uint32_t *slot)
{
	struct fw_worker *worker = node->state;

	*slot = (uint32_t)(handle >> 1);
	return &worker->tables[handle >> 33];
}

/* Whether packets of this direction leave the session as it is, but for times and counts, and
 * for windows, which the guard sees to. */
static bool steady(const struct fw_policy *policy, const struct fw_session *session,
		   unsigned int direction)
{
	bool reply = direction != (session->flags & FW_FROM_HIGH ? 1u : 0u);
	bool replied = session->flags & FW_REPLIED;

	if (session->epoch != policy->epoch || (reply && !replied))
		return false;
	if (session->state <= FW_TCP_CLOSED)
		return session->state == FW_TCP_ESTABLISHED &&
		       session->tcp[direction].max_window != 0;
	return reply || !replied || session->state != FW_UDP_NEW;
}

static void say_session(struct sl_node *node, const struct fw_policy *policy,
			struct sl_trail *trail, unsigned int number, uint32_t slot,
			unsigned int direction)
{
	struct fw_worker *worker = node->state;
	struct fw_table *table = &worker->tables[number];
	const struct fw_session *session = sl_fw_session(table, slot);
	struct fw_rule_count *count =
		&policy->counts[(size_t)policy->stride * node->worker + session->rule];

	if (!steady(policy, session, direction))
		return;
	sl_trail_count(trail, &count->packets, &count->bytes);
	sl_trail_count(trail, &node->counters[FW_ESTABLISHED], NULL);
	sl_trail_session(trail, &table->anchors[2 * (size_t)slot + direction],
			 handle_of(number, slot, direction));
	if (session->state <= FW_TCP_CLOSED)
		sl_trail_guard(trail);
}

/* Drops that all packets of the flow get: because they cannot open a session, or by a rule
 * that does nothing else. */
static void say_drop(struct sl_node *node, const struct fw_policy *policy, struct sl_trail *trail,
		     struct rte_mbuf *m, uint8_t edge, struct sl_anchor *anchor)
{
	const struct fw_action *action;
	struct fw_rule_count *count;
	uint32_t rule;

	if (edge == SL_DROP(FW_RULE) || edge == SL_DROP(FW_DEFAULT)) {
		sl_matcher_lookup(policy->matcher, node->from, &m, &rule, 1);
		rule = rule == SL_NO_MATCH ? policy->count : rule;
		action = &policy->actions[rule];
		if (action->verdict != FW_DROP || action->log || action->interval != 0 ||
		    !sl_matcher_by_flow(policy->matcher, m))
			return;
		count = &policy->counts[(size_t)policy->stride * node->worker + rule];
		sl_trail_count(trail, &count->packets, &count->bytes);
	} else if (edge != SL_DROP(FW_NO_SESSION)) {
		return;
	}
	sl_trail_session(trail, anchor, NO_SESSION);
}

/* The session of a packet, after its burst: which may have ended the one that was found or opened
 * for it, and opened another. */
static uint32_t slot_of(const struct fw_table *table, const struct fw_lane *lane, uint16_t i)
{
	const void *key = &lane->keys[i * table->key_size / 8];
	uint32_t slot = lane->slot[i];

	if (slot != SL_NO_SLOT && sl_fw_session(table, slot)->state != FW_FREE &&
	    memcmp(sl_fw_key(sl_fw_session(table, slot)), key, table->key_size) == 0)
		return slot;
	return sl_index_find(table->index, key, lane->hash[i]);
}

static struct sl_anchor *drop_anchor(struct fw_table *table, uint32_t hash)
{
	table->drops_said = true;
	return &table->drops[hash % FW_DROPS];
}

void sl_fw_say(struct sl_node *node, const struct fw_policy *policy, struct rte_mbuf **pkts,
	       const uint8_t *edge)
{
	struct fw_worker *worker = node->state;

	for (unsigned int number = 0; number < FW_LANES; number++) {
		const struct fw_lane *lane = &worker->lanes[number];
		struct fw_table *table = &worker->tables[number];

		for (uint16_t i = 0; i < lane->n; i++) {
			struct rte_mbuf *m = pkts[lane->index[i]];
			struct sl_trail *trail = sl_trail(node, m);
			uint8_t way = edge[lane->index[i]];
			uint32_t slot;

			if (trail == NULL)
				continue;
			slot = slot_of(table, lane, i);
			if (slot == SL_NO_SLOT)
				say_drop(node, policy, trail, m, way,
					 drop_anchor(table, lane->hash[i]));
			else if (way == SL_ON)
				say_session(node, policy, trail, number, slot, lane->direction[i]);
		}
	}
}

void sl_fw_credit(struct sl_node *node, uint64_t handle, const struct sl_usage *usage)
{
	const struct fw_worker *worker = node->state;
	uint32_t slot, seen = (uint32_t)(usage->seen >> worker->shift);
	struct fw_table *table;
	struct fw_session *session;

	if (handle == NO_SESSION)
		return;
	table = table_of(node, handle, &slot);
	session = sl_fw_session(table, slot);
	if ((int32_t)(seen - session->seen) > 0)
		session->seen = seen;
	if (table->counts == NULL)
		return;
	table->counts[slot].packets[handle & 1] += usage->packets;
	table->counts[slot].bytes[handle & 1] += usage->bytes;
}

/* All sessions are fetched before the first is looked at. */
uint16_t sl_fw_guard(struct sl_node *node, const uint64_t *handles,
		     const struct rte_mbuf *const *pkts, uint8_t *edge, uint16_t n, bool commit)
{
	const struct fw_instance *firewall = node->data;
	const struct fw_policy *policy =
		atomic_load_explicit(&firewall->policy, memory_order_acquire);
	bool window = policy->config->tcp_window;

	for (uint16_t i = 0; i < n; i++) {
		uint32_t slot;
		const struct fw_table *table = table_of(node, handles[i], &slot);

		rte_prefetch0(sl_fw_session(table, slot));
	}
	for (uint16_t i = 0; i < n; i++) {
		uint32_t slot;
		const struct fw_table *table = table_of(node, handles[i], &slot);

		if (!sl_fw_tcp_steady(sl_fw_session(table, slot), pkts[i], handles[i] & 1, window,
				      commit))
			return i;
	}
	return n;
}
