/* SPDX-License-Identifier: BSD-3-Clause */
/* What is not TCP, UDP or SCTP: does it have a session, and by which key? */
#include "firewall.h"

unsigned int sl_fw_order4(struct fw_key4 *key, rte_be32_t source, rte_be32_t dest, rte_be16_t sport,
			  rte_be16_t dport)
{
	uint64_t a = (uint64_t)source << 16 | sport, b = (uint64_t)dest << 16 | dport;
	unsigned int high = a > b;

	key->addr[high] = source;
	key->addr[!high] = dest;
	key->tail.port[high] = sport;
	key->tail.port[!high] = dport;
	return high;
}

unsigned int sl_fw_order6(struct fw_key6 *key, const uint8_t *source, const uint8_t *dest,
			  rte_be16_t sport, rte_be16_t dport)
{
	int order = memcmp(source, dest, 16);
	unsigned int high = order > 0 || (order == 0 && sport > dport);

	memcpy(key->addr[high], source, 16);
	memcpy(key->addr[!high], dest, 16);
	key->tail.port[high] = sport;
	key->tail.port[!high] = dport;
	return high;
}

int sl_fw_icmp_request(uint8_t family, uint8_t type)
{
	if (family == SL_L3_IPV6)
		return type == 128 || type == 129 ? 128 : -1; /* echo, RFC 4443 section 4 */
	switch (type) {
	case 0: /* echo, RFC 792 */
	case 8:
		return 8;
	case 13: /* timestamp */
	case 14:
		return 13;
	case 15: /* information */
	case 16:
		return 15;
	case 17: /* address mask */
	case 18:
		return 17;
	default:
		return -1;
	}
}

static bool is_icmp_error(uint8_t family, uint8_t type)
{
	if (family == SL_L3_IPV6)
		return type >= 1 && type <= 4;
	/* Unreachable, source quench, redirect, time exceeded, parameter problem. */
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

static enum fw_kind icmp_kind(const struct rte_mbuf *m, bool neighbours_pass, struct fw_tail *tail,
			      uint8_t *reason)
{
	const struct sl_packet *p = sl_packet(m);
	const struct rte_icmp_hdr *icmp = sl_icmp(m);
	int request;

	if (is_icmp_error(p->family, icmp->icmp_type))
		return FW_KIND_ERROR;
	/* Router and neighbour discovery and redirects never cross a router (RFC 4861). */
	if (p->family == SL_L3_IPV6 && icmp->icmp_type >= 133 && icmp->icmp_type <= 137) {
		if (sl_ipv6(m)->hop_limits != 255 || icmp->icmp_code != 0) {
			*reason = FW_BAD_ND;
			return FW_KIND_DROP;
		}
		return neighbours_pass ? FW_KIND_PASS : FW_KIND_STATELESS;
	}
	request = sl_fw_icmp_request(p->family, icmp->icmp_type);
	if (request < 0)
		return FW_KIND_STATELESS;
	tail->kind = (uint8_t)request;
	tail->port[0] = tail->port[1] = icmp->icmp_ident;
	return icmp->icmp_type == request ? FW_KIND_OPENER : FW_KIND_SESSION;
}

enum fw_kind sl_fw_special(const struct rte_mbuf *m, bool neighbours_pass, struct fw_tail *tail,
			   uint8_t *reason)
{
	const struct sl_packet *p = sl_packet(m);

	*reason = FW_MALFORMED;
	if (p->flags & SL_PKT_MALFORMED)
		return FW_KIND_DROP;
	if (p->family == SL_L3_ARP)
		return neighbours_pass ? FW_KIND_PASS : FW_KIND_STATELESS;
	if (p->family != SL_L3_IPV4 && p->family != SL_L3_IPV6)
		return FW_KIND_STATELESS;
	if (p->flags & SL_PKT_FRAGMENT) {
		*reason = FW_FRAGMENT;
		return FW_KIND_DROP;
	}
	tail->port[0] = tail->port[1] = 0;
	tail->kind = 0;
	tail->proto = p->proto;
	switch (p->proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_SCTP:
		return FW_KIND_DROP; /* only those without a whole header come here */
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if ((p->proto == IPPROTO_ICMP) != (p->family == SL_L3_IPV4))
			return FW_KIND_OPENER;
		return p->l4 != 0 ? icmp_kind(m, neighbours_pass, tail, reason) : FW_KIND_DROP;
	default:
		return FW_KIND_OPENER;
	}
}
