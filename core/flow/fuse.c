/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The node where flows are looked up. A packet whose flow has an action takes it and goes on where
 * that ends. Everything else walks the graph, and when it may be the first of a flow, with a trail.
 *
 * Packets of a flow do not overtake each other: once one of them walks, the rest of its flow that
 * comes in the same round walks behind it.
 */
#include <rte_cycles.h>

#include <core/flow/pass.h>
#include <core/plugin/instance.h>

enum counter { HITS, RECORDED, WALKED, UNFIT };

static const struct sl_name counters[] = {
	[HITS] = {"fused", "packets that took the action of their flow"},
	[RECORDED] = {"recorded", "packets whose walk was recorded"},
	[WALKED] = {"walked", "packets of fused flows that had to walk the graph"},
	[UNFIT] = {"unfit", "packets that are never fused: fragments, options, other protocols"},
	{NULL, NULL},
};

/* ---- Decide ---- */

/* Whether the packet at hand may take the action. */
static __rte_always_inline bool allows(const struct action *action, const struct rte_mbuf *m,
				       uint8_t ttl)
{
	return m->pkt_len <= action->most && ttl >= action->ttl_least &&
	       (action->shift <= 0 || m->data_off >= (uint16_t)action->shift);
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

/* Hits until the next one that is verified: at random, so that no pattern of traffic hides. */
static uint32_t next_sample(struct sl_fusion *fusion)
{
	uint32_t sample = atomic_load_explicit(&fusion->conf.control->sample, memory_order_relaxed);

	fusion->random = fusion->random * 1664525 + 1013904223;
	if (sample == 0)
		return UINT32_MAX;
	return 1 + (uint32_t)((uint64_t)fusion->random * 2 * sample >> 32);
}

static inline const void *key_at(const struct pass *pass, unsigned int number, uint16_t at)
{
	return number == LANE4 ? (const void *)&pass->burst->keys4[at] : &pass->burst->keys6[at];
}

__rte_noinline void sl_pass_record(struct pass *pass, unsigned int number, uint16_t at)
{
	struct candidates *c = &pass->burst->lanes[number];
	uint16_t place = c->place[at];

	if (c->walks[at] || pass->recorded >= most_recorded(pass->fusion) ||
	    !may_record(pass->fusion, sl_key_bare(number, key_at(pass, number, at)), pass->now))
		return;
	if (sl_trail_begin(pass->fusion, sl_hop_of(pass->node)->graph, pass->pkts[place], number,
			   key_at(pass, number, at), &pass->burst->contexts[place],
			   c->hash[at]) != NULL)
		pass->recorded++;
}

/* Whether the packet walks to be verified. */
static __rte_noinline bool verify(struct pass *pass, unsigned int number, uint16_t at,
				  const struct course *course)
{
	struct sl_fusion *fusion = pass->fusion;
	struct candidates *c = &pass->burst->lanes[number];
	uint16_t place = c->place[at];
	const struct tie *who = NULL;
	uint8_t verdict = GUARD_GO;
	bool begun, guards = (course->action.flags & COURSE_GUARD) != 0;

	if (!pass->verify_all) {
		if (--fusion->countdown > 0)
			return false;
		fusion->countdown = next_sample(fusion);
	}
	if (guards) {
		sl_pass_answer(pass, number); /* those before it come first */
		verdict = sl_guards_ask(fusion, *flow_ties(&fusion->lanes[number], c->slot[at]),
					pass->pkts[place], false, &who);
	}
	begun = verdict != GUARD_WALK &&
		sl_verify_begin(fusion, sl_hop_of(pass->node)->graph, pass->pkts[place], number,
				c->slot[at], c->hash[at], verdict == GUARD_GO ? NULL : who, verdict,
				&pass->burst->contexts[place], guards && !pass->alone);
	/* All that ask a guard take the same way, so that a meter sees them in their order. */
	return begun || (guards && pass->verify_all);
}

/* ---- Take ---- */

static __rte_always_inline void take(struct pass *pass, unsigned int number, uint16_t at)
{
	struct sl_fusion *fusion = pass->fusion;
	struct candidates *c = &pass->burst->lanes[number];
	uint32_t slot = c->slot[at];
	uint16_t place = c->place[at];
	struct rte_mbuf *m = pass->pkts[place];
	void *flow = number == LANE4 ? (void *)((struct flow4 *)fusion->lanes[LANE4].slots + slot)
				     : (struct flow6 *)fusion->lanes[LANE6].slots + slot;
	const struct usage *usage = usage_of(number, flow);
	struct course *course;
	uint8_t ttl;

	if (unlikely(usage->course == NONE)) { /* ended by an earlier packet of the burst */
		sl_pass_record(pass, number, at);
		return;
	}
	course = course_at(fusion, usage->course);
	if (unlikely(!course->valid)) {
		if (pass->recorded >= most_recorded(fusion))
			return; /* another time, or in a sweep */
		sl_flow_end(fusion, slot | (number == LANE6 ? FLOW6 : 0));
		bump(&fusion->stats.cut, 1);
		sl_pass_record(pass, number, at);
		return;
	}
	ttl = number == LANE4 ? sl_ipv4(m)->time_to_live : ((const uint8_t *)sl_l3(m))[7];
	if (unlikely(c->walks[at] || !allows(&course->action, m, ttl)) ||
	    (unlikely(pass->verify_one) && verify(pass, number, at, course)) ||
	    unlikely(*round_of(number, flow) == fusion->round)) {
		/* Others of its flow, perhaps, go before it. */
		if (pass->questions > 0 && (course->action.flags & COURSE_GUARD) != 0)
			sl_pass_answer(pass, number);
		walk(pass, number, flow);
		return;
	}
	if (unlikely(course->action.flags & COURSE_GUARD))
		wait_for_guard(pass, number, at, flow, course, m, place);
	else
		go(pass, number, flow, course, m, place);
}

static __rte_always_inline void take_lane(struct pass *pass, unsigned int number)
{
	struct candidates *c = &pass->burst->lanes[number];
	const void *keys = number == LANE4 ? (const void *)pass->burst->keys4 : pass->burst->keys6;

	sl_index_find_bulk(pass->fusion->lanes[number].index, keys, c->hash, c->slot, c->n);
	for (uint16_t i = 0; i < c->n; i++) {
		/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): set */
		if (likely(c->slot[i] != SL_NO_SLOT))
			take(pass, number, i);
		else
			sl_pass_record(pass, number, i);
	}
	if (unlikely(pass->questions > 0))
		sl_pass_answer(pass, number);
}

static void count(const struct pass *pass, uint16_t n)
{
	struct sl_fusion_stats *stats = &pass->fusion->stats;
	uint16_t fit = (uint16_t)(pass->burst->lanes[LANE4].n + pass->burst->lanes[LANE6].n);

	sl_count(pass->node, HITS, pass->hits);
	bump(&stats->hits, pass->hits);
	if (likely(pass->hits == n))
		return;
	sl_count(pass->node, RECORDED, pass->recorded);
	sl_count(pass->node, WALKED, pass->walked);
	sl_count(pass->node, UNFIT, n - fit);
	bump(&stats->walked, pass->walked);
	bump(&stats->misses, fit - pass->hits - pass->walked);
	bump(&stats->unfit, n - fit);
}

static void process(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	const struct sl_graph *graph = sl_hop_of(node)->graph;
	struct sl_fusion *fusion = fusion_of(node);
	struct burst burst;
	struct pass pass = {
		.fusion = fusion,
		.node = node,
		.burst = &burst,
		.pkts = pkts,
		.edge = edge,
		.now = *node->now,
		.alone = n == 1,
	};
	uint8_t mode;

	if (unlikely(fusion == NULL || graph->beside || graph->watched_inside))
		return;
	mode = atomic_load_explicit(&fusion->conf.control->mode, memory_order_relaxed);
	if (mode == SL_FUSION_OFF)
		return;
	sl_fusion_refresh(fusion);
	if (fusion->round_now != pass.now) {
		fusion->round_now = pass.now;
		fusion->round = (uint16_t)(fusion->round + 1 != 0x10000 ? fusion->round + 1 : 1);
	}
	pass.verify_all = mode == SL_FUSION_VERIFY;
	pass.verify_one = pass.verify_all || fusion->countdown <= n;
	gather(fusion, node, pkts, n, &burst);
	if (likely(burst.lanes[LANE4].n > 0))
		take_lane(&pass, LANE4);
	if (burst.lanes[LANE6].n > 0)
		take_lane(&pass, LANE6);
	credit_course(&pass);
	if (unlikely(pass.recorded >= fusion->records))
		fusion->records = RTE_MIN(fusion->records * 2, (uint32_t)MOST_RECORDED);
	save(fusion, pass.hits, pass.recorded);
	if (likely(!pass.verify_one))
		fusion->countdown -= pass.hits;
	count(&pass, n);
}

static void tick(struct sl_node *node)
{
	struct sl_fusion *fusion = fusion_of(node);

	if (fusion == NULL)
		return;
	sl_fusion_refresh(fusion);
	sl_fusion_settle(fusion);
	if (fusion->countdown > 2 * atomic_load(&fusion->conf.control->sample) + SL_BURST)
		fusion->countdown = next_sample(fusion); /* another rate was asked for */
	sl_fusion_sweep(fusion);
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
