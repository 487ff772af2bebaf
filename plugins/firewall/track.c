/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets of sessions: those that exist, and those that are made. */
#include "firewall.h"

void sl_fw_account(struct fw_table *table, uint32_t slot, const struct rte_mbuf *m,
		   unsigned int direction)
{
	if (table->counts == NULL)
		return;
	table->counts[slot].packets[direction]++;
	table->counts[slot].bytes[direction] += m->pkt_len;
}

/* ---- Does the policy that is in force now still allow the session? ---- */

/* The first packet of the session, as far as it can be made from a later one of either
 * direction: addresses and ports the way it was opened, a SYN for TCP, the request for ICMP. */
static void first_packet(struct fw_worker *worker, const struct fw_table *table,
			 struct fw_session *session, const struct rte_mbuf *m,
			 unsigned int direction)
{
	unsigned int opener = session->flags & FW_FROM_HIGH ? 1 : 0;
	const struct sl_packet *from = sl_packet(m);
	const struct fw_tail *tail = sl_fw_tail(table, session);
	struct rte_mbuf *scratch = &worker->scratch;
	struct sl_packet *p = sl_packet(scratch);
	uint8_t *data = worker->scratch_data, *l3 = data + from->l3, *l4;
	uint32_t l3_size = from->family == SL_L3_IPV6 ? 40 : 20;

	memset(scratch, 0, sizeof(*scratch));
	memset(data, 0, sizeof(worker->scratch_data));
	scratch->buf_addr = data;
	memcpy(data, rte_pktmbuf_mtod(m, const uint8_t *), from->l3 + l3_size);
	if (direction != opener) {
		memcpy(data, sl_ether(m)->src_addr.addr_bytes, 6);
		memcpy(data + 6, sl_ether(m)->dst_addr.addr_bytes, 6);
	}
	*p = *from;
	p->flags &= SL_PKT_VLAN;
	p->l4 = (uint16_t)(from->l3 + l3_size);
	p->payload = 0;
	l4 = data + p->l4;
	if (from->family == SL_L3_IPV6) {
		const struct fw_key6 *key = sl_fw_key(session);

		memcpy(l3 + 8, key->addr[opener], 16);
		memcpy(l3 + 24, key->addr[!opener], 16);
	} else {
		const struct fw_key4 *key = sl_fw_key(session);

		l3[0] = 0x45;
		memcpy(l3 + 12, &key->addr[opener], 4);
		memcpy(l3 + 16, &key->addr[!opener], 4);
	}
	if (p->proto == IPPROTO_ICMP || p->proto == IPPROTO_ICMPV6) {
		l4[0] = tail->kind;
	} else {
		memcpy(l4, &tail->port[opener], 2);
		memcpy(l4 + 2, &tail->port[!opener], 2);
	}
	p->tcp_flags = p->proto == IPPROTO_TCP ? RTE_TCP_SYN_FLAG : 0;
	scratch->data_len = (uint16_t)(p->l4 + 20);
	scratch->pkt_len = scratch->data_len;
	scratch->nb_segs = 1;
}

static bool still_allowed(struct sl_node *node, const struct fw_policy *policy,
			  const struct fw_table *table, struct fw_session *session,
			  const struct rte_mbuf *m, unsigned int direction)
{
	struct fw_worker *worker = node->state;
	struct rte_mbuf *scratch = &worker->scratch;
	uint32_t rule;

	/* More tags than the scratch packet has room for: no rule to ask. */
	if (sl_packet(m)->l3 + 40u + 20u > sizeof(worker->scratch_data))
		return false;
	first_packet(worker, table, session, m, direction);
	sl_matcher_lookup(policy->matcher, session->flags & FW_OUTSIDE ? SL_OUTSIDE : SL_INSIDE,
			  &scratch, &rule, 1);
	if (rule == SL_NO_MATCH)
		rule = policy->count;
	if (policy->actions[rule].verdict != FW_ALLOW)
		return false;
	session->rule = (uint16_t)rule;
	session->epoch = policy->epoch;
	return true;
}

/* ---- A packet of a session ---- */

/* Its state has changed, and so its time; and what was said of it. */
static void rearm(struct sl_node *node, struct fw_table *table, uint32_t slot,
		  const struct fw_policy *policy, uint32_t now)
{
	sl_fw_cut(node, table, slot);
	sl_mark(table->changed, slot);
	sl_fw_table_rearm(table, slot, now, policy->timeouts[sl_fw_session(table, slot)->state]);
}

static inline void track_udp(struct sl_node *node, const struct fw_policy *policy,
			     struct fw_table *table, uint32_t slot, bool reply, uint32_t now)
{
	struct fw_session *session = sl_fw_session(table, slot);

	if (!reply && session->flags & FW_REPLIED) {
		session->state = FW_UDP_STREAM;
		rearm(node, table, slot, policy, now);
	}
}

unsigned int sl_fw_track(struct sl_node *node, const struct fw_policy *policy,
			 struct fw_table *table, uint32_t slot, const struct rte_mbuf *m,
			 unsigned int direction, uint32_t now)
{
	struct fw_session *session = sl_fw_session(table, slot);
	bool reply = direction != (session->flags & FW_FROM_HIGH ? 1u : 0u);
	struct fw_rule_count *count;

	if (unlikely(session->epoch != policy->epoch) &&
	    !still_allowed(node, policy, table, session, m, direction)) {
		sl_fw_table_remove(node, table, slot);
		return FW_REVOKED;
	}
	if (session->state <= FW_TCP_CLOSED) {
		uint8_t before = session->state;
		unsigned int verdict =
			sl_fw_tcp_track(session, m, direction, policy->config->tcp_window);

		if (unlikely(verdict != FW_TRACK_PASS))
			return verdict;
		session->seen = now;
		if (unlikely(session->state != before))
			rearm(node, table, slot, policy, now);
	} else {
		session->seen = now;
		if (unlikely(session->state == FW_UDP_NEW))
			track_udp(node, policy, table, slot, reply, now);
	}
	if (unlikely(reply && !(session->flags & FW_REPLIED))) {
		sl_fw_cut(node, table, slot);
		sl_fw_table_replied(table, slot);
	}
	count = &policy->counts[(size_t)policy->stride * node->worker + session->rule];
	sl_tally(&count->packets, 1);
	sl_tally(&count->bytes, m->pkt_len);
	sl_fw_account(table, slot, m, direction);
	return FW_TRACK_PASS;
}

/* ---- A new session ---- */

static uint8_t first_state(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return FW_TCP_SYN_SENT;
	case IPPROTO_UDP:
		return FW_UDP_NEW;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return FW_ICMP_QUERY;
	default:
		return FW_GENERIC;
	}
}

unsigned int sl_fw_open(struct sl_node *node, const struct fw_policy *policy,
			struct fw_table *table, const void *key, uint32_t hash, uint32_t rule,
			const struct rte_mbuf *m, unsigned int direction, uint32_t now,
			uint32_t *opened)
{
	uint8_t proto = sl_packet(m)->proto, state = first_state(proto);
	struct fw_session *session;
	uint32_t slot = sl_fw_table_add(table, key, hash, now, policy->timeouts[state]);

	if (slot == SL_NO_SLOT && policy->config->table_full == 1 && table->oldest != SL_NO_SLOT) {
		sl_fw_table_remove(node, table, table->oldest);
		sl_count(node, FW_EVICTED, 1);
		slot = sl_fw_table_add(table, key, hash, now, policy->timeouts[state]);
	}
	if (slot == SL_NO_SLOT)
		return FW_TABLE_FULL;
	if (table->drops_said) /* it claims what was dropped */
		sl_anchor_cut(node, &table->drops[hash % FW_DROPS]);
	session = sl_fw_session(table, slot);
	session->state = state;
	session->epoch = policy->epoch;
	session->rule = (uint16_t)rule;
	session->flags = (uint8_t)((direction ? FW_FROM_HIGH : 0) |
				   (node->from == SL_OUTSIDE ? FW_OUTSIDE : 0));
	if (table->sources != NULL && !sl_fw_source_take(table, slot, policy->config->per_source)) {
		sl_fw_table_remove(node, table, slot);
		return FW_SOURCE_LIMIT;
	}
	if (proto == IPPROTO_TCP) {
		sl_fw_tcp_open(session, m, direction);
		if (session->state != state)
			rearm(node, table, slot, policy, now);
	}
	sl_fw_account(table, slot, m, direction);
	sl_count(node, FW_CREATED, 1);
	*opened = slot;
	return FW_TRACK_PASS;
}
