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
#include <core/graph/watch.h>
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
	uint32_t hash[SL_BURST];
	uint32_t slot[SL_BURST];
};

/* Packets whose flows ask a guard, in their order; asked when so many wait, or their lane ends. */
#define MOST_QUESTIONS 64
#define FEW_QUESTIONS  4

struct questions {
	uint8_t at[MOST_QUESTIONS]; /* among the candidates */
	uint8_t place[MOST_QUESTIONS];
	struct rte_mbuf *pkts[MOST_QUESTIONS];
	void *flows[MOST_QUESTIONS];
	struct course *courses[MOST_QUESTIONS];
	const struct tie *ties[MOST_QUESTIONS]; /* of each flow; not where they share the handle */
	uint64_t handles[MOST_QUESTIONS];
	uint8_t edge[MOST_QUESTIONS];
};

struct burst {
	struct candidates lanes[LANES];
	struct key4 keys4[SL_BURST];
	struct key6 keys6[SL_BURST];
	struct context contexts[SL_BURST]; /* by place */
	struct questions questions;
};

#define TCP_PLAIN (RTE_TCP_ACK_FLAG | RTE_TCP_PSH_FLAG)

#define UNFIT_FLAGS                                                                               \
	(SL_PKT_MALFORMED | SL_PKT_FRAGMENT | SL_PKT_OPTIONS | SL_PKT_REASSEMBLED | SL_PKT_MADE | \
	 SL_PKT_TRAIL)

/*
 * The number of the packet's context, which is noted too. Three words in registers: written piece
 * by piece and read back as vectors they would cost as much as all else here. NO_TAGS: the tags are
 * not of the kind that a flow can have.
 */
#define NO_TAGS UINT32_MAX

static __rte_always_inline uint32_t read_context(struct sl_fusion *fusion, uint64_t entry,
						 const struct rte_mbuf *m,
						 const struct sl_packet *p, struct context *context)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	const struct context *last = &fusion->last_context;
	uint64_t macs, place = (uint64_t)SL_NO_VLAN << 32;
	uint32_t more;

	memcpy(&macs, frame, 8);
	memcpy(&more, frame + 8, 4);
	if (unlikely(p->l3 != RTE_ETHER_HDR_LEN)) {
		/* One tag, all of it in the key but the drop eligibility. */
		if (p->l3 != RTE_ETHER_HDR_LEN + 4 || (p->vlan & 0x1000) != 0 ||
		    (p->flags & SL_PKT_VLAN) == 0 ||
		    sl_ether(m)->ether_type != RTE_BE16(RTE_ETHER_TYPE_VLAN))
			return NO_TAGS;
		place = (uint64_t)p->vlan << 32;
	}
	place |= more | (uint64_t)p->port << 48;
	entry = p->mark | entry << 32;
	context->macs = macs;
	context->place = place;
	context->entry = entry;
	/* Most packets come from where the one before came from. */
	if (likely(((macs ^ last->macs) | (place ^ last->place) | (entry ^ last->entry)) == 0))
		return fusion->last_number;
	return sl_context_find(fusion, context);
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
		struct candidates *lane;
		uint32_t ports, number;
		bool walks;

		if (unlikely((p->flags & UNFIT_FLAGS) != 0 || p->l4 == 0) ||
		    unlikely(!read_ports(m, p, &ports, &walks)))
			continue;
		number = read_context(fusion, node->hop, m, p, &burst->contexts[i]);
		if (unlikely(number == NO_TAGS))
			continue;
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
		/* Who is traced shall be seen at every hop. */
		lane->walks[lane->n] = walks | ((p->flags & SL_PKT_TRACED) != 0);
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

/* A burst in work: what its packets have in common, and what became of them. */
struct pass {
	struct sl_fusion *fusion;
	struct sl_node *node;
	struct burst *burst;
	struct rte_mbuf **pkts;
	uint8_t *edge;
	uint64_t now;
	bool verify_all, verify_one; /* one of this burst is due */
	bool alone;                  /* the burst is one packet */
	uint16_t questions;          /* that wait */
	uint32_t hits, walked, recorded;
	/* Packets in a row that took the same course. */
	struct course *course;
	uint32_t packets;
	uint64_t bytes;
};

static inline const void *key_at(const struct pass *pass, unsigned int number, uint16_t at)
{
	return number == LANE4 ? (const void *)&pass->burst->keys4[at] : &pass->burst->keys6[at];
}

/* The first packet of a flow, perhaps. */
static __rte_noinline void record(struct pass *pass, unsigned int number, uint16_t at)
{
	struct candidates *c = &pass->burst->lanes[number];
	uint16_t place = c->place[at];

	if (c->walks[at] || pass->recorded >= pass->fusion->records ||
	    !may_record(pass->fusion, sl_key_bare(number, key_at(pass, number, at)), pass->now))
		return;
	if (sl_trail_begin(pass->fusion, sl_hop_of(pass->node)->graph, pass->pkts[place], number,
			   key_at(pass, number, at), &pass->burst->contexts[place],
			   c->hash[at]) != NULL)
		pass->recorded++;
}

/* Ask guards about the packets that wait for it, and let those go that may. */
static void answer(struct pass *pass, unsigned int number);

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
		answer(pass, number); /* those before it come first */
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

static void credit_course(struct pass *pass)
{
	if (pass->packets > 0)
		course_use(pass->fusion, pass->course, pass->packets, pass->bytes);
	pass->packets = 0;
	pass->bytes = 0;
}

/* By an action that drops, for what would have dropped it. */
static inline void discard(struct pass *pass, uint16_t place, struct sl_hop *hop, uint8_t reason)
{
	sl_tally(&hop->drops[reason], 1);
	if (unlikely(hop->graph->views != NULL))
		sl_watch_dropped(hop, reason, &pass->pkts[place], 1, true);
	pass->edge[place] = SL_GONE;
	rte_pktmbuf_free(pass->pkts[place]);
}

static __rte_always_inline struct usage *usage_of(unsigned int number, void *flow)
{
	return number == LANE4 ? &((struct flow4 *)flow)->usage : &((struct flow6 *)flow)->usage;
}

static __rte_always_inline uint16_t *round_of(unsigned int number, void *flow)
{
	return number == LANE4 ? &((struct flow4 *)flow)->round : &((struct flow6 *)flow)->round;
}

static __rte_always_inline uint32_t ties_of(unsigned int number, const void *flow)
{
	return number == LANE4 ? ((const struct flow4 *)flow)->ties
			       : ((const struct flow6 *)flow)->ties;
}

/* The packet takes its flow's action. */
static __rte_always_inline void go(struct pass *pass, unsigned int number, void *flow,
				   struct course *course, struct rte_mbuf *m, uint16_t place)
{
	struct usage *usage = usage_of(number, flow);
	uint32_t bytes = m->pkt_len;

	m->hash.fdir.hi = pass->node->worker; /* where the spreader would say it is at home */
	pass->hits++;
	usage->seen = pass->now;
	usage->packets++;
	usage->bytes += bytes;
	if (unlikely(course != pass->course)) {
		credit_course(pass);
		pass->course = course;
	}
	pass->packets++;
	pass->bytes += bytes;
	if (unlikely(course->action.flags & COURSE_DROP)) {
		discard(pass, place, course->steps[course->step_count - 1].hop,
			course->action.reason);
		return;
	}
	pass->edge[place] = course->action.edge;
	if (number == LANE4)
		execute4(&course->action, flow, m);
	else
		execute6(&course->action, flow, m);
}

/* It walks, and so do the packets of its flow behind it, in this round. */
static __rte_always_inline void walk(struct pass *pass, unsigned int number, void *flow)
{
	*round_of(number, flow) = pass->fusion->round;
	pass->walked++;
}

/* ---- Guards ---- */

/* A packet was asked about; step: whose guard decided. */
static __rte_always_inline void obey(struct pass *pass, unsigned int number, uint16_t i,
				     unsigned int step, uint8_t verdict)
{
	struct questions *q = &pass->burst->questions;
	struct course *course = q->courses[i];

	if (unlikely(usage_of(number, q->flows[i])->course == NONE)) { /* ended by a guard */
		record(pass, number, q->at[i]);
	} else if (likely(verdict == GUARD_GO)) {
		go(pass, number, q->flows[i], course, q->pkts[i], q->place[i]);
	} else if (verdict == GUARD_WALK) {
		walk(pass, number, q->flows[i]);
	} else {
		pass->hits++;
		sl_guard_dropped(pass->fusion, course, ties_of(number, q->flows[i]), step,
				 q->pkts[i], pass->now);
		discard(pass, q->place[i], course->steps[step].hop,
			(uint8_t)(verdict - (uint32_t)SL_EDGE_DROP));
	}
}

/* The hop that is the only one to be asked; NULL: there are several. */
static inline struct sl_hop *lone_guard(const struct course *course)
{
	uint32_t guards = course->action.guards;

	return (guards & (guards - 1)) == 0 ? course->steps[__builtin_ctz(guards)].hop : NULL;
}

/* Questions for that hop and no other, in a row from that one to before n. Not for packets that
 * have to walk behind one of their flow; walking: there are flows that do. */
static __rte_always_inline uint16_t count_row(const struct pass *pass, unsigned int number,
					      const struct sl_hop *hop, uint16_t from, uint16_t n,
					      bool walking)
{
	struct questions *q = &pass->burst->questions;
	const struct course *course = q->courses[from];
	bool shared = (course->action.flags & COURSE_SHARED) != 0;
	uint64_t handle = course->action.handle;
	uint16_t i;

	for (i = from; i < n; i++) {
		if (unlikely(walking && *round_of(number, q->flows[i]) == pass->fusion->round))
			break;
		if (unlikely(q->courses[i] != course)) {
			course = q->courses[i];
			if (lone_guard(course) != hop)
				break;
			shared = (course->action.flags & COURSE_SHARED) != 0;
			handle = course->action.handle;
		}
		q->handles[i] = shared ? handle : q->ties[i]->handle;
	}
	return (uint16_t)(i - from);
}

/* Ask that hop about a row; how many are answered then. */
static __rte_always_inline uint16_t answer_row(struct pass *pass, unsigned int number,
					       struct sl_hop *hop, uint16_t from, uint16_t row)
{
	struct questions *q = &pass->burst->questions;
	uint16_t done;

	memset(q->edge + from, SL_ON, row);
	done = sl_hop_guard(hop, q->handles + from,
			    (const struct rte_mbuf *const *)(q->pkts + from), q->edge + from, row,
			    true);
	for (uint16_t i = from; i < from + done; i++)
		obey(pass, number, i, (unsigned int)__builtin_ctz(q->courses[i]->action.guards),
		     guard_verdict(hop, q->edge[i]));
	if (done < row)
		walk(pass, number, q->flows[from + done++]);
	return done;
}

static __rte_always_inline void answer_lane(struct pass *pass, unsigned int number)
{
	struct sl_fusion *fusion = pass->fusion;
	struct questions *q = &pass->burst->questions;
	uint16_t n = pass->questions, most = MOST_QUESTIONS, row, done;
	uint32_t walked = pass->walked, before;

	pass->questions = 0;
	for (uint16_t i = 0; i < n; i = (uint16_t)(i + done)) {
		struct sl_hop *hop = lone_guard(q->courses[i]);
		const struct tie *who = NULL;
		uint8_t verdict = GUARD_WALK;

		before = pass->walked;
		row = hop == NULL ? 0
				  : count_row(pass, number, hop, i, (uint16_t)RTE_MIN(n, i + most),
					      before != walked);
		if (likely(row > 0)) {
			done = answer_row(pass, number, hop, i, row);
			/* Where one walks others may: short rows then, for the rest of a row is
			 * asked about again. */
			most = (uint16_t)(before != pass->walked
						  ? FEW_QUESTIONS
						  : RTE_MIN(2 * most, MOST_QUESTIONS));
			continue;
		}
		done = 1;
		if (*round_of(number, q->flows[i]) != fusion->round)
			verdict = sl_guards_ask(fusion, ties_of(number, q->flows[i]), q->pkts[i],
						true, &who);
		obey(pass, number, i, who != NULL ? who->step : 0, verdict);
	}
}

static __rte_noinline void answer(struct pass *pass, unsigned int number)
{
	if (number == LANE4)
		answer_lane(pass, LANE4);
	else
		answer_lane(pass, LANE6);
}

/* What it is to be asked with is fetched meanwhile. */
static __rte_always_inline void wait_for_guard(struct pass *pass, unsigned int number, uint16_t at,
					       void *flow, struct course *course,
					       struct rte_mbuf *m, uint16_t place)
{
	struct questions *q = &pass->burst->questions;
	uint16_t i = pass->questions++;

	q->at[i] = (uint8_t)at;
	q->place[i] = (uint8_t)place;
	q->pkts[i] = m;
	q->flows[i] = flow;
	q->courses[i] = course;
	if ((course->action.flags & COURSE_SHARED) == 0) {
		q->ties[i] = tie_at(pass->fusion, ties_of(number, flow));
		rte_prefetch0(q->ties[i]);
	}
	if (unlikely(i + 1 == MOST_QUESTIONS))
		answer(pass, number);
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
		record(pass, number, at);
		return;
	}
	course = course_at(fusion, usage->course);
	if (unlikely(!course->valid)) {
		if (pass->recorded >= fusion->records)
			return; /* another time, or in a sweep */
		sl_flow_end(fusion, slot | (number == LANE6 ? FLOW6 : 0));
		bump(&fusion->stats.cut, 1);
		record(pass, number, at);
		return;
	}
	ttl = number == LANE4 ? sl_ipv4(m)->time_to_live : ((const uint8_t *)sl_l3(m))[7];
	if (unlikely(c->walks[at] || !allows(&course->action, m, ttl)) ||
	    (unlikely(pass->verify_one) && verify(pass, number, at, course)) ||
	    unlikely(*round_of(number, flow) == fusion->round)) {
		if (pass->questions > 0 && course->action.flags & COURSE_GUARD)
			answer(pass, number); /* others of its flow, perhaps, that go before it */
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
			record(pass, number, i);
	}
	if (unlikely(pass->questions > 0))
		answer(pass, number);
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
