/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Flow fusion. An established flow is said as it stands in its slot, and hangs on an anchor of
 * its own. What needs no session (one-to-one pairs, addresses that are not translated) is said by
 * addresses alone, and hangs on a loose anchor for the case that a session is made which claims
 * it after all.
 */
#include "nat.h"

/* Handle of what has no flow. */
#define NO_FLOW UINT64_MAX

void sl_nat_say_flow(struct nat_worker *w, struct sl_trail *trail, uint32_t slot)
{
	const struct nat_flow *flow = &w->flows[slot];
	const struct nat_key *key = &flow->key;
	bool inside = key->side == SL_INSIDE;

	if (flow->src != key->src)
		sl_trail_set(trail, SL_FIELD_IP_SRC, &flow->src);
	if (flow->dst != key->dst)
		sl_trail_set(trail, SL_FIELD_IP_DST, &flow->dst);
	if (key->proto == IPPROTO_ICMP) { /* the id, on the host's side */
		sl_trail_set(trail, SL_FIELD_L4_SRC, inside ? &flow->sport : &flow->dport);
	} else {
		if (flow->sport != key->sport)
			sl_trail_set(trail, SL_FIELD_L4_SRC, &flow->sport);
		if (flow->dport != key->dport)
			sl_trail_set(trail, SL_FIELD_L4_DST, &flow->dport);
	}
	sl_trail_count(trail, &w->node->counters[inside ? NAT_TRANSLATED_OUT : NAT_TRANSLATED_IN],
		       NULL);
	sl_trail_session(trail, &w->anchors[slot], slot);
}

static struct sl_anchor *loose_anchor(struct nat_worker *w, const struct nat_key *key)
{
	w->loose_said = true;
	return &w->loose[sl_index_hash(key, sizeof(*key)) % NAT_LOOSE];
}

void sl_nat_say_pass(struct nat_worker *w, const struct rte_mbuf *m)
{
	struct sl_trail *trail = sl_trail(w->node, m);
	struct nat_key key;

	if (trail == NULL)
		return;
	sl_trail_count(trail, &w->node->counters[NAT_PASSED], NULL);
	if (sl_nat_key(m, (enum sl_side)w->node->from, &key))
		sl_trail_session(trail, loose_anchor(w, &key), NO_FLOW);
}

void sl_nat_say_pair(struct nat_worker *w, const struct rte_mbuf *m, const struct nat_key *key,
		     bool source)
{
	struct sl_trail *trail = sl_trail(w->node, m);

	/* Others may have checksums that trails do not know of. */
	if (trail == NULL || key == NULL)
		return;
	if (source)
		sl_trail_set(trail, SL_FIELD_IP_SRC, &sl_ipv4(m)->src_addr);
	else
		sl_trail_set(trail, SL_FIELD_IP_DST, &sl_ipv4(m)->dst_addr);
	sl_trail_count(trail, &w->node->counters[source ? NAT_TRANSLATED_OUT : NAT_TRANSLATED_IN],
		       NULL);
	sl_trail_session(trail, loose_anchor(w, key), NO_FLOW);
}

void sl_nat_credit(struct sl_node *node, uint64_t handle, const struct sl_usage *usage)
{
	struct nat_worker *w = (struct nat_worker *)node->state;
	struct nat_flow *flow;

	if (handle == NO_FLOW)
		return;
	flow = &w->flows[handle];
	flow->seen = RTE_MAX(flow->seen, usage->seen);
	flow->packets += usage->packets;
	flow->bytes += usage->bytes;
}

void sl_nat_sync(struct nat_worker *w, uint32_t session)
{
	sl_anchor_sync(w->node, &w->anchors[2 * session]);
	sl_anchor_sync(w->node, &w->anchors[2 * session + 1]);
}

void sl_nat_cut(struct nat_worker *w, uint32_t session)
{
	sl_anchor_cut(w->node, &w->anchors[2 * session]);
	sl_anchor_cut(w->node, &w->anchors[2 * session + 1]);
}

void sl_nat_cut_loose(struct nat_worker *w, const struct nat_key *key)
{
	if (w->loose_said)
		sl_anchor_cut(w->node, loose_anchor(w, key));
}
