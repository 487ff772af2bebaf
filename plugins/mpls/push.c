/* SPDX-License-Identifier: BSD-3-Clause */
/* Ingress: labels put on IP packets (RFC 3032; TTL by RFC 3443, traffic class by RFC 5462). */
#include <string.h>

#include "mpls.h"

uint8_t sl_mpls_ip_ttl(const struct rte_mbuf *m)
{
	return sl_packet(m)->family == SL_L3_IPV4 ? sl_ipv4(m)->time_to_live
						  : sl_ipv6(m)->hop_limits;
}

void sl_mpls_set_ip_ttl(const struct rte_mbuf *m, uint8_t ttl)
{
	if (sl_packet(m)->family == SL_L3_IPV4) {
		struct rte_ipv4_hdr *ip = sl_ipv4(m);
		uint32_t delta = sl_checksum_delta16(rte_cpu_to_be_16(ip->time_to_live << 8),
						     rte_cpu_to_be_16((uint16_t)(ttl << 8)));

		ip->hdr_checksum = sl_checksum_apply(ip->hdr_checksum, delta);
		ip->time_to_live = ttl;
	} else {
		sl_ipv6(m)->hop_limits = ttl;
	}
}

/* The label stack entries as they go on the wire. v6: explicit null at the bottom is that of
 * IPv6. */
static void write_stack(uint8_t *at, const struct mpls_push *push, uint32_t tc_ttl, bool below,
			bool v6)
{
	for (uint8_t i = 0; i < push->count; i++) {
		uint32_t word = push->labels[i];

		if (i + 1 == push->count && !below) {
			if (unlikely(word >> 12 < MPLS_FIRST_LABEL))
				word = (v6 ? MPLS_EXPLICIT_NULL_6 : MPLS_EXPLICIT_NULL_4) << 12;
			word |= MPLS_BOTTOM;
		}
		word = rte_cpu_to_be_32(word | tc_ttl);
		memcpy(at + (size_t)i * MPLS_ENTRY, &word, sizeof(word));
	}
}

bool sl_mpls_push(struct rte_mbuf *m, const struct mpls_push *push, uint32_t tc_ttl, bool below)
{
	struct sl_packet *p = sl_packet(m);
	uint16_t length = push->count * MPLS_ENTRY, l3 = p->l3;
	uint16_t type = rte_cpu_to_be_16(RTE_ETHER_TYPE_MPLS);
	bool v6 = p->family == SL_L3_IPV6;
	uint8_t *old = rte_pktmbuf_mtod(m, uint8_t *), *data;

	data = (uint8_t *)rte_pktmbuf_prepend(m, length);
	if (data == NULL)
		return false;
	if (likely(l3 == RTE_ETHER_HDR_LEN))
		memmove(data, old, RTE_ETHER_HDR_LEN);
	else
		memmove(data, old, l3);
	memcpy(data + l3 - sizeof(type), &type, sizeof(type));
	write_stack(data + l3, push, tc_ttl, below, v6);
	/* As sl_packet_parse() would have it; the hash stays that of the session, which brings
	 * labelled packets to the same worker. */
	p->l4 = p->payload = 0;
	p->flags &= SL_PKT_VLAN | SL_PKT_GROUP | SL_PKT_REASSEMBLED | SL_PKT_MADE | SL_PKT_TRAIL |
		    SL_PKT_TRACED | SL_PKT_TIMED;
	p->family = SL_L3_MPLS;
	p->proto = p->tcp_flags = 0;
	return true;
}

static uint32_t traffic_class(const struct mpls_set *set, const struct mpls_push *push,
			      const struct rte_mbuf *m)
{
	return push->own_tc ? push->tc : set->tc_of_dscp[sl_ip_tos(m) >> 2];
}

uint8_t sl_mpls_impose(struct sl_node *node, const struct mpls_set *set, struct rte_mbuf *m,
		       uint32_t fec)
{
	const struct mpls_push *push = &set->fecs[fec];
	uint32_t tc = traffic_class(set, push, m);
	uint8_t ttl = sl_mpls_ip_ttl(m);

	if (unlikely(set->decrement ? ttl <= 1 : ttl == 0))
		return SL_DROP(MPLS_TTL_EXPIRED);
	if (unlikely(rte_pktmbuf_headroom(m) < push->count * MPLS_ENTRY))
		return SL_DROP(MPLS_NO_ROOM);
	sl_mpls_count(node, set, fec, m);
	if (set->decrement)
		sl_mpls_set_ip_ttl(m, --ttl);
	if (push->own_ttl)
		ttl = push->ttl;
	sl_mpls_set_macs(m, push);
	if (likely(push->count > 0))
		sl_mpls_push(m, push, tc << 9 | ttl, false);
	return SL_ON;
}

void sl_mpls_say(struct sl_node *node, const struct mpls_set *set, struct rte_mbuf *m, uint32_t fec)
{
	const struct mpls_push *push = &set->fecs[fec];
	struct mpls_count *count = &set->counts[(size_t)set->stride * node->worker + fec];
	struct sl_trail *trail = sl_trail(node, m);
	uint8_t bytes[MPLS_MOST_PUSH * MPLS_ENTRY];

	/* A TTL carried into the labels differs from packet to packet: those walk the graph. */
	if (trail == NULL || (push->count > 0 && !push->own_ttl))
		return;
	sl_trail_count(trail, &node->counters[MPLS_COUNT_PUSHED], NULL);
	sl_trail_count(trail, &count->packets, &count->bytes);
	if (set->decrement)
		sl_trail_ttl(trail);
	else
		sl_trail_ttl_least(trail, 1);
	if (push->set_dst)
		sl_trail_set(trail, SL_FIELD_ETH_DST, &push->dst);
	if (push->set_src)
		sl_trail_set(trail, SL_FIELD_ETH_SRC, &push->src);
	if (push->count == 0)
		return;
	write_stack(bytes, push, traffic_class(set, push, m) << 9 | push->ttl, false,
		    sl_packet(m)->family == SL_L3_IPV6);
	sl_trail_push(trail, &(const struct sl_push){
				     .at = SL_PUSH_SHIM,
				     .bytes = bytes,
				     .length = push->count * MPLS_ENTRY,
				     .ethertype = rte_cpu_to_be_16(RTE_ETHER_TYPE_MPLS),
				     .l3 = SL_PUSH_NONE,
				     .l4 = SL_PUSH_NONE,
				     .length_at = {SL_PUSH_NONE, SL_PUSH_NONE},
				     .checksum_at = SL_PUSH_NONE,
				     .entropy_at = SL_PUSH_NONE,
			     });
}
