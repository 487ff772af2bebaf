/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Verification: of some packets of fused flows, a copy takes the action while the packet itself
 * walks the graph, for real. Where it comes out, the two are compared: the way, and every byte.
 */
#include <core/flow/execute.h>

bool sl_verify_begin(struct sl_fusion *fusion, struct sl_graph *graph, struct rte_mbuf *m,
		     unsigned int number, uint32_t slot, uint32_t hash, const struct tie *drop_by,
		     uint8_t reason, const struct context *context, bool crowded)
{
	struct lane *lane = &fusion->lanes[number];
	const struct course *course = course_at(fusion, flow_usage(lane, slot)->course);
	const struct action *action = &course->action;
	struct rte_mbuf *copy = NULL;
	struct sl_trail *trail;

	if (drop_by == NULL && (action->flags & COURSE_DROP) == 0) {
		copy = rte_pktmbuf_copy(m, fusion->conf.pool, 0, UINT32_MAX);
		if (copy == NULL)
			return false;
		*sl_packet(copy) = *sl_packet(m);
		/* A copy has the headroom that its pool gives; the packet's was looked at. */
		if (action->shift > 0 && copy->data_off < (uint16_t)action->shift) {
			rte_pktmbuf_free(copy);
			return false;
		}
	}
	trail = sl_trail_begin(fusion, graph, m, number, flow_slot(lane, slot), context, hash);
	if (trail == NULL) {
		rte_pktmbuf_free(copy);
		return false;
	}
	trail->verify = true;
	trail->expected = (struct expected){.m = copy, .edge = action->edge, .crowded = crowded};
	if (drop_by != NULL) {
		trail->expected.drop = true;
		trail->expected.reason = (uint8_t)(reason - (uint32_t)SL_EDGE_DROP);
		trail->expected.hop = sl_hop_of(drop_by->node);
	} else if (action->flags & COURSE_DROP) {
		trail->expected.drop = true;
		trail->expected.reason = action->reason;
		trail->expected.hop = course->steps[course->step_count - 1].hop;
	} else if (number == LANE4) {
		execute4(action, flow_slot(lane, slot), copy);
	} else {
		execute6(action, flow_slot(lane, slot), copy);
	}
	return true;
}

static bool same_bytes(const struct rte_mbuf *a, const struct rte_mbuf *b)
{
	uint32_t a_at = 0, b_at = 0, left = a->pkt_len;

	if (a->pkt_len != b->pkt_len)
		return false;
	while (left > 0) {
		uint32_t some = RTE_MIN(left, RTE_MIN(a->data_len - a_at, b->data_len - b_at));

		if (memcmp(rte_pktmbuf_mtod_offset(a, const void *, a_at),
			   rte_pktmbuf_mtod_offset(b, const void *, b_at), some) != 0)
			return false;
		left -= some;
		a_at += some;
		b_at += some;
		if (left > 0 && a_at == a->data_len) {
			a = a->next;
			a_at = 0;
		}
		if (left > 0 && b_at == b->data_len) {
			b = b->next;
			b_at = 0;
		}
	}
	return true;
}

/* Whether the flow is still there: no session was cut since the action was looked up. */
static bool still_there(const struct sl_fusion *fusion, const struct sl_trail *trail)
{
	return sl_index_find(fusion->lanes[trail->lane].index, &trail->key4, trail->hash) !=
	       SL_NO_SLOT;
}

static void mismatch(struct sl_fusion *fusion, struct sl_trail *trail, const struct rte_mbuf *m)
{
	const struct lane *lane = &fusion->lanes[trail->lane];
	uint32_t slot = sl_index_find(lane->index, &trail->key4, trail->hash);
	uint32_t at = trail->bare % REFUSE_SLOTS;
	struct rte_mbuf *walked = NULL;

	bump(&fusion->stats.mismatches, 1);
	if (slot != SL_NO_SLOT)
		sl_flow_end(fusion, slot | (trail->lane == LANE6 ? FLOW6 : 0));
	/* For some seconds: it would be wrong again. */
	fusion->refused[at].hash = trail->bare;
	fusion->refused[at].until = (uint32_t)(fusion->round_now >> 20) + 25000;
	if (fusion->conf.mismatch == NULL)
		return;
	if (m != NULL)
		walked = rte_pktmbuf_copy(m, fusion->conf.pool, 0, UINT32_MAX);
	fusion->conf.mismatch(fusion->conf.mismatch_context, trail->expected.m, walked);
	trail->expected.m = NULL;
}

void sl_verify_end(struct sl_fusion *fusion, struct sl_trail *trail, bool drop, uint8_t reason,
		   const struct sl_hop *hop)
{
	const struct expected *expected = &trail->expected;
	bool same;

	/* What a meter says of a packet holds until another takes of it, as others of the burst may
	 * have by now: it is compared only if the nodes still decide what they had said. */
	if (expected->crowded && (trail->refused || drop != expected->drop)) {
		bump(&fusion->stats.unverified, 1);
		return;
	}
	bump(&fusion->stats.verified, 1);
	if (drop || expected->drop)
		same = drop && expected->drop && reason == expected->reason && hop == expected->hop;
	else
		same = expected->edge == hop->fuse_edge && same_bytes(expected->m, trail->m) &&
		       sl_packet(expected->m)->mark == sl_packet(trail->m)->mark;
	/* What was un-fused or cut on the way may well have been decided otherwise. */
	if (!same && trail->changes == sl_fusion_changes() && still_there(fusion, trail))
		mismatch(fusion, trail, drop ? NULL : trail->m);
}
