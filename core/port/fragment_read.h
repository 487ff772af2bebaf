/* SPDX-License-Identifier: BSD-3-Clause */
/* A fragment of an IPv4 or IPv6 datagram, read. */
#ifndef CORE_PORT_FRAGMENT_READ_H
#define CORE_PORT_FRAGMENT_READ_H

#include <sluice/packet.h>

#define SL_FRAGMENT_HEADER 8 /* bytes; RFC 8200 4.5 */

/* A part of a datagram's payload: on its list. */
struct sl_piece {
	struct rte_mbuf *m;
	uint32_t next;
	uint16_t offset, length; /* bytes of the datagram's payload */
	uint16_t header;         /* offset of its payload in the packet */
};

/* What makes fragments one datagram's. */
struct sl_datagram_key {
	uint8_t source[16], destination[16];
	uint32_t id;
	uint8_t family, proto; /* proto is no part of IPv6's */
	uint16_t vlan;
	uint64_t port;
};

/* A fragment, read. */
struct sl_fragment {
	struct sl_datagram_key key;
	struct sl_piece piece;
	uint32_t ip_length;
	bool more;
};

/* false: no fragment after all, or one that does not have what it says. What Ethernet padded is
 * cut off. */
bool sl_fragment_read(struct rte_mbuf *m, struct sl_fragment *fragment);
/* Offset of an IPv6 fragment header, and of the byte that says it comes; 0: there is none. */
uint32_t sl_fragment_header(const struct rte_mbuf *m, uint32_t l3, uint32_t *says);

#endif
