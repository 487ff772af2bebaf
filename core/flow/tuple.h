/* SPDX-License-Identifier: BSD-3-Clause */
/* What tells the session of a packet from others: addresses, ports, protocol. */
#ifndef CORE_FLOW_TUPLE_H
#define CORE_FLOW_TUPLE_H

#include <assert.h>

#include <sluice/packet.h>

/* A packet's addresses and ports. A later fragment and a protocol without ports have zeros. */
struct sl_tuple {
	uint8_t source[16];
	uint8_t destination[16];
	rte_be16_t sport;
	rte_be16_t dport;
	uint8_t proto;
	uint8_t family; /* enum sl_l3; 0: no IP packet */
	uint16_t pad;
};
static_assert(sizeof(struct sl_tuple) == 40, "a key of an index has no hidden padding");

/* False: no IP packet, or a damaged one. */
bool sl_tuple_of(struct sl_tuple *tuple, const struct rte_mbuf *m);
void sl_tuple_reverse(struct sl_tuple *tuple);
/*
 * An ICMP error belongs to the session of the packet it quotes (RFC 792, RFC 4443), which left by
 * the port that the error comes in by: what comes back of that session has the quoted tuple
 * reversed, which this makes. False: it is none, or quotes too little.
 */
bool sl_tuple_of_quoted(struct sl_tuple *tuple, const struct rte_mbuf *m);
/* Tell pings apart, too: the identifier of an ICMP echo takes the place of both ports. quoted: the
 * tuple was made by sl_tuple_of_quoted(). */
void sl_tuple_add_echo(struct sl_tuple *tuple, const struct rte_mbuf *m, bool quoted);

#endif
