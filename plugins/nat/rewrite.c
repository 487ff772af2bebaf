/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses and ports of a packet changed in place, every checksum that covers them kept true. */
#include "nat.h"

/* Where the transport checksum stands that covers the addresses, from the IP header on; 0 when
 * the protocol has none. False: it should be there, and the packet is too short. */
static bool checksum_place(const struct rte_mbuf *m, uint16_t *place)
{
	const struct sl_packet *p = sl_packet(m);
	const struct rte_ipv4_hdr *ip = sl_ipv4(m);
	uint16_t length = rte_be_to_cpu_16(ip->total_length), end;

	*place = rte_ipv4_hdr_len(ip);
	if ((p->flags & SL_PKT_LATER_FRAGMENT) != 0) {
		*place = 0;
		return true;
	}
	switch (p->proto) {
	case IPPROTO_TCP:
		*place += offsetof(struct rte_tcp_hdr, cksum);
		break;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_DCCP:
		*place += offsetof(struct rte_udp_hdr, dgram_cksum);
		break;
	default:
		*place = 0;
		return true;
	}
	end = *place + sizeof(uint16_t);
	return end <= length && p->l3 + end <= rte_pktmbuf_data_len(m);
}

static void change_checksum(struct rte_mbuf *m, uint16_t place, uint32_t delta)
{
	uint8_t *at = (uint8_t *)sl_l3(m) + place, proto = sl_packet(m)->proto;
	uint16_t checksum;

	memcpy(&checksum, at, sizeof(checksum));
	if (proto == IPPROTO_UDP) {
		checksum = sl_checksum_apply_udp(checksum, delta);
	} else {
		checksum = sl_checksum_apply(checksum, delta);
		if (checksum == 0 && proto == IPPROTO_UDPLITE) /* RFC 3828, section 3.1 */
			checksum = 0xffff;
	}
	memcpy(at, &checksum, sizeof(checksum));
}

bool sl_nat_write_address(struct rte_mbuf *m, bool source, uint32_t addr)
{
	struct rte_ipv4_hdr *ip = sl_ipv4(m);
	uint32_t delta = sl_checksum_delta32(source ? ip->src_addr : ip->dst_addr, addr);
	uint16_t place;

	if (!checksum_place(m, &place))
		return false;
	if (place != 0)
		change_checksum(m, place, delta);
	ip->hdr_checksum = sl_checksum_apply(ip->hdr_checksum, delta);
	if (source)
		ip->src_addr = addr;
	else
		ip->dst_addr = addr;
	sl_packet_parse(m);
	return true;
}

void sl_nat_write_endpoint(struct rte_mbuf *m, bool source, union nat_endpoint endpoint)
{
	struct rte_ipv4_hdr *ip = sl_ipv4(m);
	bool icmp = endpoint.proto == IPPROTO_ICMP;
	uint32_t delta = sl_checksum_delta32(source ? ip->src_addr : ip->dst_addr, endpoint.addr);
	uint8_t *port = (uint8_t *)sl_l4(m) + (icmp ? 4 : source ? 0 : 2);
	uint16_t place;

	ip->hdr_checksum = sl_checksum_apply(ip->hdr_checksum, delta);
	if (icmp)
		delta = 0;
	delta += nat_put16(port, endpoint.port);
	if (source)
		ip->src_addr = endpoint.addr;
	else
		ip->dst_addr = endpoint.addr;
	if (icmp)
		sl_icmp(m)->icmp_cksum = sl_checksum_apply(sl_icmp(m)->icmp_cksum, delta);
	else if (checksum_place(m, &place))
		change_checksum(m, place, delta);
	sl_packet_parse(m);
}
