/* SPDX-License-Identifier: BSD-3-Clause */
/* Parsing as the engine does it: in bulk, on arrival, and with the reason when it fails. */
#ifndef CORE_PACKET_PARSE_H
#define CORE_PACKET_PARSE_H

#include <sluice/packet.h>

/* What the parser thought of a packet. */
enum sl_parse {
	SL_PARSE_OK,
	SL_PARSE_SHORT,      /* shorter than an Ethernet header */
	SL_PARSE_UNREADABLE, /* headers that are split over segments could not be gathered */
	/* The rest carry SL_PKT_MALFORMED. */
	SL_PARSE_CUT,      /* a header goes on beyond the end of the packet */
	SL_PARSE_HEADER,   /* wrong version or impossible lengths */
	SL_PARSE_CHECKSUM, /* of the IPv4 header */
	SL_PARSE_CHAIN,    /* more IPv6 extension headers or VLAN tags than are looked at */
	SL_PARSE_COUNT,
};

/* Most VLAN tags, IPv6 extension headers and MPLS labels that are looked at. */
#define SL_PARSE_MAX_TAGS       4
#define SL_PARSE_MAX_EXTENSIONS 16
#define SL_PARSE_MAX_LABELS     8

/* Parse one packet; what sl_packet_parse() does, with the reason. */
enum sl_parse sl_packet_parse_why(struct rte_mbuf *m);

/*
 * Parse packets that have just been received by a port: all fields of sl_packet() are set, the
 * header checksum is believed when the NIC checked it. why[i] gets the enum sl_parse of each.
 * Returns how many are not SL_PARSE_OK.
 */
uint16_t sl_packet_receive(struct rte_mbuf **pkts, uint8_t *why, uint16_t n, uint16_t port);

#endif
