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

uint8_t sl_pol_guard(struct sl_node *node, uint64_t handle, const struct rte_mbuf *m, bool commit)
{
	const struct pol_set *set = sl_pol_set(node);
	struct pol_meter meter;
	struct pol_by by;
	uint32_t tokens;
	uint8_t colour;

	if (!find(node, set, handle, &by))
		return SL_GUARD_WALK;
	meter = *by.meter;
	tokens = sl_pol_tokens(by.profile, by.policy->layer, m);
	colour = sl_pol_check_meter(&meter, by.profile, sl_now(node), tokens,
				    handle >> COLOUR_SHIFT & 3);
	if (!by.policy->actions[colour].drop && !by.policy->like_green[colour])
		return SL_GUARD_WALK;
	if (commit) {
		*by.meter = meter;
		sl_pol_note(node, &by, colour, m->pkt_len);
	}
	return by.policy->actions[colour].drop ? SL_DROP(POL_GREEN + colour) : SL_GUARD_GO;
}
