/* SPDX-License-Identifier: BSD-3-Clause */
#include <core/flow/tuple.h>

#include <string.h>

/* The addresses of an IP header. */
static void tuple_ipv4(struct sl_tuple *tuple, const uint8_t *ip)
{
	memcpy(tuple->source, ip + offsetof(struct rte_ipv4_hdr, src_addr), 4);
	memcpy(tuple->destination, ip + offsetof(struct rte_ipv4_hdr, dst_addr), 4);
	tuple->family = SL_L3_IPV4;
}

static void tuple_ipv6(struct sl_tuple *tuple, const uint8_t *ip)
{
	memcpy(tuple->source, ip + offsetof(struct rte_ipv6_hdr, src_addr), 16);
	memcpy(tuple->destination, ip + offsetof(struct rte_ipv6_hdr, dst_addr), 16);
	tuple->family = SL_L3_IPV6;
}

bool sl_tuple_of(struct sl_tuple *tuple, const struct rte_mbuf *m)
{
	const struct sl_packet *packet = sl_packet(m);

	memset(tuple, 0, sizeof(*tuple));
	if (packet->flags & SL_PKT_MALFORMED)
		return false;
	if (packet->family == SL_L3_IPV4)
		tuple_ipv4(tuple, sl_l3(m));
	else if (packet->family == SL_L3_IPV6)
		tuple_ipv6(tuple, sl_l3(m));
	else
		return false;
	tuple->proto = packet->proto;
	if (sl_has_ports(m)) { /* in the same place for TCP, UDP and SCTP */
		tuple->sport = sl_udp(m)->src_port;
		tuple->dport = sl_udp(m)->dst_port;
	}
	return true;
}

void sl_tuple_reverse(struct sl_tuple *tuple)
{
	uint8_t address[16];
	rte_be16_t port = tuple->sport;

	memcpy(address, tuple->source, sizeof(address));
	memcpy(tuple->source, tuple->destination, sizeof(address));
	memcpy(tuple->destination, address, sizeof(address));
	tuple->sport = tuple->dport;
	tuple->dport = port;
}

static bool has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP;
}

static bool quoted(struct sl_tuple *tuple, const struct rte_mbuf *m)
{
	const struct sl_packet *packet = sl_packet(m);
	const uint8_t *icmp = sl_l4(m), *ip = icmp + 8;
	size_t there = m->data_len - (size_t)packet->l4, header;
	bool four = packet->proto == IPPROTO_ICMP;

	if (there < 8 + (four ? sizeof(struct rte_ipv4_hdr) : sizeof(struct rte_ipv6_hdr)))
		return false;
	if (four ? icmp[0] != 3 && icmp[0] != 4 && icmp[0] != 11 && icmp[0] != 12
		 : icmp[0] == 0 || icmp[0] > 4)
		return false;
	memset(tuple, 0, sizeof(*tuple));
	if (four) {
		header = (ip[0] & 15) * 4u;
		tuple_ipv4(tuple, ip);
		tuple->proto = ip[offsetof(struct rte_ipv4_hdr, next_proto_id)];
		if ((ip[6] & 0x1f) != 0 || ip[7] != 0) /* a later fragment */
			header = SIZE_MAX;
	} else {
		header = sizeof(struct rte_ipv6_hdr);
		tuple_ipv6(tuple, ip);
		tuple->proto = ip[offsetof(struct rte_ipv6_hdr, proto)];
	}
	if (has_ports(tuple->proto) && header <= 60 && there >= 8 + header + 4) {
		memcpy(&tuple->sport, ip + header, 2);
		memcpy(&tuple->dport, ip + header + 2, 2);
	}
	sl_tuple_reverse(tuple);
	return true;
}

bool sl_tuple_of_quoted(struct sl_tuple *tuple, const struct rte_mbuf *m)
{
	const struct sl_packet *packet = sl_packet(m);

	return packet->l4 != 0 &&
	       ((packet->family == SL_L3_IPV4 && packet->proto == IPPROTO_ICMP) ||
		(packet->family == SL_L3_IPV6 && packet->proto == IPPROTO_ICMPV6)) &&
	       quoted(tuple, m);
}

static bool is_echo(uint8_t proto, uint8_t type)
{
	return proto == IPPROTO_ICMP ? type == 8 || type == 0 : type == 128 || type == 129;
}

void sl_tuple_add_echo(struct sl_tuple *tuple, const struct rte_mbuf *m, bool quoted)
{
	const struct sl_packet *packet = sl_packet(m);
	size_t at = packet->l4;

	if (tuple->family == 0 || packet->l4 == 0 ||
	    tuple->proto != (tuple->family == SL_L3_IPV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		return;
	if (quoted) {
		const uint8_t *ip = (const uint8_t *)sl_l4(m) + 8;

		at += 8 + (tuple->family == SL_L3_IPV4 ? (ip[0] & 15) * 4u
						       : sizeof(struct rte_ipv6_hdr));
	}
	if (at + 8 > m->data_len)
		return;
	if (is_echo(tuple->proto, *rte_pktmbuf_mtod_offset(m, const uint8_t *, at)))
		memcpy(&tuple->sport, rte_pktmbuf_mtod_offset(m, const uint8_t *, at + 4), 2);
	tuple->dport = tuple->sport;
}
