/* SPDX-License-Identifier: BSD-3-Clause */
/* ICMP errors about packets (RFC 792, 1191, 1812 4.3; RFC 4443) and answers to echo requests. */
#ifndef CORE_PORT_ICMP_H
#define CORE_PORT_ICMP_H

#include <core/port/l3_state.h>

enum sl_icmp_cause {
	SL_ICMP_TTL,
	SL_ICMP_REASSEMBLY,
	SL_ICMP_NO_ROUTE,
	SL_ICMP_HOST,
	SL_ICMP_PROTOCOL,
	SL_ICMP_PORT,
	SL_ICMP_TOO_BIG,   /* info: the MTU */
	SL_ICMP_PARAMETER, /* info: offset of what is wrong */
	SL_ICMP_SCOPE,     /* IPv6: a link-local source asks to be forwarded */
};

/* The first counters of every type whose node sends errors. */
enum sl_icmp_counter { SL_ICMP_SENT, SL_ICMP_LIMITED, SL_ICMP_COUNTERS };
#define SL_ICMP_COUNTER_NAMES                                                \
	{"icmp-errors", "ICMP errors sent"},                                 \
	{                                                                    \
		"icmp-limited", "ICMP errors not sent: over the port's rate" \
	}

/* Emit an error about a packet, SL_BACK, unless the rules or the rate forbid it. Worker. */
void sl_icmp_error(struct sl_node *node, struct sl_l3_port *l3, const struct rte_mbuf *about,
		   enum sl_icmp_cause cause, uint32_t info);

/* Whether the RFCs allow an error about this packet at all. */
bool sl_icmp_allowed(const struct sl_l3_port *l3, const struct rte_mbuf *about,
		     enum sl_icmp_cause cause);

/* An echo request that can be answered where it lies. */
static inline bool sl_icmp_is_echo(const struct rte_mbuf *m)
{
	const struct sl_packet *p = sl_packet(m);

	if (p->l4 == 0 || (p->flags & SL_PKT_FRAGMENT) != 0)
		return false;
	if (p->family == SL_L3_IPV4)
		return p->proto == IPPROTO_ICMP && sl_icmp(m)->icmp_type == 8 &&
		       sl_icmp(m)->icmp_code == 0;
	return p->proto == IPPROTO_ICMPV6 && sl_icmp(m)->icmp_type == 128 &&
	       sl_icmp(m)->icmp_code == 0 && !(p->flags & SL_PKT_OPTIONS);
}

/* Turn an echo request into its reply. */
void sl_icmp_echo(struct rte_mbuf *m);

#endif
