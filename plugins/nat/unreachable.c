/* SPDX-License-Identifier: BSD-3-Clause */
/* Telling an inside host that it gets no mapping: RFC 6888 REQ-11, in the form of RFC 1812. */
#include <rte_ether.h>

#include "nat.h"

#define ICMP_UNREACHABLE 3
#define ICMP_HOST        1
/* RFC 1812, section 4.3.2.3: no more than this in all. */
#define MOST_BYTES 576
#define HEADERS    (sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_icmp_hdr))

/* An address to speak from: one of those that stand for this NAT outside. */
static uint32_t own_address(const struct nat_layout *l)
{
	if (l->pool.count != 0)
		return rte_cpu_to_be_32(l->pool.items[0].first);
	if (l->pair_outside.count != 0)
		return rte_cpu_to_be_32(l->pair_outside.items[0].first);
	return l->forwards[0].outside.addr;
}

static void fill_ip(struct rte_ipv4_hdr *ip, uint32_t src, uint32_t dst, uint16_t length)
{
	memset(ip, 0, sizeof(*ip));
	ip->version_ihl = RTE_IPV4_VHL_DEF;
	ip->type_of_service = 0xc0; /* RFC 1812, section 4.3.2.5: internetwork control */
	ip->total_length = rte_cpu_to_be_16(length);
	ip->time_to_live = 64;
	ip->next_proto_id = IPPROTO_ICMP;
	ip->src_addr = src;
	ip->dst_addr = dst;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
}

void sl_nat_unreachable(struct nat_worker *w, const struct rte_mbuf *m)
{
	const struct rte_ipv4_hdr *ip = sl_ipv4(m);
	uint16_t link = sl_packet(m)->l3, quoted = rte_be_to_cpu_16(ip->total_length);
	struct rte_ether_hdr *ether;
	struct rte_icmp_hdr *icmp;
	struct rte_mbuf *reply;
	uint8_t *at;

	if (w->tuning->unreachable_gap == 0 || w->now < w->unreachable_next)
		return;
	quoted = RTE_MIN(quoted, (uint16_t)(MOST_BYTES - HEADERS));
	quoted = (uint16_t)RTE_MIN(quoted, rte_pktmbuf_data_len(m) - link);
	reply = sl_make(w->node, (uint16_t)(link + HEADERS + quoted));
	if (reply == NULL)
		return;
	at = rte_pktmbuf_mtod(reply, uint8_t *);
	/* Tags too go back as they came. */
	memcpy(at, rte_pktmbuf_mtod(m, const uint8_t *), link);
	ether = (struct rte_ether_hdr *)at;
	rte_ether_addr_copy(&sl_ether(m)->src_addr, &ether->dst_addr);
	rte_ether_addr_copy(&sl_ether(m)->dst_addr, &ether->src_addr);
	at += link;
	fill_ip((struct rte_ipv4_hdr *)at, own_address(w->layout), ip->src_addr,
		(uint16_t)(HEADERS + quoted));
	icmp = (struct rte_icmp_hdr *)(at + sizeof(struct rte_ipv4_hdr));
	memset(icmp, 0, sizeof(*icmp));
	icmp->icmp_type = ICMP_UNREACHABLE;
	icmp->icmp_code = ICMP_HOST;
	memcpy(icmp + 1, ip, quoted);
	icmp->icmp_cksum = (uint16_t)~rte_raw_cksum(icmp, sizeof(*icmp) + quoted);
	sl_packet(reply)->port = sl_packet(m)->port;
	if (!sl_packet_parse(reply)) {
		sl_emit(w->node, reply, SL_DROP(NAT_MALFORMED));
		return;
	}
	w->unreachable_next = w->now + w->tuning->unreachable_gap;
	nat_count(w, NAT_UNREACHABLES);
	sl_emit(w->node, reply, SL_BACK);
}
