/* SPDX-License-Identifier: BSD-3-Clause */
/* Telling an inside host that it gets no mapping: RFC 6888 REQ-11, in the form of RFC 1812. */
#include <sluice/reply.h>

#include "nat.h"

#define ICMP_UNREACHABLE 3
#define ICMP_HOST        1

/* An address to speak from: one of those that stand for this NAT outside. */
static uint32_t own_address(const struct nat_layout *l)
{
	if (l->pool.count != 0)
		return rte_cpu_to_be_32(l->pool.items[0].first);
	if (l->pair_outside.count != 0)
		return rte_cpu_to_be_32(l->pair_outside.items[0].first);
	return l->forwards[0].outside.addr;
}

void sl_nat_unreachable(struct nat_worker *w, const struct rte_mbuf *m)
{
	uint32_t from = own_address(w->layout);
	struct sl_reply_error error = {.type = ICMP_UNREACHABLE, .code = ICMP_HOST, .from = &from};
	struct rte_mbuf *reply;

	if (w->tuning->unreachable_gap == 0 || w->now < w->unreachable_next || !sl_reply_allowed(m))
		return;
	reply = sl_reply_error(w->node, m, &error);
	if (reply == NULL)
		return;
	w->unreachable_next = w->now + w->tuning->unreachable_gap;
	nat_count(w, NAT_UNREACHABLES);
	sl_emit(w->node, reply, SL_BACK);
}
