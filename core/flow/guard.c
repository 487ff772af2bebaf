/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Guards of flows with more than one: a packet is asked about by itself, for what one guard takes
 * note of depends on what the others say. Where a flow has a single guard, fuse.c asks it about
 * many packets at once.
 */
#include <core/flow/flow.h>

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
