/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Flow fusion. What the policer does to a packet that is green, or that meets the same fate, is the
 * flow's decision; the guard asks the meter about each packet. A handle says which meter:
 *
 *	bit 63      the policy's own, else a flow's
 *	bits 44-59  generation of the policies, cut
 *	bits 40-41  colour that packets of the flow come with: the DSCP, which another function may
 *	            have changed before this one, is the same for all of them
 *	bit 32      side, of the policy's own
 *	bits 0-31   number of the policy, or slot of the flow
 */
#include "policer.h"

#define OWN              (UINT64_C(1) << 63)
#define GENERATION_SHIFT 44
#define COLOUR_SHIFT     40
#define COLOUR_BITS      (UINT64_C(3) << COLOUR_SHIFT)
#define SIDE_SHIFT       32

static uint64_t generation_bits(const struct pol_set *set)
{
	return (uint64_t)(set->generation & 0xffff) << GENERATION_SHIFT;
}

void sl_pol_by_policy(struct sl_node *node, const struct pol_set *set, uint32_t policy,
		      unsigned int side, struct pol_by *by)
{
	struct pol_shared *shared;

	if (set->policies[policy].symmetric)
		side = SL_INSIDE;
	shared = sl_pol_shared(set, node->worker, policy, side);
	by->policy = &set->policies[policy];
	by->profile = &by->policy->shared_profile;
	by->meter = &shared->meter;
	by->count = &shared->count;
	by->flow = NULL;
	by->anchor = &shared->anchor;
	by->handle = OWN | generation_bits(set) | (uint64_t)side << SIDE_SHIFT | policy;
}

void sl_pol_by_flow(struct sl_node *node, const struct pol_set *set, uint32_t slot,
		    struct pol_by *by)
{
	struct pol_flow *flow = &((struct pol_worker *)node->state)->flows[slot];
	unsigned int side = flow->key.side == SL_OUTSIDE ? SL_OUTSIDE : SL_INSIDE;

	by->policy = &set->policies[flow->key.policy];
	by->profile = &by->policy->profile;
	by->meter = &flow->meter;
	by->count = &sl_pol_shared(set, node->worker, flow->key.policy, side)->count;
	by->flow = flow;
	by->anchor = &flow->anchor;
	by->handle = generation_bits(set) | slot;
}

void sl_pol_say(struct sl_node *node, const struct rte_mbuf *m, const struct pol_by *by,
		uint8_t came, uint8_t colour)
{
	const struct pol_policy *policy = by->policy;
	const struct pol_action *action = &policy->actions[colour];
	struct sl_trail *trail = sl_trail(node, m);

	if (trail == NULL || action->drop || !policy->like_green[colour])
		return;
	if ((action->set_dscp || action->precedence != 0) && sl_is_ip(m)) {
		uint8_t tos = sl_ip_tos(m);

		sl_trail_set(trail, SL_FIELD_IP_TOS, &tos);
	}
	if (action->set_mark)
		sl_trail_set(trail, SL_FIELD_MARK, &action->mark);
	sl_trail_session(trail, by->anchor, by->handle | (uint64_t)came << COLOUR_SHIFT);
	sl_trail_guard(trail);
}

/* What the handle names. false: it is of another configuration. */
static bool find(struct sl_node *node, const struct pol_set *set, uint64_t handle,
		 struct pol_by *by)
{
	const struct pol_worker *worker = node->state;
	uint32_t number = (uint32_t)handle;

	if ((handle & UINT64_C(0xffff) << GENERATION_SHIFT) != generation_bits(set))
		return false;
	if (handle & OWN) {
		sl_pol_by_policy(node, set, number, handle >> SIDE_SHIFT & 1, by);
		return true;
	}
	if (worker->flows[number].seen == 0 ||
	    worker->flows[number].key.generation != set->generation)
		return false;
	sl_pol_by_flow(node, set, number, by);
	return true;
}

/* Packets in a row of the same meter and colour: counted together. */
struct row {
	uint8_t colour;
	uint32_t packets;
	uint64_t bytes;
};

static inline void count_row(struct sl_node *node, const struct pol_by *by, struct row *row)
{
	if (row->packets > 0)
		sl_pol_note(node, by, row->colour, row->packets, row->bytes);
	row->packets = 0;
	row->bytes = 0;
}

/* Flows that have meters of their own: both of their lines. */
static inline void fetch_meters(const struct pol_worker *worker, const uint64_t *handles,
				uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		const struct pol_flow *flow = &worker->flows[(uint32_t)handles[i]];

		if (handles[i] & OWN)
			continue;
		rte_prefetch0(flow);
		rte_prefetch0(&flow->meter);
	}
}

/* Ask the meter about a packet. false: its action is not the one of its flow. Then, and where it
 * is only a look, the meter is as it was. */
static inline bool ask(struct sl_node *node, const struct pol_by *by, const struct rte_mbuf *m,
		       uint8_t came, bool commit, uint8_t *colour)
{
	const struct pol_policy *policy = by->policy;
	bool keep = commit && policy->decided;
	struct pol_meter before;

	if (!keep)
		before = *by->meter;
	*colour = sl_pol_check_meter(by->meter, by->profile, sl_now(node),
				     sl_pol_tokens(by->profile, policy->layer, m), came);
	if (keep)
		return true;
	if (policy->actions[*colour].drop || policy->like_green[*colour]) {
		if (!commit)
			*by->meter = before;
		return true;
	}
	*by->meter = before;
	return false;
}

uint16_t sl_pol_guard(struct sl_node *node, const uint64_t *handles,
		      const struct rte_mbuf *const *pkts, uint8_t *edge, uint16_t n, bool commit)
{
	const struct pol_set *set = sl_pol_set(node);
	struct pol_by by = {0};
	struct row row = {0};
	uint64_t meter = ~handles[0]; /* the handle, without the colour */
	uint16_t i;

	fetch_meters(node->state, handles, n);
	for (i = 0; i < n; i++) {
		uint8_t colour;

		if ((handles[i] ^ meter) & ~COLOUR_BITS) {
			count_row(node, &by, &row);
			if (!find(node, set, handles[i], &by))
				break;
			meter = handles[i];
		}
		if (!ask(node, &by, pkts[i], handles[i] >> COLOUR_SHIFT & 3, commit, &colour))
			break;
		if (by.policy->actions[colour].drop)
			edge[i] = SL_DROP(POL_GREEN + colour);
		if (colour != row.colour)
			count_row(node, &by, &row);
		row.colour = colour;
		row.packets += commit;
		row.bytes += commit ? pkts[i]->pkt_len : 0;
	}
	count_row(node, &by, &row);
	return i;
}
