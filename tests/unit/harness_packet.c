/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets of the harness: built field by field, cut into fragments, verified. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ip.h>
#include <rte_mempool.h>
#include <rte_sctp.h>

#include <tests/unit/harness_rig.h>

#define MOST  65600
#define ICMP6 IPPROTO_ICMPV6

/* What is being built: bytes are appended. */
struct draft {
	uint8_t bytes[MOST];
	uint32_t length;
};

static void *append(struct draft *d, const void *bytes, uint32_t length)
{
	void *at = d->bytes + d->length;

	if (d->length + length > sizeof(d->bytes))
		sl_test_fail("a packet of more than %d bytes", MOST);
	if (bytes != NULL)
		memcpy(at, bytes, length);
	else
		memset(at, 0, length);
	d->length += length;
	return at;
}

static void append16(struct draft *d, uint16_t value)
{
	uint16_t wire = htons(value);

	append(d, &wire, sizeof(wire));
}

static void append_mac(struct draft *d, const char *text)
{
	struct rte_ether_addr mac;

	if (rte_ether_unformat_addr(text, &mac) != 0)
		sl_test_fail("`%s` is not a MAC address", text);
	append(d, &mac, sizeof(mac));
}

static void append_ethernet(struct draft *d, const struct sl_test_packet *p, uint16_t ethertype)
{
	append_mac(d, p->dst_mac != NULL ? p->dst_mac : "02:00:00:00:00:02");
	append_mac(d, p->src_mac != NULL ? p->src_mac : "02:00:00:00:00:01");
	if (p->outer != 0) {
		append16(d, RTE_ETHER_TYPE_QINQ);
		append16(d, p->outer);
	}
	if (p->vlan != 0) {
		append16(d, RTE_ETHER_TYPE_VLAN);
		append16(d, p->vlan);
	}
	append16(d, ethertype);
}

static bool is_fragment(const struct sl_test_packet *p)
{
	return p->fragment != 0 || p->more;
}

static bool has_transport(const struct sl_test_packet *p)
{
	return p->fragment == 0 && (!p->more || p->first);
}

static void append_ipv4(struct draft *d, const struct sl_test_packet *p, uint8_t proto,
			const struct sl_addr *from, const struct sl_addr *to)
{
	struct rte_ipv4_hdr ip = {
		.version_ihl = (uint8_t)(0x45 + p->options_length / 4),
		.type_of_service = (uint8_t)(p->dscp << 2),
		.packet_id = htons(p->ip_id),
		.fragment_offset = htons((uint16_t)(p->fragment | (p->more ? 0x2000 : 0) |
						    (p->dont_fragment ? 0x4000 : 0))),
		.time_to_live = p->ttl != 0 ? p->ttl : 64,
		.next_proto_id = proto,
		.src_addr = from->v4,
		.dst_addr = to->v4,
	};

	append(d, &ip, sizeof(ip));
	append(d, p->options, p->options_length);
}

static void append_ipv6(struct draft *d, const struct sl_test_packet *p, uint8_t proto,
			const struct sl_addr *from, const struct sl_addr *to)
{
	uint8_t head[8] = {0x60 | (p->dscp >> 2), (uint8_t)(p->dscp << 6)};
	uint8_t next = p->options_length != 0 ? p->first_header : proto;

	head[6] = is_fragment(p) ? IPPROTO_FRAGMENT : next;
	head[7] = p->ttl != 0 ? p->ttl : 64;
	append(d, head, sizeof(head));
	append(d, from->bytes, 16);
	append(d, to->bytes, 16);
	if (is_fragment(p)) {
		uint8_t fragment[4] = {next, 0, (uint8_t)(p->fragment >> 5),
				       (uint8_t)(p->fragment << 3 | p->more)};
		uint32_t id = htonl(p->ip_id);

		append(d, fragment, sizeof(fragment));
		append(d, &id, sizeof(id));
	}
	append(d, p->options, p->options_length);
}

static void append_transport(struct draft *d, const struct sl_test_packet *p, uint8_t proto)
{
	struct rte_tcp_hdr tcp = {
		.src_port = htons(p->sport),
		.dst_port = htons(p->dport),
		.sent_seq = htonl(p->seq),
		.recv_ack = htonl(p->ack),
		.data_off = 5 << 4,
		.tcp_flags = p->tcp_flags != 0 || p->tcp_null ? p->tcp_flags : RTE_TCP_ACK_FLAG,
		.rx_win = htons(p->window != 0 ? p->window : 65535),
	};
	struct rte_udp_hdr udp = {
		.src_port = tcp.src_port,
		.dst_port = tcp.dst_port,
		.dgram_len = htons((uint16_t)(sizeof(udp) + p->length)),
	};
	struct rte_sctp_hdr sctp = {.src_port = tcp.src_port, .dst_port = tcp.dst_port};

	switch (proto) {
	case IPPROTO_TCP:
		append(d, &tcp, sizeof(tcp));
		break;
	case IPPROTO_UDP:
		append(d, &udp, sizeof(udp));
		break;
	case IPPROTO_SCTP:
		append(d, &sctp, sizeof(sctp));
		break;
	case IPPROTO_ICMP:
	case ICMP6:
		append(d, &p->icmp_type, 1);
		append(d, &p->icmp_code, 1);
		append16(d, 0);
		append16(d, p->icmp_id);
		append16(d, p->icmp_seq);
		break;
	default:
		break;
	}
}

static void append_payload(struct draft *d, const struct sl_test_packet *p)
{
	uint8_t *at = append(d, p->payload, p->length);

	for (uint32_t i = 0; p->payload == NULL && i < p->length; i++)
		at[i] = (uint8_t)i;
}

/* Offset of the checksum in a transport header; 0: it has none. */
static uint32_t checksum_offset(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return offsetof(struct rte_tcp_hdr, cksum);
	case IPPROTO_UDP:
		return offsetof(struct rte_udp_hdr, dgram_cksum);
	case IPPROTO_ICMP:
	case ICMP6:
		return 2;
	default:
		return 0;
	}
}

/*
 * Ones' complement sum of a transport segment and what its checksum covers beside it. Written
 * from RFC 1071 and RFC 8200 section 8.1 and not with DPDK's functions, which plugins use.
 */
static uint16_t transport_sum(const uint8_t *ip, uint8_t proto, const uint8_t *l4, uint32_t length)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < length; i++)
		sum += i % 2 == 0 ? (uint32_t)l4[i] << 8 : l4[i];
	if (proto != IPPROTO_ICMP) {
		const uint8_t *addresses = ip[0] >> 4 == 4 ? ip + 12 : ip + 8;
		uint32_t size = ip[0] >> 4 == 4 ? 8 : 32;

		for (uint32_t i = 0; i < size; i++)
			sum += i % 2 == 0 ? (uint32_t)addresses[i] << 8 : addresses[i];
		sum += proto + length;
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static uint16_t header_sum(const uint8_t *ip, uint32_t length)
{
	return transport_sum(ip, IPPROTO_ICMP, ip, length);
}

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/* Lengths and checksums, once all bytes are there. */
static void close_ip(struct draft *d, const struct sl_test_packet *p, uint8_t proto, uint32_t l3,
		     uint32_t l4)
{
	uint8_t *ip = d->bytes + l3, *segment = d->bytes + l4;
	uint32_t at = checksum_offset(proto);
	uint16_t sum;

	if (ip[0] >> 4 == 4) {
		put16(ip + 2, (uint16_t)(d->length - l3));
		put16(ip + 10, (uint16_t)~header_sum(ip, (ip[0] & 15) * 4));
	} else {
		put16(ip + 4, (uint16_t)(d->length - l3 - 40));
	}
	if (at == 0 || !has_transport(p) || p->no_checksum)
		return;
	sum = (uint16_t)~transport_sum(ip, proto, segment, d->length - l4);
	put16(segment + at, proto == IPPROTO_UDP && sum == 0 ? 0xffff : sum);
}

struct rte_mbuf *sl_test_packet(const struct sl_test_packet *p)
{
	static struct draft d;
	struct sl_addr from, to;
	struct rte_mbuf *m;
	uint32_t l3, l4;
	uint8_t proto = p->proto != 0 ? p->proto : IPPROTO_UDP;

	d.length = 0;
	if (p->from == NULL) {
		append_ethernet(&d, p, p->ethertype);
		append_payload(&d, p);
		goto made;
	}
	if (sl_addr_parse(p->from, &from) != 0 || p->to == NULL || sl_addr_parse(p->to, &to) != 0 ||
	    from.family != to.family)
		sl_test_fail("`%s` and `%s` are not addresses of one family", p->from,
			     p->to != NULL ? p->to : "");
	append_ethernet(&d, p,
			from.family == SL_FAMILY_IPV4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6);
	l3 = d.length;
	if (from.family == SL_FAMILY_IPV4)
		append_ipv4(&d, p, proto, &from, &to);
	else
		append_ipv6(&d, p, proto, &from, &to);
	l4 = d.length;
	if (has_transport(p))
		append_transport(&d, p, proto);
	append_payload(&d, p);
	close_ip(&d, p, proto, l3, l4);
made:
	m = sl_test_bytes(d.bytes, (uint16_t)d.length);
	if (m == NULL)
		sl_test_fail("the packet that was built was refused by sl_packet_parse()");
	sl_packet(m)->mark = p->mark;
	sl_packet(m)->port = p->port;
	return m;
}

/* No byte of the tail is shared with the caller's: an access past the end is seen by ASan only
 * in the bytes, so those after the packet hold a pattern that is in no header. */
struct rte_mbuf *sl_test_segments(const void *bytes, uint16_t length, uint16_t segment)
{
	struct rte_mbuf *first = NULL, **at = &first;
	uint32_t done = 0;

	sl_test_eal();
	do {
		struct rte_mbuf *m = rte_pktmbuf_alloc(sl_test_pool());
		uint16_t part = (uint16_t)RTE_MIN((uint32_t)segment, length - done);
		char *data = m != NULL ? rte_pktmbuf_append(m, part) : NULL;

		if (data == NULL)
			sl_test_fail("no packet buffer for %u bytes", part);
		memcpy(data, (const char *)bytes + done, part);
		memset(data + part, 0xa5, RTE_MIN(rte_pktmbuf_tailroom(m), 128));
		done += part;
		*at = m;
		at = &m->next;
		if (m != first) {
			first->nb_segs++;
			first->pkt_len += part;
		}
	} while (done < length);
	memset(sl_packet(first), 0, sizeof(struct sl_packet));
	if (!sl_packet_parse(first)) {
		rte_pktmbuf_free(first);
		return NULL;
	}
	return first;
}

struct rte_mbuf *sl_test_bytes(const void *bytes, uint16_t length)
{
	return sl_test_segments(bytes, length, SL_TEST_ROOM);
}

static void exact_free(void *memory, void *shared)
{
	free(memory);
	free(shared);
}

struct rte_mbuf *sl_test_exact(const void *bytes, uint16_t length)
{
	struct rte_mbuf_ext_shared_info *shared = calloc(1, sizeof(*shared));
	uint8_t *memory = malloc(RTE_PKTMBUF_HEADROOM + (size_t)length);
	struct rte_mbuf *m;

	sl_test_eal();
	m = rte_pktmbuf_alloc(sl_test_pool());
	if (shared == NULL || memory == NULL || m == NULL || length > SL_TEST_ROOM)
		sl_test_fail("no packet buffer for %u bytes", length);
	shared->free_cb = exact_free;
	shared->fcb_opaque = shared;
	rte_mbuf_ext_refcnt_set(shared, 1);
	memcpy(memory + RTE_PKTMBUF_HEADROOM, bytes, length);
	rte_pktmbuf_attach_extbuf(m, memory, RTE_BAD_IOVA,
				  (uint16_t)(RTE_PKTMBUF_HEADROOM + length), shared);
	m->data_off = RTE_PKTMBUF_HEADROOM;
	m->data_len = length;
	m->pkt_len = length;
	memset(sl_packet(m), 0, sizeof(struct sl_packet));
	if (!sl_packet_parse(m)) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	return m;
}

void sl_test_free(struct rte_mbuf *m)
{
	rte_pktmbuf_free(m);
}

/* The packet's bytes in one piece, whatever its segments. */
static const uint8_t *whole(const struct rte_mbuf *m, uint8_t *room)
{
	return rte_pktmbuf_read(m, 0, rte_pktmbuf_pkt_len(m), room);
}

struct rte_mbuf *sl_test_icmp_error(const struct rte_mbuf *about, const char *from, uint8_t type,
				    uint8_t code)
{
	static uint8_t room[MOST];
	const struct sl_packet *p = sl_packet(about);
	const uint8_t *bytes = whole(about, room);
	uint32_t quoted = rte_pktmbuf_pkt_len(about) - p->l3;
	struct sl_addr source, destination;
	char text[SL_ADDR_TEXT];
	bool v4 = p->family == SL_L3_IPV4;

	sl_packet_addrs(about, &source, &destination);
	return SL_TEST_PACKET(.from = from, .to = sl_addr_format(&source, text),
			      .proto = v4 ? IPPROTO_ICMP : ICMP6, .icmp_type = type,
			      .icmp_code = code, .payload = bytes + p->l3,
			      .length = (uint16_t)RTE_MIN(quoted, 500u));
}

static struct rte_mbuf *fragment_of(const uint8_t *bytes, uint32_t l3, uint32_t start,
				    uint32_t offset, uint32_t size, bool more, uint8_t proto)
{
	static struct draft d;
	uint8_t *ip = d.bytes + l3;

	d.length = 0;
	append(&d, bytes, start);
	if (ip[0] >> 4 == 6) {
		uint8_t head[8] = {
			proto, 0,   (uint8_t)(offset >> 8), (uint8_t)(offset | more), 0x12, 0x34,
			0x56,  0x78};

		ip[6] = IPPROTO_FRAGMENT;
		append(&d, head, sizeof(head));
	}
	append(&d, bytes + start + offset, size);
	if (ip[0] >> 4 == 4) {
		put16(ip + 2, (uint16_t)(d.length - l3));
		put16(ip + 6, (uint16_t)(offset / 8 | (more ? 0x2000 : 0)));
		put16(ip + 10, 0);
		put16(ip + 10, (uint16_t)~header_sum(ip, (ip[0] & 15) * 4));
	} else {
		put16(ip + 4, (uint16_t)(d.length - l3 - 40));
	}
	return sl_test_bytes(d.bytes, (uint16_t)d.length);
}

unsigned int sl_test_fragment(struct rte_mbuf *m, uint16_t size, struct rte_mbuf **fragments,
			      unsigned int room)
{
	static uint8_t copy[MOST];
	const struct sl_packet *p = sl_packet(m);
	const uint8_t *bytes = whole(m, copy);
	uint32_t l3 = p->l3, start = l3 + (bytes[l3] >> 4 == 4 ? (bytes[l3] & 15) * 4u : 40u);
	uint32_t end = rte_pktmbuf_pkt_len(m), offset = 0;
	unsigned int n = 0;

	/* The payload of IP is cut; IPv6 extension headers, if any, are part of it. */
	while (offset < end - start) {
		uint32_t part = RTE_MIN(size & ~7u, end - start - offset);

		if (n == room || part == 0)
			sl_test_fail("more than %u fragments", room);
		fragments[n] = fragment_of(bytes, l3, start, offset, part,
					   offset + part < end - start, bytes[l3 + 6]);
		sl_packet(fragments[n])->mark = p->mark;
		sl_packet(fragments[n])->port = p->port;
		n++;
		offset += part;
	}
	rte_pktmbuf_free(m);
	return n;
}

/* Fields that a node changed must be what parsing says. */
static const char *wrong_fields(const struct rte_mbuf *m, const uint8_t *bytes)
{
	static char text[200];
	const uint16_t own = SL_PKT_MADE | SL_PKT_REASSEMBLED;
	const struct sl_packet *have = sl_packet(m), *want;
	struct rte_mbuf *parsed = sl_test_bytes(bytes, (uint16_t)rte_pktmbuf_pkt_len(m));
	bool same;

	if (parsed == NULL)
		return "sl_packet_parse() refuses it";
	want = sl_packet(parsed);
	same = have->l3 == want->l3 && have->l4 == want->l4 && have->payload == want->payload &&
	       (have->flags & ~own) == (want->flags & ~own) && have->family == want->family &&
	       have->proto == want->proto && have->tcp_flags == want->tcp_flags &&
	       have->vlan == want->vlan;
	if (!same)
		snprintf(text, sizeof(text),
			 "fields (l3 l4 payload flags family proto tcp-flags vlan) are "
			 "%u %u %u %#x %u %u %#x %#x, parsed again %u %u %u %#x %u %u %#x %#x",
			 have->l3, have->l4, have->payload, have->flags & ~own, have->family,
			 have->proto, have->tcp_flags, have->vlan, want->l3, want->l4,
			 want->payload, want->flags & ~own, want->family, want->proto,
			 want->tcp_flags, want->vlan);
	rte_pktmbuf_free(parsed);
	return same ? NULL : text;
}

/* The packet quoted in an ICMPv4 error: its IP header's checksum; more may be cut off. */
static const char *wrong_quote(const uint8_t *icmp, uint32_t length)
{
	static const uint8_t errors[] = {3, 4, 5, 11, 12};
	const uint8_t *inner = icmp + 8;

	if (memchr(errors, icmp[0], sizeof(errors)) == NULL || length < 8 + 20 ||
	    inner[0] >> 4 != 4 || 8 + (inner[0] & 15) * 4u > length)
		return NULL;
	return header_sum(inner, (inner[0] & 15) * 4u) == 0xffff
		       ? NULL
		       : "the IPv4 header quoted in the ICMP error has a wrong checksum";
}

static const char *wrong_sums(const struct rte_mbuf *m, const uint8_t *bytes)
{
	const struct sl_packet *p = sl_packet(m);
	const uint8_t *ip = bytes + p->l3, *l4 = bytes + p->l4;
	uint32_t length, at = checksum_offset(p->proto);

	if ((p->flags & SL_PKT_MALFORMED) || (p->family != SL_L3_IPV4 && p->family != SL_L3_IPV6))
		return NULL;
	length = p->family == SL_L3_IPV4 ? get16(ip + 2) : get16(ip + 4) + 40u;
	if (p->l3 + length > rte_pktmbuf_pkt_len(m))
		return "the IP length is longer than the packet";
	if (p->l4 == 0 || at == 0 || (p->flags & SL_PKT_FRAGMENT))
		return NULL;
	length -= (uint32_t)p->l4 - p->l3;
	if (p->proto == IPPROTO_UDP && get16(l4 + at) == 0)
		return p->family == SL_L3_IPV4 ? NULL : "UDP over IPv6 without a checksum";
	if (transport_sum(ip, p->proto, l4, length) != 0xffff)
		return "the transport checksum is wrong";
	return p->proto == IPPROTO_ICMP ? wrong_quote(l4, length) : NULL;
}

/* Ahead of the fields: to the parser such a packet is malformed, which says less. */
static bool wrong_header(const struct rte_mbuf *m, const uint8_t *bytes)
{
	const struct sl_packet *p = sl_packet(m);
	const uint8_t *ip = bytes + p->l3;

	return p->family == SL_L3_IPV4 && !(p->flags & SL_PKT_MALFORMED) &&
	       p->l3 + 20u <= rte_pktmbuf_pkt_len(m) &&
	       p->l3 + (ip[0] & 15) * 4u <= rte_pktmbuf_pkt_len(m) &&
	       header_sum(ip, (ip[0] & 15) * 4u) != 0xffff;
}

const char *sl_test_wrong(struct rte_mbuf *m)
{
	static uint8_t room[MOST];
	const uint8_t *bytes = whole(m, room);
	const char *wrong = wrong_header(m, bytes) ? "the IPv4 header checksum is wrong"
						   : wrong_fields(m, bytes);

	return wrong != NULL ? wrong : wrong_sums(m, bytes);
}

const char *sl_test_wrong_fields(struct rte_mbuf *m)
{
	static uint8_t room[MOST];

	return wrong_fields(m, whole(m, room));
}

const char *sl_test_text(const struct rte_mbuf *m)
{
	static char texts[4][160];
	static unsigned int turn;
	char *text = texts[turn++ % 4], from_text[SL_ADDR_TEXT], to_text[SL_ADDR_TEXT];
	const struct sl_packet *p = sl_packet(m);
	struct sl_addr from, to;
	unsigned int a = 0, b = 0;

	if (p->family != SL_L3_IPV4 && p->family != SL_L3_IPV6) {
		snprintf(text, sizeof(texts[0]), "no IP");
		return text;
	}
	sl_packet_addrs(m, &from, &to);
	if (sl_has_ports(m)) {
		a = ntohs(sl_udp(m)->src_port);
		b = ntohs(sl_udp(m)->dst_port);
	} else if (p->l4 != 0 && (p->proto == IPPROTO_ICMP || p->proto == ICMP6)) {
		a = ntohs(sl_icmp(m)->icmp_ident);
		b = sl_icmp(m)->icmp_type;
	}
	snprintf(text, sizeof(texts[0]), "%s %u > %s %u %u", sl_addr_format(&from, from_text), a,
		 sl_addr_format(&to, to_text), b, p->proto);
	return text;
}
