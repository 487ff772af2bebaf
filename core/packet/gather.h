/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CORE_PACKET_GATHER_H
#define CORE_PACKET_GATHER_H

#include <stdbool.h>

#include <rte_mbuf.h>

bool sl_packet_gather_slow(struct rte_mbuf *m, uint32_t upto);

/*
 * See that the first `upto` bytes of the packet lie in its first segment. false, and the packet
 * holds the same bytes as before, when the packet is shorter, the segment has no room for them
 * or it is shared. The data may move within the segment: fetch pointers again.
 */
static inline bool sl_packet_gather(struct rte_mbuf *m, uint32_t upto)
{
	return likely(upto <= m->data_len) || sl_packet_gather_slow(m, upto);
}

#endif
