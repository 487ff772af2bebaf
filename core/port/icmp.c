/* SPDX-License-Identifier: BSD-3-Clause */
/* ICMP errors and echo replies, made on a worker. */
#include <rte_random.h>

#include <core/port/fragment.h>
#include <core/port/icmp.h>

#define HOPS 64 /* of what we send */

/* RFC 1812 4.3.2.3: as much of the packet as fits in 576 bytes; RFC 4443 2.4 (c): in 1280. */
#define MOST_ICMP   576
#define MOST_ICMPV6 1280

struct icmp_header {
	uint8_t type, code;
	uint16_t checksum;
	uint32_t info;
} __attribute__((packed));

struct code {
	uint8_t type, code;
};

static const struct code codes[][2] = {
	/* IPv4, IPv6 */
	[SL_ICMP_TTL] = {{11, 0}, {3, 0}},     [SL_ICMP_REASSEMBLY] = {{11, 1}, {3, 1}},
	[SL_ICMP_NO_ROUTE] = {{3, 0}, {1, 0}}, [SL_ICMP_HOST] = {{3, 1}, {1, 3}},
	[SL_ICMP_PROTOCOL] = {{3, 2}, {4, 1}}, [SL_ICMP_PORT] = {{3, 3}, {1, 4}},
	[SL_ICMP_TOO_BIG] = {{3, 4}, {2, 0}},  [SL_ICMP_PARAMETER] = {{12, 0}, {4, 0}},
	[SL_ICMP_SCOPE] = {{3, 13}, {1, 2}},
};

/* RFC 1122 3.2.2: queries may be answered with an error, errors and what is unknown may not. */
static bool is_query(uint8_t type)
{
	return type == 0 || type == 8 || (type >= 9 && type <= 10) || (type >= 13 && type <= 18);
}

static bool allowed4(const struct sl_l3_port *l3, const struct rte_mbuf *m)
{
	const struct sl_packet *p = sl_packet(m);
	const struct rte_ipv4_hdr *ip = sl_ipv4(m);
	struct sl_addr source = sl_l3_addr(SL_FAMILY_IPV4, &ip->src_addr);
	struct sl_addr to = sl_l3_addr(SL_FAMILY_IPV4, &ip->dst_addr);
	enum sl_nexthop_kind kind = sl_route_find(l3, &source)->kind;

	if ((p->flags & SL_PKT_GROUP) != 0 || to.bytes[0] >= 224)
		return false;
	if (sl_route_find(l3, &to)->kind == SL_NEXTHOP_BROADCAST || kind == SL_NEXTHOP_BROADCAST ||
	    kind == SL_NEXTHOP_NEVER)
		return false;
	/* An ICMP message whose type cannot be read may be an error. */
	return p->proto != IPPROTO_ICMP || (p->l4 != 0 && is_query(sl_icmp(m)->icmp_type));
}

/* RFC 4443 2.4 (e). */
static bool allowed6(const struct rte_mbuf *m, enum sl_icmp_cause cause)
{
	static const uint8_t unspecified[16];
	const struct sl_packet *p = sl_packet(m);
	const struct rte_ipv6_hdr *ip = sl_ipv6(m);
	const uint8_t *source = sl_ip6_source(ip);

	if (cause != SL_ICMP_TOO_BIG &&
	    ((p->flags & SL_PKT_GROUP) != 0 || sl_ip6_destination(ip)[0] == 0xff))
		return false;
	if (source[0] == 0xff || memcmp(source, unspecified, 16) == 0)
		return false;
	if (p->proto != IPPROTO_ICMPV6)
		return true;
	return p->l4 != 0 && sl_icmp(m)->icmp_type >= 128 && sl_icmp(m)->icmp_type != 137;
}

bool sl_icmp_allowed(const struct sl_l3_port *l3, const struct rte_mbuf *about,
		     enum sl_icmp_cause cause)
{
	const struct sl_packet *p = sl_packet(about);

	/* About what we made ourselves there is nobody to tell. */
	if ((p->flags & (SL_PKT_LATER_FRAGMENT | SL_PKT_MALFORMED | SL_PKT_MADE)) != 0)
		return false;
	return p->family == SL_L3_IPV4 ? allowed4(l3, about) : allowed6(about, cause);
}

/* A bucket of tokens as the time at which it will be full again (GCRA). */
static bool within_rate(struct sl_l3_port *l3, const struct sl_node *node)
{
	uint64_t now = sl_now(node);
	uint64_t *next = &l3->icmp[node->worker].next;

	if (l3->icmp_interval == 0)
		return false;
	if (*next < now)
		*next = now;
	if (*next - now > l3->icmp_burst)
		return false;
	*next += l3->icmp_interval;
	return true;
}

/* Bytes of a packet that may lie in several segments. */
static void copy_out(const struct rte_mbuf *m, uint32_t at, uint32_t length, uint8_t *to)
{
	const void *bytes = rte_pktmbuf_read(m, at, length, to);

	if (bytes != to)
		memcpy(to, bytes, length);
}

static void write4(struct rte_mbuf *m, const struct rte_mbuf *about, const struct sl_addr *source,
		   const struct icmp_header *icmp, uint32_t quoted)
{
	struct rte_ether_hdr *ether = sl_ether(m);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(ether + 1);
	struct icmp_header *header = (struct icmp_header *)(ip + 1);

	ether->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	memset(ip, 0, sizeof(*ip));
	ip->version_ihl = 0x45;
	ip->type_of_service = 0xc0; /* RFC 1812 4.3.2.5: precedence 6, internetwork control */
	ip->total_length = rte_cpu_to_be_16((uint16_t)(sizeof(*ip) + sizeof(*header) + quoted));
	ip->packet_id = (uint16_t)rte_rand();
	ip->time_to_live = HOPS;
	ip->next_proto_id = IPPROTO_ICMP;
	ip->src_addr = source->v4;
	ip->dst_addr = sl_ipv4(about)->src_addr;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	*header = *icmp;
	copy_out(about, sl_packet(about)->l3, quoted, (uint8_t *)(header + 1));
	header->checksum = (uint16_t)~rte_raw_cksum(header, sizeof(*header) + quoted);
}

static void write6(struct rte_mbuf *m, const struct rte_mbuf *about, const struct sl_addr *source,
		   const struct icmp_header *icmp, uint32_t quoted)
{
	struct rte_ether_hdr *ether = sl_ether(m);
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)(ether + 1);
	struct icmp_header *header = (struct icmp_header *)(ip + 1);

	ether->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV6);
	ip->vtc_flow = RTE_BE32(6u << 28);
	ip->payload_len = rte_cpu_to_be_16((uint16_t)(sizeof(*header) + quoted));
	ip->proto = IPPROTO_ICMPV6;
	ip->hop_limits = HOPS;
	memcpy(sl_ip6_source(ip), source->bytes, 16);
	memcpy(sl_ip6_destination(ip), sl_ip6_source(sl_ipv6(about)), 16);
	*header = *icmp;
	copy_out(about, sl_packet(about)->l3, quoted, (uint8_t *)(header + 1));
	header->checksum = rte_ipv6_udptcp_cksum(ip, header);
}

/* IPv4 keeps the MTU in the lower half (RFC 1191 4), and a pointer in the highest byte. */
static uint32_t info_of(bool v4, enum sl_icmp_cause cause, uint32_t info)
{
	if (v4 && cause == SL_ICMP_PARAMETER)
		info <<= 24;
	else if (v4 && cause != SL_ICMP_TOO_BIG)
		info = 0;
	return rte_cpu_to_be_32(info);
}

void sl_icmp_error(struct sl_node *node, struct sl_l3_port *l3, const struct rte_mbuf *about,
		   enum sl_icmp_cause cause, uint32_t info)
{
	bool v4 = sl_packet(about)->family == SL_L3_IPV4;
	const struct code *code = &codes[cause][!v4];
	struct icmp_header icmp = {
		.type = code->type, .code = code->code, .info = info_of(v4, cause, info)};
	uint32_t headers =
		(v4 ? sizeof(struct rte_ipv4_hdr) : sizeof(struct rte_ipv6_hdr)) + sizeof(icmp);
	uint32_t quoted = RTE_MIN(sl_ip_length(about), (v4 ? MOST_ICMP : MOST_ICMPV6) - headers);
	const struct sl_addr *source;
	struct sl_addr to;
	struct rte_mbuf *m;

	if (!sl_icmp_allowed(l3, about, cause))
		return;
	to = v4 ? sl_l3_addr(SL_FAMILY_IPV4, &sl_ipv4(about)->src_addr)
		: sl_l3_addr(SL_FAMILY_IPV6, sl_ip6_source(sl_ipv6(about)));
	source = sl_l3_source(l3, &to);
	quoted = RTE_MIN(quoted, rte_pktmbuf_pkt_len(about) - sl_packet(about)->l3);
	if (source == NULL)
		return;
	if (!within_rate(l3, node)) {
		sl_count(node, SL_ICMP_LIMITED, 1);
		return;
	}
	m = sl_make(node, (uint16_t)(sizeof(struct rte_ether_hdr) + headers + quoted));
	if (m == NULL)
		return;
	/* l3-out writes the addresses of the Ethernet header. */
	memset(sl_ether(m), 0, sizeof(struct rte_ether_hdr));
	(v4 ? write4 : write6)(m, about, source, &icmp, quoted);
	sl_packet(m)->port = sl_packet(about)->port;
	(void)sl_packet_parse(m);
	sl_count(node, SL_ICMP_SENT, 1);
	sl_emit(node, m, SL_BACK);
}

static void swap(uint8_t *a, uint8_t *b, size_t length)
{
	uint8_t kept[16];

	memcpy(kept, a, length);
	memcpy(a, b, length);
	memcpy(b, kept, length);
}

/* The sum minds neither the order of the addresses, nor whether the payload was right: a
 * request with a bad checksum makes a reply with one. */
void sl_icmp_echo(struct rte_mbuf *m)
{
	struct rte_icmp_hdr *icmp = sl_icmp(m);
	uint16_t before, after;

	memcpy(&before, icmp, 2);
	if (sl_packet(m)->family == SL_L3_IPV4) {
		struct rte_ipv4_hdr *ip = sl_ipv4(m);

		swap((uint8_t *)&ip->src_addr, (uint8_t *)&ip->dst_addr, 4);
		ip->time_to_live = HOPS;
		ip->hdr_checksum = 0;
		ip->hdr_checksum = rte_ipv4_cksum(ip);
		icmp->icmp_type = 0;
	} else {
		struct rte_ipv6_hdr *ip = sl_ipv6(m);

		swap(sl_ip6_source(ip), sl_ip6_destination(ip), 16);
		ip->hop_limits = HOPS;
		icmp->icmp_type = 129;
	}
	memcpy(&after, icmp, 2);
	icmp->icmp_cksum = sl_checksum_apply(icmp->icmp_cksum, sl_checksum_delta16(before, after));
	sl_packet(m)->flags |= SL_PKT_MADE;
}
