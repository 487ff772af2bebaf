/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Fields that IPv4 and IPv6 both have. Every function but the first wants a packet of which
 * sl_is_ip() is true, and may be called by any worker for its own packets.
 */
#ifndef SLUICE_IP_H
#define SLUICE_IP_H

#include <sluice/checksum.h>
#include <sluice/packet.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Whether it is well-formed IP: what the functions below want. */
static inline bool sl_is_ip(const struct rte_mbuf *m)
{
	const struct sl_packet *p = sl_packet(m);

	return (p->family == SL_L3_IPV4 || p->family == SL_L3_IPV6) &&
	       (p->flags & SL_PKT_MALFORMED) == 0;
}

/** Bytes of the network packet, header included, without what Ethernet padded. */
static inline uint32_t sl_ip_length(const struct rte_mbuf *m)
{
	if (sl_packet(m)->family == SL_L3_IPV4)
		return rte_be_to_cpu_16(sl_ipv4(m)->total_length);
	return (uint32_t)sizeof(struct rte_ipv6_hdr) + rte_be_to_cpu_16(sl_ipv6(m)->payload_len);
}

/** Type of service or traffic class: DSCP in the upper six bits (RFC 2474), ECN in the lower two
 * (RFC 3168). */
static inline uint8_t sl_ip_tos(const struct rte_mbuf *m)
{
	if (sl_packet(m)->family == SL_L3_IPV4)
		return sl_ipv4(m)->type_of_service;
	return (uint8_t)(rte_be_to_cpu_32(sl_ipv6(m)->vtc_flow) >> 20);
}

/** Write it; IPv4's header checksum stays right, or as wrong as it was. */
static inline void sl_ip_set_tos(const struct rte_mbuf *m, uint8_t tos)
{
	if (sl_packet(m)->family == SL_L3_IPV4) {
		struct rte_ipv4_hdr *ip = sl_ipv4(m);
		uint32_t delta = sl_checksum_delta16(rte_cpu_to_be_16(ip->type_of_service),
						     rte_cpu_to_be_16(tos));

		ip->hdr_checksum = sl_checksum_apply(ip->hdr_checksum, delta);
		ip->type_of_service = tos;
	} else {
		struct rte_ipv6_hdr *ip = sl_ipv6(m);
		uint32_t word = rte_be_to_cpu_32(ip->vtc_flow) & ~(UINT32_C(0xff) << 20);

		ip->vtc_flow = rte_cpu_to_be_32(word | (uint32_t)tos << 20);
	}
}

/** The same of DSCP alone (0 to 63); ECN stays. */
static inline void sl_ip_set_dscp(const struct rte_mbuf *m, uint8_t dscp)
{
	sl_ip_set_tos(m, (uint8_t)(dscp << 2 | (sl_ip_tos(m) & 3)));
}

#ifdef __cplusplus
}
#endif

#endif
