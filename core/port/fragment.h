/* SPDX-License-Identifier: BSD-3-Clause */
/* Making fragments, for the nodes at the end of a path. */
#ifndef CORE_PORT_FRAGMENT_H
#define CORE_PORT_FRAGMENT_H

#include <sluice/ip.h>

#include <core/port/port.h>

/* Cut a packet's bytes to that many, whatever its segments. */
void sl_truncate(struct rte_mbuf *m, uint32_t length);

/*
 * Send an IP packet on in fragments of at most `limit` bytes of IP each: the packet itself
 * becomes the first, is held and released SL_ON; the others are emitted. The node must be of a
 * type that holds. Its Ethernet header and tags are on every fragment.
 * Returns SL_HELD, its edge from now on, or what to drop it for.
 */
enum sl_fragment_error {
	SL_FRAGMENT_OK,
	SL_FRAGMENT_NO_ROOM, /* the limit does not even hold the headers and 8 bytes */
	SL_FRAGMENT_NO_MEMORY,
};
enum sl_fragment_error sl_fragment(struct sl_node *node, struct rte_mbuf *m, uint32_t limit);

#endif
