/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether a packet belongs to what there is, when a chain drains. Looks only. */
#include "nat.h"

/* An error is about the flow that the other side sends. */
static bool knows_error(const struct nat_worker *w, const struct rte_mbuf *m, enum sl_side from)
{
	union nat_endpoint src, dst;
	struct nat_key key = {.side = from == SL_INSIDE ? SL_INSIDE : SL_OUTSIDE};

	if (!sl_nat_error_inner(m, &src, &dst))
		return false;
	if (from == SL_OUTSIDE)
		return sl_nat_mapping_by_outside(w, src) != SL_NO_SLOT;
	/* What is quoted came to the host; its flow back has the ends the other way round. */
	key.src = dst.addr;
	key.dst = src.addr;
	key.proto = dst.proto;
	key.sport = dst.port;
	key.dport = dst.proto == IPPROTO_ICMP ? 0 : src.port;
	return nat_flow_find(w, &key) != SL_NO_SLOT;
}

bool sl_nat_knows(struct sl_node *node, const struct rte_mbuf *m)
{
	const struct nat_worker *w = (const struct nat_worker *)node->state;
	const struct sl_packet *p = sl_packet(m);
	struct nat_key key;

	if (p->family != SL_L3_IPV4 || p->l4 == 0 || (p->flags & SL_PKT_MALFORMED) != 0)
		return false;
	if (p->proto == IPPROTO_ICMP && nat_icmp_error(sl_icmp(m)->icmp_type))
		return knows_error(w, m, (enum sl_side)node->from);
	if (!sl_nat_key(m, (enum sl_side)node->from, &key))
		return false;
	if (nat_flow_find(w, &key) != SL_NO_SLOT)
		return true;
	/* Whoever may send to a mapping means this NAT: no other has the address. */
	return node->from == SL_OUTSIDE &&
	       sl_nat_mapping_by_outside(w, nat_endpoint(key.dst, key.dport, key.proto)) !=
		       SL_NO_SLOT;
}
