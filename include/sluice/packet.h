/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What a packet is to a node: an rte_mbuf whose data starts at the Ethernet header, and beside
 * it the offsets and types that were parsed once, at the port.
 *
 * Promises to a node about every packet it gets:
 *  - the data starts with a whole Ethernet header (14 bytes or more);
 *  - all headers that the fields below point at lie in the first segment, so they can be read
 *    and written in place; the payload may go on in further segments;
 *  - the first segment is not shared: writing to it changes this packet only.
 *
 * A node that changes headers keeps the fields true: either by setting them, or by calling
 * sl_packet_parse() again.
 */
#ifndef SLUICE_PACKET_H
#define SLUICE_PACKET_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include <sluice/address.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Kind of the network header. */
enum sl_l3 {
	SL_L3_NONE = 0, /**< an EtherType that is none of the others */
	SL_L3_IPV4 = 4,
	SL_L3_IPV6 = 6,
	SL_L3_ARP = 8,
	SL_L3_MPLS = 9,
};

/** Flags of a packet. */
enum sl_packet_flag {
	/** The header at `l3` is damaged: bad version, length or IPv4 header checksum, or it is
	 * cut short. `l4` is 0. */
	SL_PKT_MALFORMED = 1 << 0,
	/** Any fragment (RFC 791, RFC 8200). */
	SL_PKT_FRAGMENT = 1 << 1,
	/** A fragment that is not the first: it has no transport header, `l4` is 0. */
	SL_PKT_LATER_FRAGMENT = 1 << 2,
	/** IPv4 options or IPv6 extension headers other than a fragment header. */
	SL_PKT_OPTIONS = 1 << 3,
	/** One or more VLAN tags stand between the Ethernet and the network header. */
	SL_PKT_VLAN = 1 << 4,
	/** The destination MAC is a group address (multicast or broadcast). */
	SL_PKT_GROUP = 1 << 5,
	/** It was put together from fragments; `frag_max` is the longest of them. */
	SL_PKT_REASSEMBLED = 1 << 6,
	/** sluice made it (a reply, an error, a copy); it was not received. */
	SL_PKT_MADE = 1 << 7,
	/** Engine, between its routing nodes and the main thread, never seen by a VNF: it came to
	 * the main thread because its next hop has no MAC address yet. */
	SL_PKT_UNRESOLVED = 1 << 10,
	/** Engine, as above: it comes back because its next hop did not answer. */
	SL_PKT_UNREACHABLE = 1 << 11,
	/** Its decisions are being recorded: see sluice/trail.h. */
	SL_PKT_TRAIL = 1 << 12,
	/** Somebody follows its way through the graph. */
	SL_PKT_TRACED = 1 << 13,
	/** The engine measures how long it stays inside. */
	SL_PKT_TIMED = 1 << 14,
	/** Engine, as SL_PKT_UNRESOLVED: it has its Ethernet header, send it as it is. */
	SL_PKT_READY = 1 << 15,
};

/* The sum of bits is what they are together only if no two are the same. */
static_assert(SL_PKT_MALFORMED + SL_PKT_FRAGMENT + SL_PKT_LATER_FRAGMENT + SL_PKT_OPTIONS +
			      SL_PKT_VLAN + SL_PKT_GROUP + SL_PKT_REASSEMBLED + SL_PKT_MADE +
			      SL_PKT_UNRESOLVED + SL_PKT_UNREACHABLE + SL_PKT_TRAIL +
			      SL_PKT_TRACED + SL_PKT_TIMED + SL_PKT_READY ==
		      (SL_PKT_MALFORMED | SL_PKT_FRAGMENT | SL_PKT_LATER_FRAGMENT | SL_PKT_OPTIONS |
		       SL_PKT_VLAN | SL_PKT_GROUP | SL_PKT_REASSEMBLED | SL_PKT_MADE |
		       SL_PKT_UNRESOLVED | SL_PKT_UNREACHABLE | SL_PKT_TRAIL | SL_PKT_TRACED |
		       SL_PKT_TIMED | SL_PKT_READY),
	      "a bit stands for one flag");

/**
 * What the port found in the headers. Lives in the mbuf's second cache line (in the room DPDK
 * keeps for dynamic fields); get it with sl_packet().
 */
struct sl_packet {
	uint16_t l3;       /**< offset of the network header from the start of the data */
	uint16_t l4;       /**< offset of the transport header; 0: there is none to be read */
	uint16_t payload;  /**< offset of what follows the transport header; 0 when l4 is 0 */
	uint16_t flags;    /**< enum sl_packet_flag */
	uint8_t family;    /**< enum sl_l3 */
	uint8_t proto;     /**< IP protocol, past all IPv6 extension headers */
	uint8_t tcp_flags; /**< RTE_TCP_*_FLAG, 0 when it is not TCP */
	uint8_t rounds;    /**< engine: how often it went back in the graph */
	uint16_t vlan;     /**< outermost VLAN tag control information, 0 without SL_PKT_VLAN */
	uint16_t port;     /**< index of the port it came in by */
	uint32_t mark;     /**< set and matched by nodes; 0 on arrival */
	uint16_t hop;      /**< engine: where it goes on when it moves to another worker */
	uint16_t frag_max; /**< longest fragment's IP length, with SL_PKT_REASSEMBLED */
};

/** Where struct sl_packet stands in the mbuf: the first 8-byte boundary of the dynamic area. */
#define SL_PACKET_OFFSET RTE_ALIGN_CEIL(offsetof(struct rte_mbuf, dynfield1), 8)

static_assert(sizeof(struct sl_packet) == 24, "struct sl_packet must leave room for a timestamp");

/** The parsed fields of a packet. */
static inline struct sl_packet *sl_packet(const struct rte_mbuf *m)
{
	return (struct sl_packet *)((uintptr_t)m + SL_PACKET_OFFSET);
}

/** Symmetric hash of addresses, ports and protocol: equal for both directions of a session. */
static inline uint32_t sl_packet_hash(const struct rte_mbuf *m)
{
	return m->hash.rss;
}

/** Headers. Each is valid only for the family or protocol that its name says. */
static inline struct rte_ether_hdr *sl_ether(const struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
}

static inline void *sl_l3(const struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod_offset(m, void *, sl_packet(m)->l3);
}

static inline struct rte_ipv4_hdr *sl_ipv4(const struct rte_mbuf *m)
{
	return (struct rte_ipv4_hdr *)sl_l3(m);
}

static inline struct rte_ipv6_hdr *sl_ipv6(const struct rte_mbuf *m)
{
	return (struct rte_ipv6_hdr *)sl_l3(m);
}

static inline void *sl_l4(const struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod_offset(m, void *, sl_packet(m)->l4);
}

static inline struct rte_tcp_hdr *sl_tcp(const struct rte_mbuf *m)
{
	return (struct rte_tcp_hdr *)sl_l4(m);
}

static inline struct rte_udp_hdr *sl_udp(const struct rte_mbuf *m)
{
	return (struct rte_udp_hdr *)sl_l4(m);
}

static inline struct rte_icmp_hdr *sl_icmp(const struct rte_mbuf *m)
{
	return (struct rte_icmp_hdr *)sl_l4(m);
}

/** Whether the packet carries TCP, UDP or SCTP ports that can be read. */
static inline bool sl_has_ports(const struct rte_mbuf *m)
{
	const struct sl_packet *p = sl_packet(m);

	return p->l4 != 0 &&
	       (p->proto == IPPROTO_TCP || p->proto == IPPROTO_UDP || p->proto == IPPROTO_SCTP);
}

/** Source and destination address of an IPv4 or IPv6 packet. */
SL_PUBLIC void sl_packet_addrs(const struct rte_mbuf *m, struct sl_addr *source,
			       struct sl_addr *destination);

/**
 * Parse the headers from the Ethernet header on and set every field of sl_packet() but port,
 * mark, hop, rounds, frag_max and the flags SL_PKT_MADE, SL_PKT_REASSEMBLED, SL_PKT_TRAIL,
 * SL_PKT_TRACED and SL_PKT_TIMED, which are kept; set the symmetric hash. Gathers headers that are
 * split over segments into the first one.
 *
 * Accepts any bytes of any length from 14 up. Any thread.
 * @return false when the mbuf could not be made to keep the promises above (it is shorter than
 *         an Ethernet header, or headers in segments could not be gathered)
 */
SL_PUBLIC bool sl_packet_parse(struct rte_mbuf *m);

#ifdef __cplusplus
}
#endif
#endif
