/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The node where flows are looked up. A packet whose flow has an action takes it and goes on where
 * that ends. Everything else walks the graph, and when it may be the first of a flow, with a trail.
 *
 * Packets of a flow do not overtake each other: once one of them walks, the rest of its flow that
 * comes in the same round walks behind it.
 */
#include <rte_cycles.h>

#include <core/flow/execute.h>
#include <core/plugin/instance.h>

enum counter { HITS, RECORDED, WALKED, UNFIT };

static const struct sl_name counters[] = {
	[HITS] = {"fused", "packets that took the action of their flow"},
	[RECORDED] = {"recorded", "packets whose walk was recorded"},
	[WALKED] = {"walked", "packets of fused flows that had to walk the graph"},
	[UNFIT] = {"unfit", "packets that are never fused: fragments, options, other protocols"},
	{NULL, NULL},
};

/* ---- Keys of a burst ---- */

struct candidates {
	uint16_t n;
	uint8_t place[SL_BURST];
	bool walks[SL_BURST]; /* it can change state: never by action */
	uint16_t context[SL_BURST];
	uint32_t hash[SL_BURST];
	uint32_t slot[SL_BURST];
};

struct burst {
	struct candidates lanes[LANES];
	struct key4 keys4[SL_BURST];
	struct key6 keys6[SL_BURST];
	struct context contexts[SL_BURST]; /* by place */
};

#define TCP_PLAIN (RTE_TCP_ACK_FLAG | RTE_TCP_PSH_FLAG)

#define UNFIT_FLAGS                                                                               \
	(SL_PKT_MALFORMED | SL_PKT_FRAGMENT | SL_PKT_OPTIONS | SL_PKT_REASSEMBLED | SL_PKT_MADE | \
	 SL_PKT_TRAIL)

static __rte_always_inline bool read_context(const struct sl_fusion *fusion, uint16_t entry,
					     const struct rte_mbuf *m, const struct sl_packet *p,
					     struct context *context)
{
	(void)fusion;
	memcpy(context->macs, rte_pktmbuf_mtod(m, const void *), 12);
	context->vlan = SL_NO_VLAN;
	context->port = p->port;
	context->mark = p->mark;
	context->entry = entry;
	context->zero = 0;
	if (likely(p->l3 == RTE_ETHER_HDR_LEN))
		return true;
	context->vlan = p->vlan;
	/* One tag, and the rest of it in the key: the priority, but not the drop eligibility. */
	return p->l3 == RTE_ETHER_HDR_LEN + 4 && (p->vlan & 0x1000) == 0 &&
	       (p->flags & SL_PKT_VLAN) != 0 &&
	       sl_ether(m)->ether_type == RTE_BE16(RTE_ETHER_TYPE_VLAN);
}

/* The ports, or what stands for them. False: the packet has none. */
static __rte_always_inline bool read_ports(const struct rte_mbuf *m, const struct sl_packet *p,
					   uint32_t *ports, bool *walks)
{
	const uint8_t *l4 = sl_l4(m);

	*walks = false;
	if (likely(p->proto == IPPROTO_UDP)) {
		memcpy(ports, l4, 4);
		return true;
	}
	if (p->proto == IPPROTO_TCP) {
		memcpy(ports, l4, 4);
		*walks = (p->tcp_flags & ~TCP_PLAIN) != 0 || (p->tcp_flags & RTE_TCP_ACK_FLAG) == 0;
		return true;
	}
	if (p->proto == IPPROTO_ICMP && p->family == SL_L3_IPV4) {
		uint16_t id, type = l4[0];

		if ((type != 0 && type != 8) || l4[1] != 0)
			return false;
		memcpy(&id, l4 + 4, 2);
		*ports = id | (uint32_t)type << 16;
		return true;
	}
	return false;
}

static __rte_always_inline void gather(struct sl_fusion *fusion, struct sl_node *node,
				       struct rte_mbuf **pkts, uint16_t n, struct burst *burst)
{
	struct candidates *four = &burst->lanes[LANE4], *six = &burst->lanes[LANE6];

	four->n = six->n = 0;
	for (uint16_t i = 0; i < n; i++) {
		const struct rte_mbuf *m = pkts[i];
		const struct sl_packet *p = sl_packet(m);
		struct context *context = &burst->contexts[i];
		struct candidates *lane;
		uint32_t ports;
		uint16_t number;
		bool walks;

		if (unlikely((p->flags & UNFIT_FLAGS) != 0 || p->l4 == 0) ||
		    unlikely(!read_context(fusion, node->hop, m, p, context)) ||
		    unlikely(!read_ports(m, p, &ports, &walks)))
			continue;
		number = sl_context_find(fusion, context);
		if (likely(p->family == SL_L3_IPV4)) {
			const struct rte_ipv4_hdr *ip = sl_ipv4(m);
			uint64_t *words = (uint64_t *)&burst->keys4[four->n];

			/* The checksum has two zeros; nodes do not keep the odd one. */
			walks |= ip->hdr_checksum == 0xffff;
			lane = four;
			memcpy(&words[0], &ip->src_addr, 8);
			words[1] = ports | (uint64_t)p->proto << 32 |
				   (uint64_t)ip->type_of_service << 40 | (uint64_t)number << 48;
			lane->hash[lane->n] = sl_index_hash(words, sizeof(struct key4));
		} else if (p->family == SL_L3_IPV6) {
			const uint8_t *ip = sl_l3(m);
			uint64_t *words = (uint64_t *)&burst->keys6[six->n];
			uint8_t tos = (uint8_t)(ip[0] << 4 | ip[1] >> 4);

			lane = six;
			memcpy(words, ip + 8, 32);
			words[4] = ports | (uint64_t)p->proto << 32 | (uint64_t)tos << 40 |
				   (uint64_t)number << 48;
			lane->hash[lane->n] = sl_index_hash(words, sizeof(struct key6));
		} else {
			continue;
		}
		lane->walks[lane->n] = walks;
		lane->context[lane->n] = number;
		lane->place[lane->n++] = (uint8_t)i;
	}
}

static_assert(RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN, "gather() writes keys in words");

/* ---- Decide ---- */

/* Whether the packet at hand may take the action. */
static __rte_always_inline bool allows(const struct action *action, const struct rte_mbuf *m,
				       uint8_t ttl)
{
	return m->pkt_len <= action->most && ttl >= action->ttl_least &&
	       (action->shift <= 0 || m->data_off >= (uint16_t)action->shift);
}

/* A guard dropped it: those before the guard's hop have seen it. */
static void drop_by_guard(struct sl_fusion *fusion, const struct course *course, uint32_t first,
			  const struct tie *by, const struct rte_mbuf *m, uint8_t reason,
			  uint64_t now)
{
	for (uint32_t i = 0; i <= by->step; i++) {
		const struct step *step = &course->steps[i];

		sl_tally(&step->hop->packets, 1);
		sl_tally(&step->hop->bytes, m->pkt_len + (uint64_t)(int64_t)step->longer);
	}
	for (uint32_t i = 0; i < course->credit_count; i++) {
		const struct credit *credit = &course->credits[i];

		if (credit->step >= by->step)
			continue;
		if (credit->packets != NULL)
			sl_tally(credit->packets, 1);
		if (credit->bytes != NULL)
			sl_tally(credit->bytes, m->pkt_len + (uint64_t)(int64_t)credit->longer);
	}
	for (uint32_t i = first; i != 0; i = tie_at(fusion, i)->next_of_flow) {
		const struct tie *tie = tie_at(fusion, i);
		struct sl_usage usage = {
			.packets = 1,
			.bytes = m->pkt_len + (uint64_t)(int64_t)tie->longer,
			.seen = now,
		};

		if (tie->step < by->step && tie->node->instance->type->credit != NULL)
			tie->node->instance->type->credit(tie->node, tie->handle, &usage);
	}
	sl_tally(&course->steps[by->step].hop->drops[reason], 1);
}

/* What the guards of a flow say: SL_GUARD_GO, SL_GUARD_WALK, or a drop, by *who. */
static uint8_t ask(struct sl_fusion *fusion, uint32_t first, const struct rte_mbuf *m, bool commit,
		   const struct tie **who)
{
	const struct tie *guards[MOST_TIES];
	unsigned int count = 0;
	uint8_t verdict;

	/* The list is in the order of the last step first. */
	for (uint32_t i = first; i != 0; i = tie_at(fusion, i)->next_of_flow)
		if (tie_at(fusion, i)->guards && count < MOST_TIES)
			guards[count++] = tie_at(fusion, i);
	for (unsigned int i = count; i-- > 0;) {
		const struct tie *tie = guards[i];

		verdict = tie->node->instance->type->guard(tie->node, tie->handle, m,
							   commit && count == 1);
		*who = tie;
		if (verdict == SL_GUARD_GO)
			continue;
		if (verdict >= SL_EDGE_DROP &&
		    verdict - (uint32_t)SL_EDGE_DROP < sl_hop_of(tie->node)->own_reasons) {
			/* Those before it let it pass. */
			for (unsigned int j = count; commit && j-- > i + 1;)
				guards[j]->node->instance->type->guard(guards[j]->node,
								       guards[j]->handle, m, true);
			if (commit && count > 1)
				tie->node->instance->type->guard(tie->node, tie->handle, m, true);
			return verdict;
		}
		return SL_GUARD_WALK;
	}
	for (unsigned int i = count; commit && count > 1 && i-- > 0;)
		guards[i]->node->instance->type->guard(guards[i]->node, guards[i]->handle, m, true);
	return SL_GUARD_GO;
}

static bool may_record(struct sl_fusion *fusion, uint32_t hash, uint64_t now)
{
	uint32_t at = hash % ROUND_SLOTS, slot = hash % REFUSE_SLOTS;

	if (fusion->refused[slot].hash == hash &&
	    (int32_t)(fusion->refused[slot].until - (uint32_t)(now >> 20)) > 0)
		return false;
	if (fusion->begun[at].hash == hash && fusion->begun[at].round == fusion->round)
		return false;
	fusion->begun[at].hash = hash;
	fusion->begun[at].round = fusion->round;
	return true;
}

static bool time_to_verify(struct sl_fusion *fusion, uint8_t mode)
{
	uint32_t sample;

	if (unlikely(mode == SL_FUSION_VERIFY))
		return true;
	if (likely(--fusion->countdown != 0))
		return false;
	sample = atomic_load_explicit(&fusion->conf.control->sample, memory_order_relaxed);
	/* At random, so that no pattern of traffic hides from it. */
	fusion->random = fusion->random * 1664525 + 1013904223;
	fusion->countdown = 1 + (uint32_t)((uint64_t)fusion->random * 2 * sample >> 32);
	if (sample == 0)
		fusion->countdown = UINT32_MAX;
	return sample != 0;
}

/* What became of a packet of the burst. */
struct tally {
	uint32_t hits, walked, recorded;
};

static __rte_always_inline void take(struct sl_fusion *fusion, struct sl_node *node,
				     struct burst *burst, unsigned int number, uint16_t at,
				     struct rte_mbuf **pkts, uint8_t *edge, uint8_t mode,
				     struct tally *tally)
{
	struct lane *lane = &fusion->lanes[number];
	struct candidates *c = &burst->lanes[number];
	uint32_t slot = c->slot[at], place = c->place[at];
	struct rte_mbuf *m = pkts[place];
	uint64_t now = *node->now;
	const void *key = number == LANE4 ? (const void *)&burst->keys4[at] : &burst->keys6[at];
	struct flow4 *flow4 = number == LANE4 ? flow_slot(lane, slot) : NULL;
	struct flow6 *flow6 = number == LANE6 ? flow_slot(lane, slot) : NULL;
	struct usage *usage = number == LANE4 ? &flow4->usage : &flow6->usage;
	uint16_t *round = number == LANE4 ? &flow4->round : &flow6->round;
	const struct tie *who = NULL;
	struct course *course;
	uint8_t verdict = SL_GUARD_GO, ttl;
	uint32_t ties, bytes = m->pkt_len;

	if (unlikely(usage->course == NONE))
		goto record; /* ended by an earlier packet of the burst */
	course = course_at(fusion, usage->course);
	if (unlikely(!course->valid)) {
		sl_flow_end(fusion, slot | (number == LANE6 ? FLOW6 : 0));
		bump(&fusion->stats.cut, 1);
		goto record;
	}
	ttl = number == LANE4 ? sl_ipv4(m)->time_to_live : ((const uint8_t *)sl_l3(m))[7];
	if (unlikely(c->walks[at] || !allows(&course->action, m, ttl)))
		goto walk;
	ties = number == LANE4 ? flow4->ties : flow6->ties;
	if (unlikely(time_to_verify(fusion, mode))) {
		if (course->action.flags & COURSE_GUARD)
			verdict = ask(fusion, ties, m, false, &who);
		if (verdict != SL_GUARD_WALK &&
		    sl_verify_begin(fusion, sl_hop_of(node)->graph, m, number, slot, c->hash[at],
				    verdict == SL_GUARD_GO ? NULL : who, verdict,
				    &burst->contexts[place]))
			goto walk;
		verdict = SL_GUARD_GO;
	}
	if (unlikely(*round == fusion->round))
		goto walk;
	if (unlikely(course->action.flags & COURSE_GUARD)) {
		verdict = ask(fusion, ties, m, true, &who);
		if (verdict == SL_GUARD_WALK)
			goto walk;
	}
	m->hash.fdir.hi = node->worker; /* where the spreader would say it is at home */
	tally->hits++;
	if (unlikely(verdict != SL_GUARD_GO)) {
		drop_by_guard(fusion, course, ties, who, m,
			      (uint8_t)(verdict - (uint32_t)SL_EDGE_DROP), now);
		edge[place] = SL_GONE;
		rte_pktmbuf_free(m);
		return;
	}
	usage->seen = now;
	usage->packets++;
	usage->bytes += bytes;
	course_use(fusion, course, usage->course, bytes);
	if (unlikely(course->action.flags & COURSE_DROP)) {
		const struct step *last = &course->steps[course->step_count - 1];

		sl_tally(&last->hop->drops[course->action.reason], 1);
		edge[place] = SL_GONE;
		rte_pktmbuf_free(m);
		return;
	}
	edge[place] = course->action.edge;
	if (number == LANE4)
		execute4(&course->action, flow4, m);
	else
		execute6(&course->action, flow6, m);
	return;
record:
	if (!c->walks[at] && may_record(fusion, c->hash[at], now) &&
	    sl_trail_begin(fusion, sl_hop_of(node)->graph, m, number, key, &burst->contexts[place],
			   c->hash[at]) != NULL)
		tally->recorded++;
	return;
walk:
	*round = fusion->round;
	tally->walked++;
}

static void miss(struct sl_fusion *fusion, struct sl_node *node, struct burst *burst,
		 unsigned int number, uint16_t at, struct rte_mbuf **pkts, struct tally *tally)
{
	struct candidates *c = &burst->lanes[number];
	const void *key = number == LANE4 ? (const void *)&burst->keys4[at] : &burst->keys6[at];
	uint16_t place = c->place[at];

	if (!c->walks[at] && may_record(fusion, c->hash[at], *node->now) &&
	    sl_trail_begin(fusion, sl_hop_of(node)->graph, pkts[place], number, key,
			   &burst->contexts[place], c->hash[at]) != NULL)
		tally->recorded++;
}

static __rte_always_inline void lane_of(struct sl_fusion *fusion, struct sl_node *node,
					struct burst *burst, unsigned int number,
					struct rte_mbuf **pkts, uint8_t *edge, uint8_t mode,
					struct tally *tally)
{
	struct candidates *c = &burst->lanes[number];
	const void *keys = number == LANE4 ? (const void *)burst->keys4 : burst->keys6;

	sl_index_find_bulk(fusion->lanes[number].index, keys, c->hash, c->slot, c->n);
	for (uint16_t i = 0; i < c->n; i++) {
		if (likely(c->slot[i] != SL_NO_SLOT))
			take(fusion, node, burst, number, i, pkts, edge, mode, tally);
		else
			miss(fusion, node, burst, number, i, pkts, tally);
	}
}

static void process(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	struct sl_fusion *fusion = fusion_of(node);
	struct tally tally = {0};
	struct burst burst;
	uint16_t fit;
	uint8_t mode;

	if (unlikely(fusion == NULL || sl_hop_of(node)->graph->beside))
		return;
	mode = atomic_load_explicit(&fusion->conf.control->mode, memory_order_relaxed);
	if (mode == SL_FUSION_OFF)
		return;
	sl_fusion_refresh(fusion);
	if (fusion->round_now != *node->now) {
		fusion->round_now = *node->now;
		fusion->round = (uint16_t)(fusion->round + 1 != 0x10000 ? fusion->round + 1 : 1);
	}
	gather(fusion, node, pkts, n, &burst);
	fit = (uint16_t)(burst.lanes[LANE4].n + burst.lanes[LANE6].n);
	if (likely(burst.lanes[LANE4].n > 0))
		lane_of(fusion, node, &burst, LANE4, pkts, edge, mode, &tally);
	if (burst.lanes[LANE6].n > 0)
		lane_of(fusion, node, &burst, LANE6, pkts, edge, mode, &tally);
	sl_count(node, HITS, tally.hits);
	bump(&fusion->stats.hits, tally.hits);
	if (likely(tally.hits == n))
		return;
	sl_count(node, RECORDED, tally.recorded);
	sl_count(node, WALKED, tally.walked);
	sl_count(node, UNFIT, n - fit);
	bump(&fusion->stats.walked, tally.walked);
	bump(&fusion->stats.misses, fit - tally.hits - tally.walked);
	bump(&fusion->stats.unfit, n - fit);
}

static void tick(struct sl_node *node)
{
	struct sl_fusion *fusion = fusion_of(node);

	if (fusion == NULL)
		return;
	sl_fusion_refresh(fusion);
	sl_fusion_settle(fusion);
	sl_flows_age(fusion, *node->now);
}

const struct sl_node_type sl_fuse_type = {
	.name = "fuse",
	.doc = "Looks flows up; a packet whose flow is known takes its action at once.",
	.flags = SL_NODE_RESIZES | SL_NODE_TRAILS,
	.counters = counters,
	.process = process,
	.tick = tick,
	.tick_ms = 1,
};
