/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Answers to packets that are not let through, sent back the way they came. They claim to be
 * from the destination, as the firewall has no address of its own.
 */
#include "firewall.h"

/* Most of an ICMP error, with its IP header (RFC 1812, 4.3.2.3; RFC 4443, 2.4 c). */
#define MOST_IPV4 576
#define MOST_IPV6 1280

/* Packets that must not be answered (RFC 1122, 3.2.2; RFC 4443, 2.4 e; RFC 9293, 3.10.7.1). */
static bool may_answer(const struct rte_mbuf *m)
{
	const struct sl_packet *p = sl_packet(m);

	if (p->flags & (SL_PKT_GROUP | SL_PKT_MALFORMED | SL_PKT_LATER_FRAGMENT))
		return false;
	if (p->family == SL_L3_IPV4) {
		uint32_t source = rte_be_to_cpu_32(sl_ipv4(m)->src_addr);
		uint32_t dest = rte_be_to_cpu_32(sl_ipv4(m)->dst_addr);

		/* This network, loopback, multicast, reserved, broadcast. */
		if (source >> 24 == 0 || source >> 24 == 127 || source >= 0xe0000000 ||
		    dest >= 0xe0000000)
			return false;
	} else if (p->family == SL_L3_IPV6) {
		const uint8_t *ip = sl_l3(m);
		static const uint8_t none[16];

		if (ip[8] == 0xff || ip[24] == 0xff || memcmp(ip + 8, none, 16) == 0)
			return false;
	} else {
		return false;
	}
	/* ICMP errors, redirects: only queries are answered. */
	if (p->proto == IPPROTO_ICMP || p->proto == IPPROTO_ICMPV6)
		return p->l4 != 0 && sl_fw_icmp_request(p->family, sl_icmp(m)->icmp_type) >= 0;
	return p->l4 == 0 || !(p->tcp_flags & RTE_TCP_RST_FLAG);
}

/* An answer with room for so many bytes of IP payload: Ethernet, tags and IP header are there,
 * turned round. *ip is where the IP header stands. */
static struct rte_mbuf *start_answer(struct sl_node *node, const struct rte_mbuf *m, uint8_t proto,
				     uint16_t size, uint8_t **ip)
{
	const struct sl_packet *p = sl_packet(m);
	bool v4 = p->family == SL_L3_IPV4;
	uint16_t l3_size = v4 ? sizeof(struct rte_ipv4_hdr) : sizeof(struct rte_ipv6_hdr);
	struct rte_mbuf *answer = sl_make(node, (uint16_t)(p->l3 + l3_size + size));
	const uint8_t *from = sl_l3(m);
	struct rte_ether_hdr *ether;

	if (answer == NULL)
		return NULL;
	ether = rte_pktmbuf_mtod(answer, struct rte_ether_hdr *);
	memcpy(ether, sl_ether(m), p->l3); /* with VLAN tags */
	ether->dst_addr = sl_ether(m)->src_addr;
	ether->src_addr = sl_ether(m)->dst_addr;
	*ip = rte_pktmbuf_mtod_offset(answer, uint8_t *, p->l3);
	memset(*ip, 0, l3_size + size);
	if (v4) {
		struct rte_ipv4_hdr *header = (struct rte_ipv4_hdr *)*ip;

		header->version_ihl = 0x45;
		header->total_length = rte_cpu_to_be_16(l3_size + size);
		header->fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG);
		header->time_to_live = 64;
		header->next_proto_id = proto;
		memcpy(*ip + 12, from + 16, 4);
		memcpy(*ip + 16, from + 12, 4);
		header->hdr_checksum = rte_ipv4_cksum(header);
	} else {
		struct rte_ipv6_hdr *header = (struct rte_ipv6_hdr *)*ip;

		header->vtc_flow = rte_cpu_to_be_32(0x60000000);
		header->payload_len = rte_cpu_to_be_16(size);
		header->proto = proto;
		header->hop_limits = 64;
		memcpy(*ip + 8, from + 24, 16);
		memcpy(*ip + 24, from + 8, 16);
	}
	return answer;
}

static void send_answer(struct sl_node *node, struct rte_mbuf *answer)
{
	/* It was written here, whole, so it can be parsed; if not, it goes nowhere. */
	bool whole = sl_packet_parse(answer);

	sl_emit(node, answer, whole ? SL_BACK : SL_DROP(FW_REJECT));
	sl_count(node, FW_REPLIES, whole);
}

/* RFC 9293, 3.10.7.1: a reset of a connection that does not exist. */
static void send_reset(struct sl_node *node, const struct rte_mbuf *m)
{
	const struct sl_packet *p = sl_packet(m);
	const struct rte_tcp_hdr *tcp = sl_tcp(m);
	uint32_t end = p->l3 + sl_ip_length(m);
	struct rte_mbuf *answer;
	struct rte_tcp_hdr *reset;
	uint8_t *ip;

	answer = start_answer(node, m, IPPROTO_TCP, sizeof(*reset), &ip);
	if (answer == NULL)
		return;
	reset = (struct rte_tcp_hdr *)(ip + (p->family == SL_L3_IPV4 ? 20 : 40));
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
	reset->cksum = p->family == SL_L3_IPV4 ? rte_ipv4_udptcp_cksum((void *)ip, reset)
					       : rte_ipv6_udptcp_cksum((void *)ip, reset);
	send_answer(node, answer);
}

static void send_error(struct sl_node *node, const struct rte_mbuf *m, bool port)
{
	const struct sl_packet *p = sl_packet(m);
	bool v4 = p->family == SL_L3_IPV4;
	uint32_t most = v4 ? MOST_IPV4 - 28 : MOST_IPV6 - 48;
	uint16_t quote = (uint16_t)RTE_MIN(sl_ip_length(m), most);
	uint16_t size = (uint16_t)(sizeof(struct rte_icmp_hdr) + quote);
	struct rte_mbuf *answer;
	struct rte_icmp_hdr *icmp;
	const void *data;
	uint8_t *ip;

	answer = start_answer(node, m, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, size, &ip);
	if (answer == NULL)
		return;
	icmp = (struct rte_icmp_hdr *)(ip + (v4 ? 20 : 40));
	icmp->icmp_type = v4 ? 3 : 1;
	icmp->icmp_code = v4 ? (port ? 3 : 13) : (port ? 4 : 1);
	data = rte_pktmbuf_read(m, p->l3, quote, icmp + 1);
	if (data != NULL && data != icmp + 1)
		memcpy(icmp + 1, data, quote);
	if (v4)
		icmp->icmp_cksum = (uint16_t)~rte_raw_cksum(icmp, size);
	else
		icmp->icmp_cksum = rte_ipv6_udptcp_cksum((void *)ip, icmp);
	send_answer(node, answer);
}

void sl_fw_reject(struct sl_node *node, const struct fw_policy *policy, const struct rte_mbuf *m,
		  enum fw_with with)
{
	struct fw_worker *worker = node->state;
	const struct sl_packet *p = sl_packet(m);
	bool tcp = p->l4 != 0 && p->proto == IPPROTO_TCP;

	if (!may_answer(m))
		return;
	/* As many as fall due in a tenth of a second may go out at once. */
	if (!sl_fw_within_limit(&worker->reject_due, policy->reject_interval,
				RTE_MAX(sl_hz() / 10, policy->reject_interval), sl_now(node))) {
		sl_count(node, FW_REPLIES_LIMITED, 1);
		return;
	}
	if (with == FW_WITH_RESET || (with == FW_WITH_AUTO && tcp)) {
		if (tcp)
			send_reset(node, m);
		return;
	}
	send_error(node, m,
		   with == FW_WITH_PORT_UNREACHABLE ||
			   (with == FW_WITH_AUTO && p->proto == IPPROTO_UDP));
}
