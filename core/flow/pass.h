/* SPDX-License-Identifier: BSD-3-Clause */
/* A burst on its way through the fuse node: what becomes of a packet whose flow has an action. */
#ifndef CORE_FLOW_PASS_H
#define CORE_FLOW_PASS_H

#include <core/flow/burst.h>
#include <core/flow/execute.h>
#include <core/graph/watch.h>

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

/* fuse.c: the first packet of a flow, perhaps. */
void sl_pass_record(struct pass *pass, unsigned int number, uint16_t at);
/* guard.c: ask guards about the packets that wait for it, and let those go that may. */
void sl_pass_answer(struct pass *pass, unsigned int number);

static inline void credit_course(struct pass *pass)
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
		sl_pass_answer(pass, number);
}

#endif
