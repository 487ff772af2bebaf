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
	if (by->flow == NULL)
		sl_trail_guard_shared(trail);
	else
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

/* Packets from the first on that ask the same meter. */
static inline uint16_t count_row(const uint64_t *handles, uint16_t n)
{
	uint16_t i = 1;

	while (i < n && ((handles[i] ^ handles[0]) & ~COLOUR_BITS) == 0)
		i++;
	return i;
}

/* Colours whose packets have to walk, a bit each: they meet another fate than their flow's. */
static inline uint8_t walking_colours(const struct pol_policy *policy)
{
	uint8_t colours = 0;

	for (unsigned int i = 0; i < 3; i++)
		if (!policy->actions[i].drop && !policy->like_green[i])
			colours |= (uint8_t)(1 << i);
	return colours;
}

/* What becomes of the packets, and what is counted of them. */
static inline void settle(struct sl_node *node, const struct pol_by *by, const struct pol_row *row,
			  const struct rte_mbuf *const *pkts, uint8_t *edge, uint16_t n,
			  bool commit)
{
	uint64_t yellow = 0, red = 0, yellow_bytes = 0, red_bytes = 0, all = 0, packets[3],
		 bytes[3];

	/* In registers: most are of one colour, and would wait for each other in an array. */
	for (uint16_t i = 0; i < n; i++) {
		uint8_t colour = row->colour[i];
		uint32_t length = pkts[i]->pkt_len;

		all += length;
		yellow += colour == RTE_COLOR_YELLOW;
		red += colour == RTE_COLOR_RED;
		yellow_bytes += colour == RTE_COLOR_YELLOW ? length : 0;
		red_bytes += colour == RTE_COLOR_RED ? length : 0;
	}
	packets[RTE_COLOR_GREEN] = n - yellow - red;
	packets[RTE_COLOR_YELLOW] = yellow;
	packets[RTE_COLOR_RED] = red;
	bytes[RTE_COLOR_GREEN] = all - yellow_bytes - red_bytes;
	bytes[RTE_COLOR_YELLOW] = yellow_bytes;
	bytes[RTE_COLOR_RED] = red_bytes;
	for (uint8_t colour = 0; colour < 3; colour++) {
		if (packets[colour] == 0)
			continue;
		if (commit)
			sl_pol_note(node, by, colour, packets[colour], bytes[colour]);
		if (!by->policy->actions[colour].drop)
			continue;
		for (uint16_t i = 0; i < n; i++)
			if (row->colour[i] == colour)
				edge[i] = SL_DROP(POL_GREEN + colour);
	}
}

/* One packet, as rows are where each flow has its meter. */
static inline uint16_t ask_one(struct sl_node *node, const struct pol_by *by, uint64_t handle,
			       const struct rte_mbuf *m, uint8_t *edge, bool commit)
{
	struct pol_meter meter = *by->meter;
	uint8_t colour;

	colour = sl_pol_check_meter(&meter, by->profile, sl_now(node),
				    sl_pol_tokens(by->profile, by->policy->layer, m),
				    handle >> COLOUR_SHIFT & 3);
	if (!by->policy->actions[colour].drop && !by->policy->like_green[colour])
		return 0;
	if (by->policy->actions[colour].drop)
		*edge = SL_DROP(POL_GREEN + colour);
	if (commit) {
		*by->meter = meter;
		sl_pol_note(node, by, colour, 1, m->pkt_len);
	}
	return 1;
}

static uint16_t ask_row(struct sl_node *node, const struct pol_by *by, const uint64_t *handles,
			const struct rte_mbuf *const *pkts, uint8_t *edge, uint16_t n, bool commit)
{
	struct pol_meter looked = *by->meter;
	struct pol_row row;
	uint16_t done;

	row.n = n;
	for (uint16_t i = 0; i < n; i++) {
		row.tokens[i] = sl_pol_tokens(by->profile, by->policy->layer, pkts[i]);
		row.came[i] = handles[i] >> COLOUR_SHIFT & 3;
	}
	done = sl_pol_check_row(commit ? by->meter : &looked, by->profile, sl_now(node), &row,
				walking_colours(by->policy));
	settle(node, by, &row, pkts, edge, done, commit);
	return done;
}

uint16_t sl_pol_guard(struct sl_node *node, const uint64_t *handles,
		      const struct rte_mbuf *const *pkts, uint8_t *edge, uint16_t n, bool commit)
{
	const struct pol_set *set = sl_pol_set(node);
	struct pol_by by;

	fetch_meters(node->state, handles, n);
	for (uint16_t i = 0; i < n;) {
		uint16_t row = count_row(handles + i, (uint16_t)(n - i)), done;

		if (!find(node, set, handles[i], &by))
			return i;
		done = row == 1 ? ask_one(node, &by, handles[i], pkts[i], edge + i, commit)
				: ask_row(node, &by, handles + i, pkts + i, edge + i, row, commit);
		i = (uint16_t)(i + done);
		if (done < row)
			return i;
	}
	return n;
}
