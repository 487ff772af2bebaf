/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Packets that answer a packet in the name of whoever it was for: ICMP errors (RFC 792, RFC 4443)
 * and TCP resets (RFC 9293). Each is written whole and parsed; the caller sends it with sl_emit(),
 * mostly by SL_BACK, and limits how many there are. All functions: worker only.
 */
#ifndef SLUICE_REPLY_H
#define SLUICE_REPLY_H

#include <sluice/node.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Whether the RFCs let anybody answer this packet (RFC 1122, 3.2.2; RFC 1812, 4.3.2.7; RFC 4443,
 * 2.4 e; RFC 9293, 3.10.7.1): it is well-formed IP from one host to one host, no later fragment, no
 * TCP reset, and no ICMP but what is known to be a query.
 */
SL_PUBLIC bool sl_reply_allowed(const struct rte_mbuf *m);

/** An ICMP error for whom the quoted packet came from. */
struct sl_reply_error {
	uint8_t type, code;
	uint32_t info;     /**< the second word of its header, host byte order */
	const void *from;  /**< whom it claims to come from; NULL: the quote's destination */
	const void *quote; /**< what it is about, from the IP header on; NULL: the packet */
	uint32_t length;   /**< bytes of the quote; its IP header at least */
	enum sl_l3 family; /**< of quote and `from`; used with a quote only */
	bool onward; /**< it travels as the packet did, so its Ethernet addresses stay; else they
			change places */
};

/**
 * Make it. As much is quoted as the RFCs let stand in it: 576 bytes in all (RFC 1812, 4.3.2.3), or
 * 1280 (RFC 4443, 2.4 c). Ethernet header and tags are those of `m`.
 * @return a packet for sl_emit(), or NULL: no memory, or the quote is from no host.
 */
SL_PUBLIC struct rte_mbuf *sl_reply_error(struct sl_node *node, const struct rte_mbuf *m,
					  const struct sl_reply_error *error);

/**
 * Make a reset of the connection that a TCP segment claims there is (RFC 9293, 3.10.7.1). `m` has a
 * readable TCP header.
 * @return a packet for sl_emit(), or NULL: no memory.
 */
SL_PUBLIC struct rte_mbuf *sl_reply_reset(struct sl_node *node, const struct rte_mbuf *m);

#ifdef __cplusplus
}
#endif

#endif
