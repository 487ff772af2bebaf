/* SPDX-License-Identifier: BSD-3-Clause */
#include <sluice/ip.h>
#include <sluice/reply.h>

#include <string.h>

#include <rte_ether.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>

#define HOPS 64

/* Most of an ICMP error, with its IP header (RFC 1812, 4.3.2.3; RFC 4443, 2.4 c). */
#define MOST_IPV4 576
#define MOST_IPV6 1280

static bool is_host4(const uint8_t *address)
{
	return address[0] != 0 && address[0] != 127 && address[0] < 224;
}

static bool is_host6(const uint8_t *address)
{
	static const uint8_t unspecified[16];

	return address[0] != 0xff && memcmp(address, unspecified, sizeof(unspecified)) != 0;
}

/* Of a type that is known to ask for something; ICMPv6 tells errors by their number. */
static bool is_query(const struct rte_mbuf *m)
{
	uint8_t type = sl_icmp(m)->icmp_type;

	if (sl_packet(m)->proto == IPPROTO_ICMPV6)
		return type >= 128 && type != 137; /* redirect */
	return type == 0 || type == 8 || (type >= 9 && type <= 10) || (type >= 13 && type <= 18);
}

bool sl_reply_allowed(const struct rte_mbuf *m)
{
	const struct sl_packet *p = sl_packet(m);
	const uint8_t *ip = sl_l3(m);

	if (!sl_is_ip(m) || (p->flags & (SL_PKT_GROUP | SL_PKT_LATER_FRAGMENT)) != 0)
		return false;
	if (p->family == SL_L3_IPV4 ? !is_host4(ip + 12) || ip[16] >= 224
				    : !is_host6(ip + 8) || ip[24] == 0xff)
		return false;
	if (p->proto == IPPROTO_ICMP || p->proto == IPPROTO_ICMPV6)
		return p->l4 != 0 && is_query(m);
	return p->l4 == 0 || p->proto != IPPROTO_TCP || (p->tcp_flags & RTE_TCP_RST_FLAG) == 0;
}

/* What is being made. */
struct reply {
	struct rte_mbuf *m;
	bool v4;
	uint16_t size; /* bytes behind the IP header */
	uint8_t *ip, *l4;
};

/* A packet with the Ethernet header and tags of `about`, an IP header, and zeroes behind it. */
static bool begin(struct sl_node *node, const struct rte_mbuf *about, uint8_t proto, bool onward,
		  struct reply *reply)
{
	uint16_t link = sl_packet(about)->l3, header = reply->v4 ? 20 : 40;
	struct rte_ether_hdr *ether;

	reply->m = sl_make(node, (uint16_t)(link + header + reply->size));
	if (reply->m == NULL)
		return false;
	ether = sl_ether(reply->m);
	memcpy(ether, sl_ether(about), link);
	if (!onward) {
		ether->dst_addr = sl_ether(about)->src_addr;
		ether->src_addr = sl_ether(about)->dst_addr;
	}
	reply->ip = (uint8_t *)ether + link;
	reply->l4 = reply->ip + header;
	reply->ip[-2] = reply->v4 ? 0x08 : 0x86;
	reply->ip[-1] = reply->v4 ? 0x00 : 0xdd;
	memset(reply->ip, 0, header + (size_t)reply->size);
	reply->ip[reply->v4 ? offsetof(struct rte_ipv4_hdr, next_proto_id)
			    : offsetof(struct rte_ipv6_hdr, proto)] = proto;
	return true;
}

static void write_ipv4(const struct reply *reply, uint8_t tos, const void *from, const void *to)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(void *)reply->ip;

	ip->version_ihl = RTE_IPV4_VHL_DEF;
	ip->type_of_service = tos;
	ip->total_length = rte_cpu_to_be_16((uint16_t)(sizeof(*ip) + reply->size));
	/* Never in fragments, so that it needs no identification (RFC 6864). */
	ip->fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG);
	ip->time_to_live = HOPS;
	memcpy(&ip->src_addr, from, 4);
	memcpy(&ip->dst_addr, to, 4);
	ip->hdr_checksum = rte_ipv4_cksum(ip);
}

static void write_ipv6(const struct reply *reply, const void *from, const void *to)
{
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)(void *)reply->ip;

	ip->vtc_flow = RTE_BE32(UINT32_C(6) << 28);
	ip->payload_len = rte_cpu_to_be_16(reply->size);
	ip->hop_limits = HOPS;
	memcpy(reply->ip + 8, from, 16);
	memcpy(reply->ip + 24, to, 16);
}

static struct rte_mbuf *finish(const struct reply *reply, const struct rte_mbuf *about)
{
	sl_packet(reply->m)->port = sl_packet(about)->port;
	if (sl_packet_parse(reply->m))
		return reply->m;
	rte_pktmbuf_free(reply->m);
	return NULL;
}

struct rte_mbuf *sl_reply_error(struct sl_node *node, const struct rte_mbuf *m,
				const struct sl_reply_error *error)
{
	const struct sl_packet *p = sl_packet(m);
	bool quotes = error->quote == NULL; /* the packet itself */
	struct reply reply = {.v4 = (quotes ? p->family : error->family) == SL_L3_IPV4};
	uint32_t most = reply.v4 ? MOST_IPV4 - 20 : MOST_IPV6 - 40;
	uint32_t length = quotes ? RTE_MIN(sl_ip_length(m), m->pkt_len - p->l3) : error->length;
	uint32_t info = rte_cpu_to_be_32(error->info);
	struct rte_icmp_hdr *icmp;
	const uint8_t *about;

	length = RTE_MIN(length, most - (uint32_t)sizeof(*icmp));
	reply.size = (uint16_t)(sizeof(*icmp) + length);
	if (!begin(node, m, reply.v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, error->onward, &reply))
		return NULL;
	icmp = (struct rte_icmp_hdr *)(void *)reply.l4;
	about = quotes ? rte_pktmbuf_read(m, p->l3, length, icmp + 1) : error->quote;
	if (about != NULL && about != (const uint8_t *)(icmp + 1))
		memcpy(icmp + 1, about, length);
	about = (const uint8_t *)(icmp + 1);
	icmp->icmp_type = error->type;
	icmp->icmp_code = error->code;
	memcpy(reply.l4 + 4, &info, sizeof(info));
	if (!(reply.v4 ? is_host4(about + 12) : is_host6(about + 8))) {
		rte_pktmbuf_free(reply.m);
		return NULL;
	}
	if (reply.v4) {
		/* RFC 1812, 4.3.2.5: precedence 6, internetwork control. */
		write_ipv4(&reply, 0xc0, error->from != NULL ? error->from : about + 16,
			   about + 12);
		icmp->icmp_cksum = (uint16_t)~rte_raw_cksum(icmp, reply.size);
	} else {
		write_ipv6(&reply, error->from != NULL ? error->from : about + 24, about + 8);
		icmp->icmp_cksum = rte_ipv6_udptcp_cksum((void *)reply.ip, icmp);
	}
	return finish(&reply, m);
}

struct rte_mbuf *sl_reply_reset(struct sl_node *node, const struct rte_mbuf *m)
{
	const struct sl_packet *p = sl_packet(m);
	const struct rte_tcp_hdr *tcp = sl_tcp(m);
	const uint8_t *ip = sl_l3(m);
	uint32_t end = p->l3 + sl_ip_length(m);
	struct reply reply = {.v4 = p->family == SL_L3_IPV4, .size = sizeof(*tcp)};
	struct rte_tcp_hdr *reset;

	if (!begin(node, m, IPPROTO_TCP, false, &reply))
		return NULL;
	reset = (struct rte_tcp_hdr *)(void *)reply.l4;
	reset->src_port = tcp->dst_port;
	reset->dst_port = tcp->src_port;
	reset->data_off = 5 << 4;
	reset->tcp_flags = RTE_TCP_RST_FLAG;
	if (p->tcp_flags & RTE_TCP_ACK_FLAG) {
		reset->sent_seq = tcp->recv_ack;
	} else {
		uint32_t length = end > p->payload ? end - p->payload : 0;

		length += !!(p->tcp_flags & RTE_TCP_SYN_FLAG) + !!(p->tcp_flags & RTE_TCP_FIN_FLAG);
		reset->tcp_flags |= RTE_TCP_ACK_FLAG;
		reset->recv_ack = rte_cpu_to_be_32(rte_be_to_cpu_32(tcp->sent_seq) + length);
	}
	if (reply.v4) {
		write_ipv4(&reply, 0, ip + 16, ip + 12);
		reset->cksum = rte_ipv4_udptcp_cksum((void *)reply.ip, reset);
	} else {
		write_ipv6(&reply, ip + 24, ip + 8);
		reset->cksum = rte_ipv6_udptcp_cksum((void *)reply.ip, reset);
	}
	return finish(&reply, m);
}
