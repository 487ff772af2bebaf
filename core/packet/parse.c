/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The parser. Nearly every packet is Ethernet, IPv4 without options, TCP or UDP: parse_plain()
 * reads those with a handful of branches. Everything else, and whatever is wrong with a packet,
 * is for parse_any(), which trusts nothing.
 */
#include <rte_byteorder.h>
#include <rte_prefetch.h>
#include <rte_sctp.h>

#include <core/packet/gather.h>
#include <core/packet/hash.h>
#include <core/packet/parse.h>

#define KEPT_FLAGS (SL_PKT_MADE | SL_PKT_REASSEMBLED | SL_PKT_TRAIL | SL_PKT_TRACED | SL_PKT_TIMED)

static inline uint16_t load16(const void *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static inline uint32_t load32(const void *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

/* Whether the checksum of an IPv4 header without options is right. */
static inline bool checksum_is_right(const uint8_t *header)
{
	uint64_t sum = (uint64_t)load32(header) + load32(header + 4) + load32(header + 8) +
		       load32(header + 12) + load32(header + 16);

	/* Sums to 0xffff in one's complement, for it is not 0: a multiple of that. */
	return sum % 0xffff == 0;
}

#define PLAIN_L4 (RTE_ETHER_HDR_LEN + sizeof(struct rte_ipv4_hdr))

/* All fields of a packet fresh from a port, in three stores. */
static_assert(RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN, "write_fresh() is for little-endian machines");
static_assert(offsetof(struct sl_packet, family) == 8 && offsetof(struct sl_packet, mark) == 16 &&
		      offsetof(struct sl_packet, port) == 14,
	      "write_fresh() knows the fields");

static __rte_always_inline void write_fresh(struct sl_packet *p, uint16_t payload, uint16_t flags,
					    uint8_t proto, uint8_t tcp_flags, uint16_t port)
{
	uint64_t *words = (uint64_t *)p;

	words[0] = RTE_ETHER_HDR_LEN | (uint64_t)PLAIN_L4 << 16 | (uint64_t)payload << 32 |
		   (uint64_t)flags << 48;
	words[1] = SL_L3_IPV4 | (uint64_t)proto << 8 | (uint64_t)tcp_flags << 16 |
		   (uint64_t)port << 48;
	words[2] = 0;
}

/* The common case. false: it is not one, nothing was written. fresh: no field is kept. */
static __rte_always_inline bool parse_plain(struct rte_mbuf *m, struct sl_packet *p, bool checked,
					    bool fresh, uint16_t port)
{
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
	const uint8_t *ip = data + RTE_ETHER_HDR_LEN;
	uint32_t room = m->data_len;
	uint32_t total, length;
	uint8_t tcp_flags = 0;
	uint16_t flags;

	if (unlikely(room < PLAIN_L4 + sizeof(struct rte_udp_hdr)))
		return false;
	/* EtherType, version and header length in one comparison; then no fragment. */
	if (unlikely((load32(data + 12) & rte_cpu_to_be_32(0xffffff00)) !=
		     rte_cpu_to_be_32(0x08004500)))
		return false;
	if (unlikely(load16(ip + 6) & rte_cpu_to_be_16(0x3fff)))
		return false;
	total = rte_be_to_cpu_16(load16(ip + 2));
	if (unlikely(RTE_ETHER_HDR_LEN + total > m->pkt_len))
		return false;
	if (ip[9] == IPPROTO_TCP) {
		if (unlikely(room < PLAIN_L4 + sizeof(struct rte_tcp_hdr)))
			return false;
		length = (data[PLAIN_L4 + 12] >> 4) * 4u;
		if (unlikely(length < sizeof(struct rte_tcp_hdr) || PLAIN_L4 + length > room))
			return false;
		tcp_flags = data[PLAIN_L4 + 13];
	} else if (likely(ip[9] == IPPROTO_UDP)) {
		length = sizeof(struct rte_udp_hdr);
	} else {
		return false;
	}
	if (unlikely(total < sizeof(struct rte_ipv4_hdr) + length))
		return false;
	if (!checked && unlikely(!checksum_is_right(ip)))
		return false;

	flags = data[0] & 1 ? SL_PKT_GROUP : 0;
	if (fresh) {
		write_fresh(p, PLAIN_L4 + length, flags, ip[9], tcp_flags, port);
	} else {
		p->l3 = RTE_ETHER_HDR_LEN;
		p->l4 = PLAIN_L4;
		p->payload = PLAIN_L4 + length;
		p->flags = (p->flags & KEPT_FLAGS) | flags;
		p->family = SL_L3_IPV4;
		p->proto = ip[9];
		p->tcp_flags = tcp_flags;
		p->vlan = 0;
	}
	m->hash.rss = sl_hash_ipv4(load32(ip + 12), load32(ip + 16), load16(data + PLAIN_L4),
				   load16(data + PLAIN_L4 + 2), ip[9]);
	return true;
}

/* What parse_any() and its parts work on. */
struct cursor {
	struct rte_mbuf *m;
	struct sl_packet *p;
	uint32_t at;  /* offset of the header that comes next */
	uint32_t end; /* of the network packet, or of the frame before its length is known */
	uint8_t next; /* protocol of what stands there */
	bool checked; /* the NIC found the IPv4 header's checksum right */
};

static inline uint8_t *here(const struct cursor *c)
{
	return rte_pktmbuf_mtod_offset(c->m, uint8_t *, c->at);
}

/* See that `length` bytes from here can be read. */
static enum sl_parse need(struct cursor *c, uint32_t length)
{
	if (c->at + length > c->end)
		return SL_PARSE_CUT;
	return sl_packet_gather(c->m, c->at + length) ? SL_PARSE_OK : SL_PARSE_UNREADABLE;
}

static uint32_t checksum_sum(const uint8_t *bytes, uint32_t length)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < length; i += 2)
		sum += load16(bytes + i);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

static enum sl_parse parse_ipv4(struct cursor *c)
{
	struct sl_packet *p = c->p;
	uint32_t length, total;
	uint16_t fragment;
	const uint8_t *ip;
	enum sl_parse why = need(c, sizeof(struct rte_ipv4_hdr));

	if (why)
		return why;
	ip = here(c);
	length = (ip[0] & 15) * 4u;
	total = rte_be_to_cpu_16(load16(ip + 2));
	if (ip[0] >> 4 != 4 || length < sizeof(struct rte_ipv4_hdr) || total < length)
		return SL_PARSE_HEADER;
	if (c->at + total > c->end)
		return SL_PARSE_CUT;
	why = need(c, length);
	if (why)
		return why;
	ip = here(c);
	if (!c->checked && checksum_sum(ip, length) != 0xffff)
		return SL_PARSE_CHECKSUM;
	if (length > sizeof(struct rte_ipv4_hdr))
		p->flags |= SL_PKT_OPTIONS;
	fragment = rte_be_to_cpu_16(load16(ip + 6)) & 0x3fff;
	if (fragment)
		p->flags |= SL_PKT_FRAGMENT;
	if (fragment & 0x1fff)
		p->flags |= SL_PKT_LATER_FRAGMENT;
	c->next = ip[9];
	c->end = c->at + total;
	c->at += length;
	return SL_PARSE_OK;
}

/* A fragment header (RFC 8200 section 4.5), of 8 bytes. Returns the length to pass over. */
static uint32_t parse_fragment_header(struct cursor *c, const uint8_t *header)
{
	uint16_t field = rte_be_to_cpu_16(load16(header + 2));

	/* A datagram in a single fragment is handled like a whole one (RFC 6946). */
	if (!(field & 0xfff9))
		c->p->flags |= SL_PKT_OPTIONS;
	else
		c->p->flags |= SL_PKT_FRAGMENT;
	if (field & 0xfff8)
		c->p->flags |= SL_PKT_LATER_FRAGMENT;
	return 8;
}

/* Walk extension headers (RFC 8200 section 4) up to the transport header. */
static enum sl_parse parse_extensions(struct cursor *c)
{
	for (unsigned int i = 0;; i++) {
		uint32_t length;
		const uint8_t *header;
		enum sl_parse why;

		switch (c->next) {
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_FRAGMENT:
		case IPPROTO_DSTOPTS:
		case IPPROTO_AH:
		case 135: /* Mobility, RFC 6275 */
		case 139: /* Host Identity Protocol, RFC 7401 */
		case 140: /* Shim6, RFC 5533 */
			break;
		default:
			return SL_PARSE_OK;
		}
		if (i == SL_PARSE_MAX_EXTENSIONS)
			return SL_PARSE_CHAIN;
		why = need(c, 8);
		if (why)
			return why;
		header = here(c);
		if (c->next == IPPROTO_FRAGMENT) {
			length = parse_fragment_header(c, header);
		} else {
			/* An authentication header counts 4-byte units, less two (RFC 4302). */
			length = c->next == IPPROTO_AH ? (header[1] + 2) * 4 : (header[1] + 1) * 8;
			c->p->flags |= SL_PKT_OPTIONS;
			why = need(c, length);
			if (why)
				return why;
			header = here(c);
		}
		c->next = header[0];
		c->at += length;
		if (c->p->flags & SL_PKT_LATER_FRAGMENT)
			return SL_PARSE_OK;
	}
}

static enum sl_parse parse_ipv6(struct cursor *c)
{
	const uint8_t *ip;
	uint32_t total;
	enum sl_parse why = need(c, sizeof(struct rte_ipv6_hdr));

	if (why)
		return why;
	ip = here(c);
	total = sizeof(struct rte_ipv6_hdr) + rte_be_to_cpu_16(load16(ip + 4));
	if (ip[0] >> 4 != 6)
		return SL_PARSE_HEADER;
	if (c->at + total > c->end)
		return SL_PARSE_CUT;
	c->next = ip[6];
	c->end = c->at + total;
	c->at += sizeof(struct rte_ipv6_hdr);
	return parse_extensions(c);
}

/* Bytes that the header of a protocol has at the least; 0: not one that is known. */
static uint32_t header_length(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return sizeof(struct rte_tcp_hdr);
	case IPPROTO_UDP:
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
	case IPPROTO_ESP:
	case IPPROTO_IGMP:
	case 136: /* UDP-Lite */
		return 8;
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
	case IPPROTO_AH:
		return 12;
	case IPPROTO_GRE:
		return 4;
	case IPPROTO_IPIP:
		return sizeof(struct rte_ipv4_hdr);
	case IPPROTO_IPV6:
		return sizeof(struct rte_ipv6_hdr);
	default:
		return 0;
	}
}

/* The transport header. One that is cut short leaves l4 at 0, which is no damage of IP's. */
static enum sl_parse parse_transport(struct cursor *c)
{
	struct sl_packet *p = c->p;
	uint32_t length = header_length(c->next);
	enum sl_parse why;

	p->proto = c->next;
	if (p->flags & SL_PKT_LATER_FRAGMENT || c->next == IPPROTO_NONE || c->at == c->end)
		return SL_PARSE_OK;
	why = need(c, length);
	if (why)
		return why == SL_PARSE_CUT ? SL_PARSE_OK : why;
	if (c->next == IPPROTO_TCP) {
		length = (here(c)[12] >> 4) * 4u;
		if (length < sizeof(struct rte_tcp_hdr))
			return SL_PARSE_OK;
		why = need(c, length);
		if (why)
			return why == SL_PARSE_CUT ? SL_PARSE_OK : why;
		p->tcp_flags = here(c)[13];
	}
	if (c->at + length > UINT16_MAX)
		return SL_PARSE_OK;
	p->l4 = c->at;
	p->payload = c->at + length;
	return SL_PARSE_OK;
}

/* Pass over VLAN tags (IEEE 802.1Q, 802.1ad and what came before it). */
static enum sl_parse parse_ethernet(struct cursor *c, uint16_t *ether_type)
{
	unsigned int tags = 0;
	enum sl_parse why;

	c->p->flags |= rte_pktmbuf_mtod(c->m, uint8_t *)[0] & 1 ? SL_PKT_GROUP : 0;
	c->at = RTE_ETHER_HDR_LEN;
	*ether_type = rte_be_to_cpu_16(load16(here(c) - 2));
	while (*ether_type == 0x8100 || *ether_type == 0x88a8 || *ether_type == 0x9100) {
		if (tags == SL_PARSE_MAX_TAGS)
			return SL_PARSE_CHAIN;
		why = need(c, sizeof(struct rte_vlan_hdr));
		if (why)
			return why;
		if (tags++ == 0) {
			c->p->flags |= SL_PKT_VLAN;
			c->p->vlan = rte_be_to_cpu_16(load16(here(c)));
		}
		*ether_type = rte_be_to_cpu_16(load16(here(c) + 2));
		c->at += sizeof(struct rte_vlan_hdr);
		c->p->l3 = c->at;
	}
	return SL_PARSE_OK;
}

static enum sl_parse parse_network(struct cursor *c, uint16_t ether_type)
{
	enum sl_parse why = SL_PARSE_OK;

	switch (ether_type) {
	case RTE_ETHER_TYPE_IPV4:
		c->p->family = SL_L3_IPV4;
		why = parse_ipv4(c);
		return why ? why : parse_transport(c);
	case RTE_ETHER_TYPE_IPV6:
		c->p->family = SL_L3_IPV6;
		why = parse_ipv6(c);
		return why ? why : parse_transport(c);
	case RTE_ETHER_TYPE_ARP:
		c->p->family = SL_L3_ARP;
		return need(c, 28); /* that of Ethernet and IPv4 */
	case RTE_ETHER_TYPE_MPLS:
	case RTE_ETHER_TYPE_MPLSM:
		c->p->family = SL_L3_MPLS;
		return need(c, 4);
	default:
		return SL_PARSE_OK;
	}
}

static bool has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP;
}

/*
 * The hash of an IP packet inside another: below MPLS labels, or quoted in an ICMP error, which
 * so reaches the worker that has the session it is about. It may be cut short or lie in any
 * segment.
 */
static bool hash_inner(const struct rte_mbuf *m, uint32_t at, uint32_t *hash)
{
	uint8_t room[sizeof(struct rte_ipv6_hdr)];
	uint8_t port_room[4];
	const uint8_t *ip = rte_pktmbuf_read(m, at, sizeof(struct rte_ipv4_hdr), room);
	const uint8_t *ports = NULL;
	uint16_t sport, dport;

	if (!ip)
		return false;
	if (ip[0] >> 4 == 4) {
		if (!(rte_be_to_cpu_16(load16(ip + 6)) & 0x3fff) && has_ports(ip[9]))
			ports = rte_pktmbuf_read(m, at + (ip[0] & 15) * 4u, 4, port_room);
		sport = ports ? load16(ports) : 0;
		dport = ports ? load16(ports + 2) : 0;
		*hash = sl_hash_ipv4(load32(ip + 12), load32(ip + 16), sport, dport,
				     ip[6] & 0x3f || ip[7] ? 0 : ip[9]);
		return true;
	}
	ip = rte_pktmbuf_read(m, at, sizeof(struct rte_ipv6_hdr), room);
	if (!ip || ip[0] >> 4 != 6)
		return false;
	if (has_ports(ip[6]))
		ports = rte_pktmbuf_read(m, at + sizeof(struct rte_ipv6_hdr), 4, port_room);
	sport = ports ? load16(ports) : 0;
	dport = ports ? load16(ports + 2) : 0;
	*hash = sl_hash_ipv6(ip + 8, ip + 24, sport, dport, ip[6] == IPPROTO_FRAGMENT ? 0 : ip[6]);
	return true;
}

static bool hash_mpls(const struct rte_mbuf *m, uint32_t at, uint32_t *hash)
{
	uint8_t room[4];

	for (unsigned int i = 0; i < SL_PARSE_MAX_LABELS; i++, at += 4) {
		const uint8_t *label = rte_pktmbuf_read(m, at, 4, room);

		if (!label)
			return false;
		if (label[2] & 1) /* bottom of stack */
			return hash_inner(m, at + 4, hash);
	}
	return false;
}

/* Whether an ICMP message quotes the packet it is about (RFC 792, RFC 4443). */
static bool is_icmp_error(const struct sl_packet *p, uint8_t type)
{
	if (p->proto == IPPROTO_ICMP)
		return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
	return p->proto == IPPROTO_ICMPV6 && type >= 1 && type <= 4;
}

static uint32_t hash_ethernet(const struct rte_mbuf *m, uint16_t ether_type)
{
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);

	return sl_hash_endpoints((uint64_t)load32(data) << 16 | load16(data + 4),
				 (uint64_t)load32(data + 6) << 16 | load16(data + 10), ether_type);
}

static uint32_t hash_any(const struct rte_mbuf *m, const struct sl_packet *p, uint16_t ether_type)
{
	const uint8_t *l3 = rte_pktmbuf_mtod_offset(m, const uint8_t *, p->l3);
	const uint8_t *l4 = rte_pktmbuf_mtod_offset(m, const uint8_t *, p->l4);
	/* All fragments of a datagram must hash alike, and only the first shows ports and, in
	 * IPv6, for certain what the protocol is. */
	bool whole = !(p->flags & SL_PKT_FRAGMENT);
	bool ports = whole && p->l4 && has_ports(p->proto);
	uint16_t sport = ports ? load16(l4) : 0;
	uint16_t dport = ports ? load16(l4 + 2) : 0;
	uint8_t proto = whole ? p->proto : 0;
	uint32_t hash;

	if (p->flags & SL_PKT_MALFORMED)
		return hash_ethernet(m, ether_type);
	switch (p->family) {
	case SL_L3_IPV4:
		if (whole && p->l4 && is_icmp_error(p, l4[0]) && hash_inner(m, p->payload, &hash))
			return hash;
		return sl_hash_ipv4(load32(l3 + 12), load32(l3 + 16), sport, dport, proto);
	case SL_L3_IPV6:
		if (whole && p->l4 && is_icmp_error(p, l4[0]) && hash_inner(m, p->payload, &hash))
			return hash;
		return sl_hash_ipv6(l3 + 8, l3 + 24, sport, dport, proto);
	case SL_L3_ARP:
		return sl_hash_ipv4(load32(l3 + 14), load32(l3 + 24), 0, 0, 0);
	case SL_L3_MPLS:
		if (hash_mpls(m, p->l3, &hash))
			return hash;
		/* fall through */
	default:
		return hash_ethernet(m, ether_type);
	}
}

/* Any packet. The kept fields of p hold what they shall. */
static enum sl_parse parse_any(struct rte_mbuf *m, struct sl_packet *p, bool checked)
{
	struct cursor c = {.m = m, .p = p, .end = m->pkt_len, .checked = checked};
	uint16_t ether_type;
	enum sl_parse why;

	p->l3 = p->l4 = p->payload = p->vlan = 0;
	p->flags &= KEPT_FLAGS;
	p->family = SL_L3_NONE;
	p->proto = p->tcp_flags = 0;
	m->hash.rss = 0;
	if (m->pkt_len < RTE_ETHER_HDR_LEN)
		return SL_PARSE_SHORT;
	if (!sl_packet_gather(m, RTE_ETHER_HDR_LEN))
		return SL_PARSE_UNREADABLE;
	p->l3 = RTE_ETHER_HDR_LEN;
	why = parse_ethernet(&c, &ether_type);
	if (!why)
		why = parse_network(&c, ether_type);
	if (why == SL_PARSE_UNREADABLE)
		return why;
	if (why) {
		p->flags |= SL_PKT_MALFORMED;
		p->l4 = p->payload = 0;
	}
	m->hash.rss = hash_any(m, p, ether_type);
	return why;
}

enum sl_parse sl_packet_parse_why(struct rte_mbuf *m)
{
	struct sl_packet *p = sl_packet(m);

	/* What the NIC said was about the packet as it came; it may be another one by now. */
	if (likely(parse_plain(m, p, false, false, 0)))
		return SL_PARSE_OK;
	return parse_any(m, p, false);
}

bool sl_packet_parse(struct rte_mbuf *m)
{
	enum sl_parse why = sl_packet_parse_why(m);

	return why != SL_PARSE_SHORT && why != SL_PARSE_UNREADABLE;
}

#define AHEAD 6 /* packets whose headers are on their way from memory */

static __rte_always_inline void prefetch(struct rte_mbuf *m)
{
	rte_prefetch0(rte_pktmbuf_mtod(m, void *));
	rte_prefetch0(sl_packet(m));
}

uint16_t sl_packet_receive(struct rte_mbuf **pkts, uint8_t *why, uint16_t n, uint16_t port)
{
	const struct sl_packet fresh = {.port = port};
	uint16_t bad = 0;

	for (uint16_t i = 0; i < n && i < AHEAD; i++)
		prefetch(pkts[i]);
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		struct sl_packet *p = sl_packet(m);
		bool checked =
			(m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_GOOD;

		if (i + AHEAD < n)
			prefetch(pkts[i + AHEAD]);
		why[i] = SL_PARSE_OK;
		if (likely(parse_plain(m, p, checked, true, port)))
			continue;
		*p = fresh;
		why[i] = parse_any(m, p, checked);
		bad += why[i] != SL_PARSE_OK;
	}
	return bad;
}

void sl_packet_addrs(const struct rte_mbuf *m, struct sl_addr *source, struct sl_addr *destination)
{
	const struct sl_packet *p = sl_packet(m);
	const uint8_t *l3 = sl_l3(m);

	memset(source, 0, sizeof(*source));
	memset(destination, 0, sizeof(*destination));
	if (p->flags & SL_PKT_MALFORMED)
		return;
	if (p->family == SL_L3_IPV4) {
		source->family = destination->family = SL_FAMILY_IPV4;
		memcpy(source->bytes, l3 + 12, 4);
		memcpy(destination->bytes, l3 + 16, 4);
	} else if (p->family == SL_L3_IPV6) {
		source->family = destination->family = SL_FAMILY_IPV6;
		memcpy(source->bytes, l3 + 8, 16);
		memcpy(destination->bytes, l3 + 24, 16);
	}
}
