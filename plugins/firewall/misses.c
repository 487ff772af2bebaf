/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets that no session claims: through the rules in bulk and, where allowed, they open sessions.
 * Two packets of one new flow in a burst make one.
 */
#include "firewall.h"

/* Can the packet open a session? Else *reason says why not. */
static bool may_open(const struct fw_policy *policy, const struct rte_mbuf *m, uint8_t *reason)
{
	const struct sl_packet *p = sl_packet(m);

	*reason = FW_NO_SESSION;
	if (p->proto == IPPROTO_TCP) {
		if (!sl_fw_tcp_flags_valid(p->tcp_flags)) {
			*reason = FW_BAD_FLAGS;
			return false;
		}
		if ((p->tcp_flags & (RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG)) == RTE_TCP_SYN_FLAG)
			return true;
		return policy->config->tcp_pickup &&
		       (p->tcp_flags & (RTE_TCP_SYN_FLAG | RTE_TCP_RST_FLAG | RTE_TCP_ACK_FLAG)) ==
			       RTE_TCP_ACK_FLAG;
	}
	if ((p->family == SL_L3_IPV4 && p->proto == IPPROTO_ICMP) ||
	    (p->family == SL_L3_IPV6 && p->proto == IPPROTO_ICMPV6))
		return sl_fw_icmp_request(p->family, sl_icmp(m)->icmp_type) ==
		       sl_icmp(m)->icmp_type;
	return true;
}

static void report(struct sl_node *node, uint32_t event, const struct rte_mbuf *m, uint32_t rule)
{
	struct fw_log log;

	sl_fw_log_fill(&log, m, node->from, rule);
	sl_event(node, event, &log, sizeof(log));
}

/* What the rule says of a packet that no session claims. Returns the edge. */
static uint8_t decide(struct sl_node *node, const struct fw_policy *policy,
		      const struct fw_miss *missed, uint32_t rule, const struct rte_mbuf *m,
		      uint32_t now)
{
	struct fw_worker *worker = node->state;
	struct fw_lane *lane = &worker->lanes[missed->lane == FW_LANE6 ? FW_LANE6 : FW_LANE4];
	struct fw_table *table = &worker->tables[missed->lane == FW_LANE6 ? FW_LANE6 : FW_LANE4];
	const struct fw_action *action = &policy->actions[rule];
	struct fw_rule_count *count = &policy->counts[(size_t)policy->stride * node->worker + rule];
	uint32_t number = rule < policy->count ? rule + 1 : 0;
	unsigned int verdict;

	sl_tally(&count->packets, 1);
	sl_tally(&count->bytes, m->pkt_len);
	if (action->interval != 0 &&
	    !sl_fw_within_limit(&count->due, action->interval, action->burst, sl_now(node)))
		return SL_DROP(FW_LIMITED);
	if (action->log)
		report(node,
		       action->verdict == FW_ALLOW  ? FW_EVENT_ALLOW
		       : action->verdict == FW_DROP ? FW_EVENT_DROP
						    : FW_EVENT_REJECT,
		       m, number);
	if (action->verdict == FW_DROP)
		return SL_DROP(number == 0 ? FW_DEFAULT : FW_RULE);
	if (action->verdict == FW_REJECT_IT) {
		sl_fw_reject(node, policy, m, action->with);
		return SL_DROP(FW_REJECT);
	}
	if (missed->lane == FW_LANES)
		return SL_ON;
	verdict =
		sl_fw_open(node, policy, table, &lane->keys[missed->position * table->key_size / 8],
			   lane->hash[missed->position], rule, m, lane->direction[missed->position],
			   now, &lane->slot[missed->position]);
	if (verdict != FW_TRACK_PASS)
		return SL_DROP(verdict);
	sl_index_added_note(&worker->opened, lane->hash[missed->position]);
	sl_tally(&count->sessions, 1);
	return SL_ON;
}

/* A session that an earlier miss of this burst opened takes the packet. False: there is none. */
static bool joined(struct sl_node *node, const struct fw_policy *policy,
		   const struct fw_miss *missed, const struct rte_mbuf *m, uint8_t *edge,
		   uint32_t now)
{
	struct fw_worker *worker = node->state;
	struct fw_lane *lane;
	struct fw_table *table;
	unsigned int verdict;
	uint32_t slot;

	if (missed->lane == FW_LANES)
		return false;
	lane = &worker->lanes[missed->lane];
	table = &worker->tables[missed->lane];
	if (!sl_index_added_maybe(&worker->opened, lane->hash[missed->position]))
		return false;
	slot = sl_index_find(table->index, &lane->keys[missed->position * table->key_size / 8],
			     lane->hash[missed->position]);
	if (slot == SL_NO_SLOT)
		return false;
	verdict = sl_fw_track(node, policy, table, slot, m, lane->direction[missed->position], now);
	if (verdict == FW_TRACK_REOPEN) {
		sl_fw_table_remove(node, table, slot);
		return false;
	}
	*edge = verdict == FW_TRACK_PASS ? SL_ON : SL_DROP(verdict);
	sl_count(node, FW_ESTABLISHED, verdict == FW_TRACK_PASS);
	return true;
}

/* Fetch what sessions of all misses will be written to: their packets go one by one, and would wait
 * for it. Where the index has a key is there from the lookup that missed. */
static void fetch_new(const struct sl_node *node)
{
	struct fw_worker *worker = node->state;
	uint16_t count[FW_LANES] = {0};

	for (uint16_t i = 0; i < worker->miss_count; i++) {
		const struct fw_miss *at = &worker->misses[i];
		const struct fw_table *table;
		const struct fw_lane *lane;

		if (at->lane == FW_LANES)
			continue;
		table = &worker->tables[at->lane];
		lane = &worker->lanes[at->lane];
		count[at->lane]++;
		if (table->sources != NULL)
			sl_fw_source_fetch(table, &lane->keys[at->position * table->key_size / 8],
					   lane->direction[at->position]);
	}
	for (unsigned int lane = 0; lane < FW_LANES; lane++)
		sl_fw_table_fetch(&worker->tables[lane], count[lane], sl_recording(node));
}

void sl_fw_decide(struct sl_node *node, const struct fw_policy *policy, struct rte_mbuf **pkts,
		  uint8_t *edge, uint32_t now)
{
	struct fw_worker *worker = node->state;
	struct rte_mbuf *missed[SL_BURST];
	uint32_t rule[SL_BURST];

	for (uint16_t i = 0; i < worker->miss_count; i++)
		missed[i] = pkts[worker->misses[i].index];
	memset(&worker->opened, 0, sizeof(worker->opened));
	fetch_new(node);
	sl_matcher_lookup(policy->matcher, node->from, missed, rule, worker->miss_count);
	for (uint16_t i = 0; i < worker->miss_count; i++) {
		const struct fw_miss *at = &worker->misses[i];
		uint8_t reason, *to = &edge[at->index];

		if (joined(node, policy, at, missed[i], to, now))
			continue;
		if (at->lane != FW_LANES && !may_open(policy, missed[i], &reason))
			*to = SL_DROP(reason);
		else
			*to = decide(node, policy, at,
				     rule[i] == SL_NO_MATCH ? policy->count : rule[i], missed[i],
				     now);
	}
}
