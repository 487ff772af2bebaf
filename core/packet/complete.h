/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checksums that a sender left to hardware. Linux gives TCP and UDP packets that stay on the
 * machine (veth, bridges, containers) only the sum of the pseudo header in their checksum
 * field, which a network card would complete; packet and XDP sockets see them like that.
 */
#ifndef CORE_PACKET_COMPLETE_H
#define CORE_PACKET_COMPLETE_H

#include <rte_mbuf.h>

/*
 * Complete each packet's checksum whose field holds just the sum of the pseudo header. (Where
 * that happens to be the right checksum, one time in 65,536, it is computed once more.)
 */
void sl_packet_complete(struct rte_mbuf **pkts, uint16_t n);

#endif
