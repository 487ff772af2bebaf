/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets of our own, in the name of the virtual address: echo replies, resets, ICMP errors. */
#include "load_balancer.h"

/* Most of an ICMP error, with its IP header (RFC 1812, 4.3.2.3; RFC 4443, 2.4 c). */
#define MOST_IPV4 576
#define MOST_IPV6 1280
/* As many as fall due in a tenth of a second may go out at once. */
#define BURSTS_A_SECOND 10

static void swap_bytes(uint8_t *a, uint8_t *b, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		uint8_t byte = a[i];

		a[i] = b[i];
		b[i] = byte;
	}
}

/* RFC 1122 3.2.2.6, RFC 4443 4.2: the request itself becomes the reply. */
void sl_lb_echo(struct rte_mbuf *m)
{
	struct rte_ether_hdr *ether = sl_ether(m);
	struct rte_icmp_hdr *icmp = sl_icmp(m);
	bool v4 = sl_packet(m)->family == SL_L3_IPV4;
	uint8_t reply = v4 ? 0 : 129;
	uint32_t delta = sl_checksum_delta16(rte_cpu_to_be_16((uint16_t)(icmp->icmp_type << 8)),
					     rte_cpu_to_be_16((uint16_t)(reply << 8)));

	swap_bytes(ether->dst_addr.addr_bytes, ether->src_addr.addr_bytes, RTE_ETHER_ADDR_LEN);
	swap_bytes(lb_ip_src(m), lb_ip_dst(m), v4 ? 4 : 16);
	icmp->icmp_type = reply;
	icmp->icmp_cksum = sl_checksum_apply(icmp->icmp_cksum, delta);
	if (v4) {
		struct rte_ipv4_hdr *ip = sl_ipv4(m);
		uint16_t before, after;

		memcpy(&before, &ip->time_to_live, sizeof(before));
		ip->time_to_live = 64;
		memcpy(&after, &ip->time_to_live, sizeof(after));
		ip->hdr_checksum =
			sl_checksum_apply(ip->hdr_checksum, sl_checksum_delta16(before, after));
	} else {
		sl_ipv6(m)->hop_limits = 64;
	}
}

static bool within_rate(struct lb_worker *w)
{
	uint64_t from = RTE_MAX(w->reject_due, w->now);
	uint64_t burst = RTE_MAX(sl_hz() / BURSTS_A_SECOND, w->plan->reject_interval);

	if (from - w->now > burst) {
		lb_count(w, LB_REPLIES_LIMITED);
		return false;
	}
	w->reject_due = from + w->plan->reject_interval;
	return true;
}

/* Who must not be answered (RFC 1122, 3.2.2; RFC 4443, 2.4 e): its source is no host. */
static bool is_host(uint8_t family, const uint8_t *addr)
{
	static const uint8_t none[16];

	if (family == SL_L3_IPV4)
		return addr[0] != 0 && addr[0] != 127 && addr[0] < 224;
	return addr[0] != 0xff && memcmp(addr, none, 16) != 0;
}

/* What is made: its Ethernet header and tags are those of `m`. */
struct made {
	struct rte_mbuf *m;
	uint8_t *ip, *l4;
};

static bool make(struct lb_worker *w, const struct rte_mbuf *m, const struct lb_error *what,
		 uint8_t proto, uint16_t size, struct made *made)
{
	const struct sl_packet *p = sl_packet(m);
	bool v4 = what->family == SL_L3_IPV4;
	uint16_t header = v4 ? sizeof(struct rte_ipv4_hdr) : 40;
	struct rte_ether_hdr *ether;
	uint8_t *data;

	made->m = sl_make(w->node, (uint16_t)(p->l3 + header + size));
	if (made->m == NULL)
		return false;
	data = rte_pktmbuf_mtod(made->m, uint8_t *);
	memcpy(data, sl_ether(m), p->l3);
	ether = (struct rte_ether_hdr *)data;
	if (what->turned)
		swap_bytes(ether->dst_addr.addr_bytes, ether->src_addr.addr_bytes,
			   RTE_ETHER_ADDR_LEN);
	data[p->l3 - 2] = v4 ? 0x08 : 0x86;
	data[p->l3 - 1] = v4 ? 0x00 : 0xdd;
	made->ip = data + p->l3;
	made->l4 = made->ip + header;
	memset(made->ip, 0, (size_t)header + size);
	if (v4) {
		struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)made->ip;

		ip->version_ihl = 0x45;
		ip->total_length = rte_cpu_to_be_16((uint16_t)(header + size));
		ip->fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG);
		ip->time_to_live = 64;
		ip->next_proto_id = proto;
		memcpy(&ip->src_addr, what->from, 4);
		memcpy(&ip->dst_addr, what->to, 4);
		ip->hdr_checksum = rte_ipv4_cksum(ip);
	} else {
		struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)made->ip;

		made->ip[0] = 0x60;
		ip->payload_len = rte_cpu_to_be_16(size);
		ip->proto = proto;
		ip->hop_limits = 64;
		memcpy(made->ip + 8, what->from, 16);
		memcpy(made->ip + 24, what->to, 16);
	}
	return true;
}

static void emit(struct lb_worker *w, const struct made *made, uint8_t edge)
{
	/* It was written here, whole, so it can be parsed; if not, it goes nowhere. */
	bool whole = sl_packet_parse(made->m);

	sl_emit(w->node, made->m, whole ? edge : SL_DROP(LB_MALFORMED));
	sl_count(w->node, LB_REPLIES, whole);
}

void sl_lb_send_error(struct lb_worker *w, const struct rte_mbuf *m, const struct lb_error *error)
{
	bool v4 = error->family == SL_L3_IPV4;
	uint16_t size = (uint16_t)(sizeof(struct rte_icmp_hdr) + error->length);
	struct rte_icmp_hdr *icmp;
	struct made made;

	if (!is_host(error->family, error->to) || !within_rate(w) ||
	    !make(w, m, error, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, size, &made))
		return;
	icmp = (struct rte_icmp_hdr *)made.l4;
	icmp->icmp_type = error->type;
	icmp->icmp_code = error->code;
	memcpy(made.l4 + 4, &error->word, sizeof(error->word));
	memcpy(made.l4 + 8, error->quote, error->length);
	icmp->icmp_cksum = v4 ? (uint16_t)~rte_raw_cksum(icmp, size)
			      : rte_ipv6_udptcp_cksum((struct rte_ipv6_hdr *)made.ip, icmp);
	emit(w, &made, error->edge);
}

/* An error about a packet at hand, back to its sender. */
static void error_back(struct lb_worker *w, const struct rte_mbuf *m, uint8_t type, uint8_t code,
		       uint32_t word)
{
	const struct sl_packet *p = sl_packet(m);
	uint32_t most = p->family == SL_L3_IPV4 ? MOST_IPV4 - 28 : MOST_IPV6 - 48;
	uint32_t length = RTE_MIN(sl_ip_length(m), most);
	uint8_t room[MOST_IPV6];
	struct lb_error error = {
		.family = p->family,
		.type = type,
		.code = code,
		.from = lb_ip_dst(m),
		.to = lb_ip_src(m),
		.word = rte_cpu_to_be_32(word),
		.quote = (const uint8_t *)rte_pktmbuf_read(m, p->l3, length, room),
		.length = (uint16_t)length,
		.turned = true,
		.edge = SL_BACK,
	};

	if (error.quote != NULL && (p->flags & SL_PKT_GROUP) == 0)
		sl_lb_send_error(w, m, &error);
}

void sl_lb_too_big(struct lb_worker *w, const struct rte_mbuf *m, uint32_t mtu)
{
	bool v4 = sl_packet(m)->family == SL_L3_IPV4;

	error_back(w, m, v4 ? 3 : 2, v4 ? 4 : 0, mtu);
}

/* RFC 9293, 3.10.7.1: a reset of a connection that does not exist. */
static void send_reset(struct lb_worker *w, const struct rte_mbuf *m)
{
	const struct sl_packet *p = sl_packet(m);
	const struct rte_tcp_hdr *tcp = sl_tcp(m);
	struct lb_error what = {
		.family = p->family, .from = lb_ip_dst(m), .to = lb_ip_src(m), .turned = true};
	uint32_t end = p->l3 + sl_ip_length(m);
	struct rte_tcp_hdr *reset;
	struct made made;

	if ((p->flags & SL_PKT_GROUP) != 0 || !is_host(p->family, what.to) || !within_rate(w) ||
	    !make(w, m, &what, IPPROTO_TCP, sizeof(*reset), &made))
		return;
	reset = (struct rte_tcp_hdr *)made.l4;
	reset->src_port = tcp->dst_port;
	reset->dst_port = tcp->src_port;
	reset->data_off = 5 << 4;
	if (p->tcp_flags & RTE_TCP_ACK_FLAG) {
		reset->tcp_flags = RTE_TCP_RST_FLAG;
		reset->sent_seq = tcp->recv_ack;
	} else {
		uint32_t length = end > p->payload ? end - p->payload : 0;

		length += !!(p->tcp_flags & RTE_TCP_SYN_FLAG) + !!(p->tcp_flags & RTE_TCP_FIN_FLAG);
		reset->tcp_flags = RTE_TCP_RST_FLAG | RTE_TCP_ACK_FLAG;
		reset->recv_ack = rte_cpu_to_be_32(rte_be_to_cpu_32(tcp->sent_seq) + length);
	}
	reset->cksum = p->family == SL_L3_IPV4
			       ? rte_ipv4_udptcp_cksum((struct rte_ipv4_hdr *)made.ip, reset)
			       : rte_ipv6_udptcp_cksum((struct rte_ipv6_hdr *)made.ip, reset);
	emit(w, &made, SL_BACK);
}

void sl_lb_reject(struct lb_worker *w, const struct rte_mbuf *m)
{
	const struct sl_packet *p = sl_packet(m);
	bool v4 = p->family == SL_L3_IPV4;

	if (p->proto == IPPROTO_TCP && p->l4 != 0)
		send_reset(w, m);
	else
		error_back(w, m, v4 ? 3 : 1, v4 ? 3 : 4, 0);
}
