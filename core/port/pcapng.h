/* SPDX-License-Identifier: BSD-3-Clause */
/* Captures as pcapng (draft-ietf-opsawg-pcapng), with a comment on each packet. Errors are the
 * stream's. */
#ifndef CORE_PORT_PCAPNG_H
#define CORE_PORT_PCAPNG_H

#include <stdint.h>
#include <stdio.h>

#include <rte_mbuf.h>

/* The section and one Ethernet interface. */
void sl_pcapng_begin(FILE *file);
/* A packet, now. */
void sl_pcapng_packet(FILE *file, const struct rte_mbuf *m, const char *comment);

/*
 * The same in pieces. Interfaces are numbered from 0 in the order of their descriptions.
 */

enum sl_pcapng_way { SL_PCAPNG_UNKNOWN, SL_PCAPNG_INBOUND, SL_PCAPNG_OUTBOUND };

struct sl_pcapng_frame {
	uint32_t interface;
	uint64_t stamp; /* nanoseconds since 1970 */
	const void *bytes;
	uint32_t captured, length; /* of bytes; of the packet */
	enum sl_pcapng_way way;
	const char *comment; /* or NULL */
};

/* application: what wrote it. */
void sl_pcapng_section(FILE *file, const char *application);
/* snap: most bytes of a packet; 0: no limit. filter: or NULL. */
void sl_pcapng_interface(FILE *file, const char *name, uint32_t snap, const char *filter);
void sl_pcapng_frame(FILE *file, const struct sl_pcapng_frame *frame);
/* What was captured by an interface, and what was not for want of room, up to then. */
void sl_pcapng_statistics(FILE *file, uint32_t interface, uint64_t stamp, uint64_t captured,
			  uint64_t lost);

/* Types of blocks, and options, for readers. */
#define SL_PCAPNG_PACKET     6u
#define SL_PCAPNG_STATISTICS 5u
#define SL_PCAPNG_LOST       5u /* of STATISTICS: 64 bits */

#endif
