/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Guards: functions that are asked about each packet of a flow before its action is executed. Where
 * a flow has a single one, that is asked about all packets of a burst in a row. Where it has
 * several, about a packet by itself: what one of them takes note of depends on what the others say.
 */
#include <core/flow/pass.h>

/* ---- Of one packet ---- */

static uint8_t ask(const struct tie *tie, const struct rte_mbuf *m, bool commit)
{
	uint8_t edge = SL_ON;

	if (sl_hop_guard(sl_hop_of(tie->node), &tie->handle, &m, &edge, 1, commit) == 0)
		return GUARD_WALK;
	return guard_verdict(sl_hop_of(tie->node), edge);
}

uint8_t sl_guards_ask(struct sl_fusion *fusion, uint32_t first, const struct rte_mbuf *m,
		      bool commit, const struct tie **who)
{
	const struct tie *guards[MOST_TIES];
	unsigned int count = tie_at(fusion, first)->guards;

	/* The last step stands first. */
	for (unsigned int i = count; i-- > 0; first = guards[i]->next_of_flow)
		guards[i] = tie_at(fusion, first);
	for (unsigned int i = 0; i < count; i++) {
		bool last = i + 1 == count;
		uint8_t verdict = ask(guards[i], m, commit && last);

		*who = guards[i];
		if (verdict == GUARD_WALK)
			return GUARD_WALK;
		if (verdict == GUARD_GO && !last)
			continue;
		/* Those that only looked: it passed them, or was dropped by the last of them. */
		for (unsigned int j = 0; commit && (j < i || (j == i && !last)); j++)
			ask(guards[j], m, true);
		return verdict;
	}
	return GUARD_GO;
}

void sl_guard_dropped(struct sl_fusion *fusion, const struct course *course, uint32_t first,
		      unsigned int step, const struct rte_mbuf *m, uint64_t now)
{
	for (uint32_t i = 0; i <= step; i++) {
		const struct step *passed = &course->steps[i];

		sl_tally(&passed->hop->packets, 1);
		sl_tally(&passed->hop->fused, 1);
		sl_tally(&passed->hop->bytes, m->pkt_len + (uint64_t)(int64_t)passed->longer);
	}
	for (uint32_t i = 0; i < course->credit_count; i++) {
		const struct credit *credit = &course->credits[i];

		if (credit->step >= step)
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

		if (tie->step < step)
			sl_hop_credit(sl_hop_of(tie->node), tie->handle, &usage);
	}
}

/* ---- Of a burst ---- */

/* A packet was asked about; step: whose guard decided. */
static __rte_always_inline void obey(struct pass *pass, unsigned int number, uint16_t i,
				     unsigned int step, uint8_t verdict)
{
	struct questions *q = &pass->burst->questions;
	struct course *course = q->courses[i];

	if (unlikely(usage_of(number, q->flows[i])->course == NONE)) { /* ended by a guard */
		sl_pass_record(pass, number, q->at[i]);
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

void sl_pass_answer(struct pass *pass, unsigned int number)
{
	if (number == LANE4)
		answer_lane(pass, LANE4);
	else
		answer_lane(pass, LANE6);
}
