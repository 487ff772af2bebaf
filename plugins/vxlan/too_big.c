/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RFC 7348, section 4.3: VTEPs do not fragment. The sender of a packet that does not fit is told,
 * as a router on its way would tell it (RFC 1191, RFC 4443 section 3.2). A VTEP has no address on
 * the inner network: the message claims to be from the destination.
 */
#include <rte_icmp.h>

#include "vxlan.h"

/* Most of an ICMP error, with its IP header (RFC 1812, 4.3.2.3; RFC 4443, 2.4 c). */
#define MOST_IPV4 576
#define MOST_IPV6 1280

/* ICMP with the MTU in the last two, or four, of its eight bytes. */
#define ICMP_BYTES 8

static bool is_icmp_error(const struct rte_mbuf *m)
{
	const struct sl_packet *p = sl_packet(m);
	uint8_t type;

	if (p->proto != IPPROTO_ICMP && p->proto != IPPROTO_ICMPV6)
		return false;
	if (p->l4 == 0)
		return true; /* it cannot be told */
	type = sl_icmp(m)->icmp_type;
	return p->proto == IPPROTO_ICMPV6
		       ? type < 128
		       : type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

/* RFC 1122, 3.2.2; RFC 4443, 2.4 e. */
static bool may_tell(const struct rte_mbuf *m)
{
	static const uint8_t none[16];
	const struct sl_packet *p = sl_packet(m);
	const uint8_t *ip = (const uint8_t *)sl_l3(m);

	if ((p->flags & (SL_PKT_GROUP | SL_PKT_MALFORMED | SL_PKT_LATER_FRAGMENT)) != 0 ||
	    is_icmp_error(m))
		return false;
	if (p->family == SL_L3_IPV4)
		return (ip[6] & 0x40) != 0 && ip[12] != 0 && ip[12] != 127 && ip[12] < 224 &&
		       ip[16] < 224;
	return p->family == SL_L3_IPV6 && ip[8] != 0xff && ip[24] != 0xff &&
	       memcmp(ip + 8, none, 16) != 0;
}

static void write_ipv4(uint8_t *ip, const uint8_t *about, uint16_t size)
{
	struct rte_ipv4_hdr *header = (struct rte_ipv4_hdr *)ip;

	memset(header, 0, sizeof(*header));
	header->version_ihl = RTE_IPV4_VHL_DEF;
	header->type_of_service = 0xc0; /* RFC 1812, section 4.3.2.5 */
	header->total_length = rte_cpu_to_be_16(sizeof(*header) + size);
	header->time_to_live = 64;
	header->next_proto_id = IPPROTO_ICMP;
	memcpy(ip + 12, about + 16, 4);
	memcpy(ip + 16, about + 12, 4);
	header->hdr_checksum = rte_ipv4_cksum(header);
}

static void write_ipv6(uint8_t *ip, const uint8_t *about, uint16_t size)
{
	struct rte_ipv6_hdr *header = (struct rte_ipv6_hdr *)ip;

	memset(header, 0, sizeof(*header));
	header->vtc_flow = rte_cpu_to_be_32(0x60000000);
	header->payload_len = rte_cpu_to_be_16(size);
	header->proto = IPPROTO_ICMPV6;
	header->hop_limits = 64;
	memcpy(ip + 8, about + 24, 16);
	memcpy(ip + 24, about + 8, 16);
}

/* Type, code, MTU and what is quoted; then the checksum. */
static void write_icmp(uint8_t *icmp, const struct rte_mbuf *m, bool ipv4, uint32_t mtu,
		       uint16_t quote)
{
	const uint8_t *quoted;
	uint16_t sum;

	memset(icmp, 0, ICMP_BYTES);
	icmp[0] = ipv4 ? 3 : 2;
	icmp[1] = ipv4 ? 4 : 0;
	icmp[6] = (uint8_t)(mtu >> 8);
	icmp[7] = (uint8_t)mtu;
	quoted = (const uint8_t *)rte_pktmbuf_read(m, sl_packet(m)->l3, quote, icmp + ICMP_BYTES);
	if (quoted != NULL && quoted != icmp + ICMP_BYTES)
		memcpy(icmp + ICMP_BYTES, quoted, quote);
	if (ipv4)
		sum = (uint16_t)~rte_raw_cksum(icmp, ICMP_BYTES + (size_t)quote);
	else
		sum = rte_ipv6_udptcp_cksum(
			(const struct rte_ipv6_hdr *)(icmp - sizeof(struct rte_ipv6_hdr)), icmp);
	memcpy(icmp + 2, &sum, sizeof(sum));
}

void sl_vx_too_big(struct vx_worker *w, const struct rte_mbuf *m, uint32_t mtu)
{
	const struct sl_packet *p = sl_packet(m);
	bool ipv4 = p->family == SL_L3_IPV4;
	uint16_t link = p->l3, l3_size = ipv4 ? 20 : 40, quote;
	struct rte_mbuf *reply;
	struct rte_ether_hdr *ether;
	uint8_t *ip;

	if (w->vx->icmp_gap == 0 || w->now < w->icmp_next || !may_tell(m))
		return;
	quote = (uint16_t)RTE_MIN(m->pkt_len - link,
				  (ipv4 ? MOST_IPV4 : MOST_IPV6) - l3_size - (uint32_t)ICMP_BYTES);
	reply = sl_make(w->node, (uint16_t)(link + l3_size + ICMP_BYTES + quote));
	if (reply == NULL)
		return;
	ether = rte_pktmbuf_mtod(reply, struct rte_ether_hdr *);
	memcpy(ether, sl_ether(m), link); /* with VLAN tags */
	ether->dst_addr = sl_ether(m)->src_addr;
	ether->src_addr = sl_ether(m)->dst_addr;
	ip = (uint8_t *)ether + link;
	if (ipv4)
		write_ipv4(ip, (const uint8_t *)sl_l3(m), ICMP_BYTES + quote);
	else
		write_ipv6(ip, (const uint8_t *)sl_l3(m), ICMP_BYTES + quote);
	write_icmp(ip + l3_size, m, ipv4, mtu, quote);
	sl_packet(reply)->port = p->port;
	if (!sl_packet_parse(reply)) {
		sl_emit(w->node, reply, SL_DROP(VX_TOO_BIG));
		return;
	}
	w->icmp_next = w->now + w->vx->icmp_gap;
	sl_count(w->node, VX_TOO_BIG_REPLIES, 1);
	sl_emit(w->node, reply, SL_BACK);
}
