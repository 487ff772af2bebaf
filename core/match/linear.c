/* SPDX-License-Identifier: BSD-3-Clause */
/* What the match language means: one rule, one packet, field after field. */
#include <string.h>

#include "match.h"

static bool in_spans(const struct sl_list *list, uint32_t value)
{
	for (uint32_t i = 0; i < list->count; i++) {
		const struct sl_span *span = SL_ITEM(list, struct sl_span, i);

		if (value >= span->first && value <= span->last)
			return true;
	}
	return false;
}

static bool in_macs(const struct sl_list *list, const struct rte_ether_addr *mac)
{
	for (uint32_t i = 0; i < list->count; i++) {
		if (rte_is_same_ether_addr(SL_ITEM(list, struct rte_ether_addr, i), mac))
			return true;
	}
	return false;
}

/* addr NULL: the packet has none. */
static bool in_prefixes(const struct sl_list *list, const struct sl_addr *addr)
{
	for (uint32_t i = 0; i < list->count; i++) {
		const struct sl_prefix *prefix = SL_ITEM(list, struct sl_prefix, i);

		if (prefix->addr.family == SL_FAMILY_ANY)
			return true;
		if (addr != NULL && sl_prefix_contains(prefix, addr))
			return true;
	}
	return false;
}

/* proto SL_PROTO_ANY: the packet has none. */
static bool in_protos(const struct sl_list *list, uint32_t proto)
{
	for (uint32_t i = 0; i < list->count; i++) {
		uint32_t item = *SL_ITEM(list, uint32_t, i);

		if (item == SL_PROTO_ANY || item == proto)
			return true;
	}
	return false;
}

static bool fragment_matches(uint32_t wanted, uint16_t flags)
{
	switch (wanted) {
	case SL_FRAGMENT_ANY:
		return flags & SL_PKT_FRAGMENT;
	case SL_FRAGMENT_FIRST:
		return (flags & SL_PKT_FRAGMENT) && !(flags & SL_PKT_LATER_FRAGMENT);
	case SL_FRAGMENT_LATER:
		return flags & SL_PKT_LATER_FRAGMENT;
	default:
		return !(flags & SL_PKT_FRAGMENT);
	}
}

static bool link_matches(const struct sl_match *match, const struct rte_mbuf *m)
{
	const struct rte_ether_hdr *ether = sl_ether(m);
	const struct sl_packet *p = sl_packet(m);
	uint64_t given = match->given;

	if (given & SL_MATCH_SRC_MAC && !in_macs(&match->src_mac, &ether->src_addr))
		return false;
	if (given & SL_MATCH_DST_MAC && !in_macs(&match->dst_mac, &ether->dst_addr))
		return false;
	if (given & SL_MATCH_VLAN && !in_spans(&match->vlan, sl_match_vlan(p)))
		return false;
	if (given & SL_MATCH_ETHERTYPE &&
	    !in_spans(&match->ethertype, rte_be_to_cpu_16(sl_match_ethertype(m, p))))
		return false;
	return !(given & SL_MATCH_MARK) || in_spans(&match->mark, p->mark);
}

static bool network_matches(const struct sl_match *match, const struct rte_mbuf *m, bool ip)
{
	const struct sl_packet *p = sl_packet(m);
	uint64_t given = match->given;
	struct sl_addr source, dest;

	if (ip)
		sl_packet_addrs(m, &source, &dest);
	if (given & SL_MATCH_FAMILY &&
	    !(ip && match->family == (p->family == SL_L3_IPV6 ? 1u : 0u)))
		return false;
	if (given & SL_MATCH_PROTO && !in_protos(&match->proto, ip ? p->proto : SL_PROTO_ANY))
		return false;
	if (given & SL_MATCH_FROM && !in_prefixes(&match->from, ip ? &source : NULL))
		return false;
	if (given & SL_MATCH_TO && !in_prefixes(&match->to, ip ? &dest : NULL))
		return false;
	if (given & SL_MATCH_DSCP && !(ip && in_spans(&match->dscp, sl_match_dscp(m, p))))
		return false;
	if (given & SL_MATCH_FRAGMENT && !(ip && fragment_matches(match->fragment, p->flags)))
		return false;
	return !(given & SL_MATCH_OPTIONS) ||
	       (ip && match->options == !!(p->flags & SL_PKT_OPTIONS));
}

static bool flags_match(const char *text, uint8_t flags)
{
	struct sl_flag_test tests[SL_FLAG_TESTS];
	const char *why;
	unsigned int n = sl_match_flags(text, tests, &why);

	for (unsigned int i = 0; i < n; i++) {
		if ((flags & tests[i].mask) == tests[i].value)
			return true;
	}
	return false;
}

static bool transport_matches(const struct sl_match *match, const struct rte_mbuf *m, bool ip)
{
	const struct sl_packet *p = sl_packet(m);
	uint64_t given = match->given;
	bool ports = ip && sl_has_ports(m);
	bool icmp = ip && p->l4 != 0 &&
		    p->proto == (p->family == SL_L3_IPV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);

	/* The ports of TCP, UDP and SCTP stand at the same place. */
	if (given & SL_MATCH_SPORT &&
	    !(ports && in_spans(&match->sport, rte_be_to_cpu_16(sl_udp(m)->src_port))))
		return false;
	if (given & SL_MATCH_DPORT &&
	    !(ports && in_spans(&match->dport, rte_be_to_cpu_16(sl_udp(m)->dst_port))))
		return false;
	if (given & SL_MATCH_ICMP_TYPE &&
	    !(icmp && in_spans(&match->icmp_type, sl_icmp(m)->icmp_type)))
		return false;
	if (given & SL_MATCH_ICMP_CODE &&
	    !(icmp && in_spans(&match->icmp_code, sl_icmp(m)->icmp_code)))
		return false;
	return !(given & SL_MATCH_TCP_FLAGS) || (ip && p->l4 != 0 && p->proto == IPPROTO_TCP &&
						 flags_match(match->tcp_flags, p->tcp_flags));
}

bool sl_match_packet(const struct sl_match *match, unsigned int side, const struct rte_mbuf *m)
{
	bool ip = sl_match_group(sl_packet(m)) != SL_GROUP_OTHER;

	if (match->given & SL_MATCH_SIDE && match->side != side)
		return false;
	return link_matches(match, m) && network_matches(match, m, ip) &&
	       transport_matches(match, m, ip);
}
