/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RFC 7348, section 4.3: VTEPs do not fragment. The sender of a packet that does not fit is told,
 * as a router on its way would tell it (RFC 1191, RFC 4443 section 3.2). A VTEP has no address on
 * the inner network: the message claims to be from the destination.
 */
#include <sluice/reply.h>

#include "vxlan.h"

static bool may_tell(const struct rte_mbuf *m)
{
	/* IPv4 without DF could be cut; that is for others to do. */
	return sl_reply_allowed(m) &&
	       (sl_packet(m)->family == SL_L3_IPV6 ||
		(sl_ipv4(m)->fragment_offset & RTE_BE16(RTE_IPV4_HDR_DF_FLAG)) != 0);
}

void sl_vx_too_big(struct vx_worker *w, const struct rte_mbuf *m, uint32_t mtu)
{
	bool ipv4 = sl_packet(m)->family == SL_L3_IPV4;
	struct sl_reply_error error = {.type = ipv4 ? 3 : 2, .code = ipv4 ? 4 : 0, .info = mtu};
	struct rte_mbuf *reply;

	if (w->vx->icmp_gap == 0 || w->now < w->icmp_next || !may_tell(m))
		return;
	reply = sl_reply_error(w->node, m, &error);
	if (reply == NULL)
		return;
	w->icmp_next = w->now + w->vx->icmp_gap;
	sl_count(w->node, VX_TOO_BIG_REPLIES, 1);
	sl_emit(w->node, reply, SL_BACK);
}
