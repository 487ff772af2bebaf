/* SPDX-License-Identifier: BSD-3-Clause */
/* What a packet of an established session costs: its address, port and checksums written. */
#ifndef LOAD_BALANCER_REWRITE_H
#define LOAD_BALANCER_REWRITE_H

#include "load_balancer.h"

/* A checksum after a change that was summed up and folded ahead: RFC 1624, equation 3. */
static inline uint16_t lb_checksum(uint16_t checksum, uint16_t delta)
{
	uint32_t sum = (uint32_t)(uint16_t)~checksum + delta;

	return (uint16_t) ~((sum & 0xffff) + (sum >> 16));
}

/* Write the address and port of a flow, checksums with them. */
static inline void lb_write_endpoint(struct lb_flow *flow, struct rte_mbuf *m,
				     const struct sl_packet *p, bool source)
{
	uint8_t *l4 = rte_pktmbuf_mtod_offset(m, uint8_t *, p->l4);

	if (likely(p->family == SL_L3_IPV4)) {
		struct rte_ipv4_hdr *ip = sl_ipv4(m);

		memcpy((uint8_t *)ip + (source ? 12 : 16), &flow->addr4, sizeof(flow->addr4));
		ip->hdr_checksum = lb_checksum(ip->hdr_checksum, flow->ip_delta);
	} else {
		memcpy((uint8_t *)sl_l3(m) + (source ? 8 : 24), lb_flow_addr(flow, LB_LANE6), 16);
	}
	if (p->proto == IPPROTO_TCP) {
		struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)l4;

		memcpy(l4 + (source ? 0 : 2), &flow->port, sizeof(flow->port));
		tcp->cksum = lb_checksum(tcp->cksum, flow->l4_delta);
	} else if (p->proto == IPPROTO_UDP) {
		struct rte_udp_hdr *udp = (struct rte_udp_hdr *)l4;

		memcpy(l4 + (source ? 0 : 2), &flow->port, sizeof(flow->port));
		if (udp->dgram_cksum != 0) { /* RFC 768: zero is none, a computed zero ones */
			uint16_t sum = lb_checksum(udp->dgram_cksum, flow->l4_delta);

			udp->dgram_cksum = sum != 0 ? sum : 0xffff;
		}
	} else if (p->proto == IPPROTO_ICMPV6 && p->family == SL_L3_IPV6) {
		struct rte_icmp_hdr *icmp = (struct rte_icmp_hdr *)l4;

		icmp->icmp_cksum = lb_checksum(icmp->icmp_cksum, flow->l4_delta);
	}
}

#endif
