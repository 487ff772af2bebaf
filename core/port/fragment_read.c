/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <core/port/fragment.h>
#include <core/port/fragment_read.h>

uint32_t sl_fragment_header(const struct rte_mbuf *m, uint32_t l3, uint32_t *says)
{
	uint32_t room = rte_pktmbuf_data_len(m);
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t at = l3 + sizeof(struct rte_ipv6_hdr);

	*says = l3 + offsetof(struct rte_ipv6_hdr, proto);
	while (at + SL_FRAGMENT_HEADER <= room) {
		switch (data[*says]) {
		case IPPROTO_FRAGMENT:
			return at;
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
			*says = at;
			at += (data[at + 1] + 1) * 8u;
			break;
		default:
			return 0;
		}
	}
	return 0;
}

static bool read_ipv4(const struct rte_mbuf *m, struct sl_fragment *fragment)
{
	const struct sl_packet *p = sl_packet(m);
	const struct rte_ipv4_hdr *ip = sl_ipv4(m);
	uint16_t field = rte_be_to_cpu_16(ip->fragment_offset);
	uint32_t header = rte_ipv4_hdr_len(ip);

	fragment->ip_length = rte_be_to_cpu_16(ip->total_length);
	if (fragment->ip_length < header)
		return false;
	memcpy(fragment->key.source, &ip->src_addr, 4);
	memcpy(fragment->key.destination, &ip->dst_addr, 4);
	fragment->key.id = ip->packet_id;
	fragment->key.proto = ip->next_proto_id;
	fragment->piece.header = (uint16_t)(p->l3 + header);
	fragment->piece.length = (uint16_t)(fragment->ip_length - header);
	fragment->piece.offset = (uint16_t)((field & RTE_IPV4_HDR_OFFSET_MASK) * 8);
	fragment->more = (field & RTE_IPV4_HDR_MF_FLAG) != 0;
	return true;
}

static bool read_ipv6(const struct rte_mbuf *m, struct sl_fragment *fragment)
{
	const struct sl_packet *p = sl_packet(m);
	const uint8_t *ip = sl_l3(m);
	uint32_t says, at = sl_fragment_header(m, p->l3, &says);
	uint32_t length =
		sizeof(struct rte_ipv6_hdr) +
		rte_be_to_cpu_16(((const struct rte_ipv6_hdr *)(const void *)ip)->payload_len);
	const uint8_t *header;

	if (at == 0 || at + SL_FRAGMENT_HEADER > p->l3 + length)
		return false;
	header = ip - p->l3 + at;
	fragment->ip_length = length;
	memcpy(fragment->key.source, ip + 8, 16);
	memcpy(fragment->key.destination, ip + 24, 16);
	memcpy(&fragment->key.id, header + 4, 4);
	fragment->piece.header = (uint16_t)(at + SL_FRAGMENT_HEADER);
	fragment->piece.length = (uint16_t)(p->l3 + length - fragment->piece.header);
	fragment->piece.offset = (uint16_t)((header[2] << 8 | header[3]) & 0xfff8);
	fragment->more = (header[3] & 1) != 0;
	return true;
}

bool sl_fragment_read(struct rte_mbuf *m, struct sl_fragment *fragment)
{
	const struct sl_packet *p = sl_packet(m);

	memset(fragment, 0, sizeof(*fragment));
	fragment->key.family = p->family;
	fragment->key.vlan = p->vlan & 0xfff;
	fragment->key.port = p->port;
	fragment->piece.m = m;
	if (!(p->family == SL_L3_IPV6 ? read_ipv6(m, fragment) : read_ipv4(m, fragment)))
		return false;
	if (p->l3 + fragment->ip_length > rte_pktmbuf_pkt_len(m) ||
	    fragment->piece.header > rte_pktmbuf_data_len(m))
		return false;
	sl_truncate(m, p->l3 + fragment->ip_length); /* what Ethernet padded goes */
	return true;
}
