/* SPDX-License-Identifier: BSD-3-Clause */
/* From a trail that came to its end to an action: what the flow writes itself, and its course. */
#include <core/flow/flow.h>
#include <core/plugin/instance.h>

/*
 * The delta of a checksum after changes (RFC 1624): as if the nodes had made them one by one. A
 * sum of deltas that comes to zero in one's complement is written 0xffff, as adding it up gives.
 */
struct delta {
	uint64_t sum;
	bool any;
};

static void delta_words(struct delta *delta, const void *from, const void *to, unsigned int size)
{
	for (unsigned int i = 0; i < size; i += 2) {
		uint16_t a, b;

		memcpy(&a, (const uint8_t *)from + i, 2);
		memcpy(&b, (const uint8_t *)to + i, 2);
		delta->sum += sl_checksum_delta16(a, b);
		delta->any = true;
	}
}

static uint16_t delta_value(const struct delta *delta)
{
	uint16_t folded = sl_checksum_fold(delta->sum);

	return delta->any && folded == 0 ? 0xffff : folded;
}

/* ---- The flow's own part ---- */

struct own {
	uint16_t ip_delta, l4_delta;
	bool addresses;
};

static struct own make_own(const struct sl_trail *trail)
{
	bool ipv4 = trail->lane == LANE4;
	unsigned int size = ipv4 ? 4 : 16;
	const void *src = ipv4 ? (const void *)&trail->key4.src : trail->key6.src;
	const void *dst = ipv4 ? (const void *)&trail->key4.dst : trail->key6.dst;
	uint16_t sport = ipv4 ? trail->key4.sport : trail->key6.sport;
	uint16_t dport = ipv4 ? trail->key4.dport : trail->key6.dport;
	uint8_t proto = ipv4 ? trail->key4.proto : trail->key6.proto;
	uint8_t tos = ipv4 ? trail->key4.tos : trail->key6.tos;
	struct delta ip = {0}, l4 = {0};
	uint8_t before[2] = {0, tos}, after[2] = {0, trail->tos};

	if (trail->addresses_set) {
		struct delta addresses = {0};

		delta_words(&addresses, src, trail->src, size);
		delta_words(&addresses, dst, trail->dst, size);
		ip = addresses;
		if (proto != IPPROTO_ICMP) /* the others sum up a pseudo-header */
			l4 = addresses;
		delta_words(&l4, &sport, &trail->sport, 2);
		if (proto == IPPROTO_TCP || proto == IPPROTO_UDP)
			delta_words(&l4, &dport, &trail->dport, 2);
	}
	if (trail->tos_set)
		delta_words(&ip, before, after, 2);
	if (trail->ttl_less > 0) {
		uint8_t full[2] = {0xff, 0}, less[2] = {(uint8_t)(0xff - trail->ttl_less), 0};

		delta_words(&ip, full, less, 2);
	}
	return (struct own){
		.ip_delta = ipv4 ? delta_value(&ip) : 0,
		.l4_delta = delta_value(&l4),
		.addresses = trail->addresses_set,
	};
}

/* ---- The course ---- */

static uint16_t header_sum(const uint8_t *header)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < 20; i += 2) {
		uint16_t word;

		memcpy(&word, header + i, 2);
		if (i != 2 && i != 10) /* length and checksum */
			sum += word;
	}
	return sl_checksum_fold(sum);
}

static void make_front(struct action *action, const struct sl_trail *trail)
{
	if (!trail->front_changed)
		return;
	action->flags |= COURSE_FRONT;
	action->front_length = trail->front_length;
	memcpy(action->front, trail->front, trail->front_length);
	action->out_l3 = (uint8_t)behind_tags(trail->front, trail->front_length);
	action->out_flags = action->out_l3 > RTE_ETHER_HDR_LEN ? SL_PKT_VLAN : 0;
	action->shift = (int16_t)((int)trail->front_length - (int)trail->came_l3);
	action->fix_count = trail->fix_count;
	memcpy(action->fixes, trail->fixes, trail->fix_count * sizeof(trail->fixes[0]));
	for (unsigned int i = 0; i < trail->fix_count; i++)
		memset(action->front + trail->fixes[i].at, 0, 2);
	action->sum_count = trail->sum_count;
	for (unsigned int i = 0; i < trail->sum_count; i++) {
		action->sums[i] = (struct sum){
			.at = trail->sums[i].at,
			.base = header_sum(trail->front + trail->sums[i].l3),
			.less = trail->sums[i].less,
		};
		memset(action->front + trail->sums[i].at, 0, 2);
	}
	action->entropy_at = trail->entropy_at;
	if (trail->entropy_at != SL_PUSH_NONE)
		memset(action->front + trail->entropy_at, 0, 2);
}

static void make_guards(struct action *action, const struct sl_trail *trail)
{
	const struct trail_tie *last = NULL;
	unsigned int count = 0;

	for (uint32_t i = 0; i < trail->tie_count; i++) {
		if (!trail->ties[i].guards)
			continue;
		last = &trail->ties[i];
		action->flags |= COURSE_GUARD;
		action->guards |= UINT32_C(1) << last->step;
		count++;
	}
	/* Handles of some make courses of their own; there are only so many of these. */
	if (count == 1 && last->shares && trail->fusion->stats.actions < MOST_COURSES / 2) {
		action->flags |= COURSE_SHARED;
		action->handle = last->handle;
	}
}

static void make_action(struct action *action, const struct sl_trail *trail,
			const struct sl_hop *target, uint8_t reason)
{
	memset((void *)action, 0, sizeof(*action));
	action->entropy_at = SL_PUSH_NONE;
	make_guards(action, trail);
	/* A packet that is dropped in the end is checked all the same. */
	action->most = trail->most;
	action->ttl_least = trail->ttl_least;
	if (target == NULL) {
		action->flags |= COURSE_DROP;
		action->reason = reason;
		return;
	}
	action->edge = target->fuse_edge;
	if (trail->addresses_set)
		action->flags |= COURSE_ADDRESSES | COURSE_IP;
	if (trail->tos_set)
		action->flags |= COURSE_TOS | COURSE_IP;
	if (trail->ttl_less > 0)
		action->flags |= COURSE_IP;
	action->tos = trail->tos_set ? trail->tos : 0;
	action->ttl_less = trail->ttl_less;
	if (trail->mark_set) {
		action->flags |= COURSE_MARK;
		action->mark = trail->mark;
	}
	make_front(action, trail);
	/* The last hop of a path only sends; others read the packet's fields. */
	if ((action->flags & (COURSE_ADDRESSES | COURSE_FRONT | COURSE_IP)) != 0 &&
	    (target->remote || target->targets[SL_ON] != NULL))
		action->flags |= COURSE_PARSE;
}

/* ---- Both ---- */

static void fill4(struct flow4 *flow, const struct sl_trail *trail, const struct own *own)
{
	memcpy(&flow->src, trail->src, 4);
	memcpy(&flow->dst, trail->dst, 4);
	flow->sport = trail->sport;
	flow->dport = trail->dport;
	flow->ip_delta = own->ip_delta;
	flow->l4_delta = own->l4_delta;
	flow->entropy = 0;
	if (trail->entropy_at != SL_PUSH_NONE)
		memcpy(&flow->entropy, trail->front + trail->entropy_at, 2);
}

static void fill6(struct flow6 *flow, const struct sl_trail *trail, const struct own *own)
{
	memcpy(flow->src, trail->src, 16);
	memcpy(flow->dst, trail->dst, 16);
	flow->sport = trail->sport;
	flow->dport = trail->dport;
	flow->ip_delta = 0;
	flow->l4_delta = own->l4_delta;
	flow->entropy = 0;
	if (trail->entropy_at != SL_PUSH_NONE)
		memcpy(&flow->entropy, trail->front + trail->entropy_at, 2);
}

/* Whether it is worth having: not if another packet of the flow was quicker. */
static bool enter_key(struct sl_fusion *fusion, struct sl_trail *trail)
{
	const struct lane *lane = &fusion->lanes[trail->lane];
	uint16_t context = sl_context_get(fusion, &trail->context);

	if (context == NO_CONTEXT) {
		bump(&fusion->stats.no_room, 1);
		return false;
	}
	if (trail->lane == LANE4)
		trail->key4.context = context;
	else
		trail->key6.context = context;
	trail->hash = sl_index_hash(&trail->key4, lane->key_size);
	if (sl_index_find(lane->index, &trail->key4, trail->hash) == SL_NO_SLOT)
		return true;
	sl_context_put(fusion, context);
	return false;
}

/* Those that guard stand first in the flow's list, the last step first: only they are looked at for
 * each packet. */
static bool tie_all(struct sl_fusion *fusion, const struct sl_trail *trail, uint32_t flow)
{
	for (unsigned int guards = 0; guards < 2; guards++)
		for (uint32_t i = 0; i < trail->tie_count; i++)
			if (trail->ties[i].guards == (guards == 1) &&
			    !sl_flow_tie(fusion, flow, &trail->ties[i]))
				return false;
	return true;
}

void sl_trail_compile(struct sl_fusion *fusion, struct sl_trail *trail, const struct sl_hop *target,
		      uint8_t reason, uint64_t now)
{
	struct lane *lane = &fusion->lanes[trail->lane];
	struct own own = make_own(trail);
	uint32_t number, slot = NONE, flow;

	if (!enter_key(fusion, trail))
		return;
	make_action(&fusion->wanted, trail, target, reason);
	number = sl_course_get(fusion, &fusion->wanted, trail);
	if (number != NONE)
		slot = sl_flow_add(fusion, trail->lane, &trail->key4, trail->hash, now);
	if (slot == NONE) {
		if (number != NONE)
			sl_course_put(fusion, number);
		sl_context_put(fusion,
			       trail->lane == LANE4 ? trail->key4.context : trail->key6.context);
		bump(&fusion->stats.no_room, 1);
		return;
	}
	flow_usage(lane, slot)->course = number;
	if (trail->lane == LANE4)
		fill4(flow_slot(lane, slot), trail, &own);
	else
		fill6(flow_slot(lane, slot), trail, &own);
	flow = slot | (trail->lane == LANE6 ? FLOW6 : 0);
	if (tie_all(fusion, trail, flow)) {
		bump(&fusion->stats.fused, 1);
		return;
	}
	sl_flow_end(fusion, flow);
	bump(&fusion->stats.no_room, 1);
}
