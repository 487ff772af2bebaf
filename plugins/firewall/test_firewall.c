/* SPDX-License-Identifier: BSD-3-Clause */
/* Rules, sessions that are not TCP, limits, timeouts, full tables, rejects, commands. */
#include "test_firewall.h"

#define A   "10.0.0.1"
#define B   "192.0.2.9"
#define A6  "2001:db8::1"
#define B6  "2001:db8:1::9"
#define UDP .proto = IPPROTO_UDP
#define DNS .from = A, .to = B, UDP, .sport = 4000, .dport = 53

static void test_rules_decide_and_sessions_let_back(void **state)
{
	struct sl_test *t =
		sl_test_new(firewall_type(), "rules:\n"
					     "- {drop: udp, side: inside, dport: 1000-2000}\n"
					     "- {allow: [udp, icmp], side: inside}\n"
					     "- {allow: udp, side: outside, dport: 500}\n");

	EXPECT(t, SL_INSIDE, SL_DROP(FW_RULE), .from = A, .to = B, .sport = 1, .dport = 1500);
	EXPECT(t, SL_OUTSIDE, SL_DROP(FW_DEFAULT), .from = B, .to = A, .sport = 53, .dport = 4000);
	EXPECT(t, SL_INSIDE, SL_ON, DNS);
	EXPECT(t, SL_OUTSIDE, SL_ON, .from = B, .to = A, .sport = 53, .dport = 4000);
	EXPECT(t, SL_OUTSIDE, SL_DROP(FW_DEFAULT), .from = B, .to = A, .sport = 54, .dport = 4000);
	EXPECT(t, SL_OUTSIDE, SL_ON, .from = B, .to = A, .sport = 7, .dport = 500);
	assert_int_equal(open_sessions(t), 2);
	assert_int_equal(sl_test_counter(t, "created"), 2);
	assert_int_equal(sl_test_counter(t, "established"), 1);
	sl_test_end(t);
}

static void test_default_policies(void **state)
{
	struct sl_test *t = sl_test_new(firewall_type(), "default: allow\n");

	EXPECT(t, SL_INSIDE, SL_ON, DNS);
	assert_int_equal(sl_test_configure(t, "default: reject\n"), 0);
	EXPECT(t, SL_INSIDE, SL_DROP(FW_REJECT), .from = A, .to = B, .sport = 9, .dport = 9);
	assert_int_equal(sl_test_count(t, SL_INSIDE, SL_BACK), 1);
	sl_test_end(t);
}

static void test_burst_of_one_flow_makes_one_session(void **state)
{
	struct sl_test *t = sl_test_new(firewall_type(), "rules: [{allow: udp}]\n");

	for (int i = 0; i < 100; i++)
		sl_test_push(t, SL_INSIDE, SL_TEST_PACKET(DNS));
	for (int i = 0; i < 100; i++)
		sl_test_push(t, SL_INSIDE, SL_TEST_PACKET(.from = A6, .to = B6, .dport = 53));
	sl_test_run(t);
	assert_int_equal(sl_test_count(t, SL_INSIDE, SL_ON), 200);
	assert_int_equal(sl_test_counter(t, "created"), 2);
	assert_int_equal(sl_test_counter(t, "established"), 198);
	sl_test_end(t);
}

static void test_ipv6_and_vlan_are_part_of_the_key(void **state)
{
	struct sl_test *t = sl_test_new(firewall_type(), "rules: [{allow: any, side: inside}]\n");

	EXPECT(t, SL_INSIDE, SL_ON, .from = A6, .to = B6, .sport = 5, .dport = 53);
	EXPECT(t, SL_OUTSIDE, SL_ON, .from = B6, .to = A6, .sport = 53, .dport = 5);
	EXPECT(t, SL_OUTSIDE, SL_DROP(FW_DEFAULT), .from = B6, .to = A6, .sport = 53, .dport = 6);
	EXPECT(t, SL_INSIDE, SL_ON, DNS, .vlan = 5);
	EXPECT(t, SL_OUTSIDE, SL_DROP(FW_DEFAULT), .from = B, .to = A, .sport = 53, .dport = 4000,
	       .vlan = 6);
	EXPECT(t, SL_OUTSIDE, SL_ON, .from = B, .to = A, .sport = 53, .dport = 4000, .vlan = 5);
	sl_test_end(t);
}

static void test_icmp_queries(void **state)
{
	struct sl_test *t = sl_test_new(firewall_type(), "rules: [{allow: any}]\n");

	/* An answer alone is none. */
	EXPECT(t, SL_OUTSIDE, SL_DROP(FW_NO_SESSION), .from = B, .to = A, .proto = IPPROTO_ICMP,
	       .icmp_type = 0, .icmp_id = 7);
	EXPECT(t, SL_INSIDE, SL_ON, .from = A, .to = B, .proto = IPPROTO_ICMP, .icmp_type = 8,
	       .icmp_id = 7);
	EXPECT(t, SL_OUTSIDE, SL_DROP(FW_NO_SESSION), .from = B, .to = A, .proto = IPPROTO_ICMP,
	       .icmp_type = 0, .icmp_id = 8);
	EXPECT(t, SL_OUTSIDE, SL_DROP(FW_NO_SESSION), .from = B, .to = A, .proto = IPPROTO_ICMP,
	       .icmp_type = 14, .icmp_id = 7);
	EXPECT(t, SL_OUTSIDE, SL_ON, .from = B, .to = A, .proto = IPPROTO_ICMP, .icmp_type = 0,
	       .icmp_id = 7);
	EXPECT(t, SL_INSIDE, SL_ON, .from = A6, .to = B6, .proto = IPPROTO_ICMPV6, .icmp_type = 128,
	       .icmp_id = 7);
	EXPECT(t, SL_OUTSIDE, SL_ON, .from = B6, .to = A6, .proto = IPPROTO_ICMPV6,
	       .icmp_type = 129, .icmp_id = 7);
	sl_test_end(t);
}

static void test_other_protocols_have_sessions(void **state)
{
	struct sl_test *t = sl_test_new(firewall_type(), "rules: [{allow: 47, side: inside}]\n");

	EXPECT(t, SL_OUTSIDE, SL_DROP(FW_DEFAULT), .from = B, .to = A, .proto = 47);
	EXPECT(t, SL_INSIDE, SL_ON, .from = A, .to = B, .proto = 47);
	EXPECT(t, SL_OUTSIDE, SL_ON, .from = B, .to = A, .proto = 47);
	sl_test_end(t);
}

static void error_about(struct sl_test *t, int where, const struct sl_test_packet *about,
			const char *from, uint8_t type)
{
	struct rte_mbuf *quoted = sl_test_packet(about);
	struct rte_mbuf *error = sl_test_icmp_error(quoted, from, type, 1);

	assert_int_equal(sl_test_one(t, SL_OUTSIDE, error), where);
	sl_test_free(quoted);
}

static void test_related_errors(void **state)
{
	struct sl_test *t = sl_test_new(firewall_type(), "rules: [{allow: any, side: inside}]\n");
	const struct sl_test_packet dns = {DNS};
	struct sl_test_packet other = dns;
	const struct sl_test_packet v6 = {.from = A6, .to = B6, .sport = 6, .dport = 53};

	error_about(t, SL_DROP(FW_UNRELATED), &dns, "203.0.113.1", 3);
	EXPECT(t, SL_INSIDE, SL_ON, DNS);
	EXPECT(t, SL_INSIDE, SL_ON, .from = A6, .to = B6, .sport = 6, .dport = 53);
	error_about(t, SL_ON, &dns, "203.0.113.1", 3);
	error_about(t, SL_ON, &dns, "203.0.113.1", 11);
	error_about(t, SL_ON, &v6, "2001:db8:ffff::1", 1);
	error_about(t, SL_ON, &v6, "2001:db8:ffff::1", 2);
	other.dport = 54;
	error_about(t, SL_DROP(FW_UNRELATED), &other, "203.0.113.1", 3);
	assert_int_equal(sl_test_counter(t, "related"), 4);
	assert_int_equal(open_sessions(t), 1);
	sl_test_end(t);
}

static void test_related_error_must_go_to_the_sender(void **state)
{
	struct sl_test *t = sl_test_new(firewall_type(), "rules: [{allow: udp}]\n");
	struct rte_mbuf *quoted = SL_TEST_PACKET(DNS);
	struct rte_mbuf *error = sl_test_icmp_error(quoted, "203.0.113.1", 3, 1);
	uint32_t elsewhere = rte_cpu_to_be_32(0x0a0000ff);

	EXPECT(t, SL_INSIDE, SL_ON, DNS);
	memcpy(&sl_ipv4(error)->dst_addr, &elsewhere, 4);
	sl_ipv4(error)->hdr_checksum = 0;
	sl_ipv4(error)->hdr_checksum = rte_ipv4_cksum(sl_ipv4(error));
	assert_true(sl_packet_parse(error));
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, error), SL_DROP(FW_UNRELATED));
	sl_test_free(quoted);
	sl_test_end(t);
}

static void test_errors_cut_short(void **state)
{
	struct sl_test *t = sl_test_new(firewall_type(), "rules: [{allow: any}]\n");
	struct rte_mbuf *quoted = SL_TEST_PACKET(DNS);
	struct rte_mbuf *whole = sl_test_icmp_error(quoted, "203.0.113.1", 3, 1);

	EXPECT(t, SL_INSIDE, SL_ON, DNS);
	/* Less than the IP header and eight bytes: no ports to be seen. */
	for (uint16_t length = 34; length < 14 + 20 + 8 + 28; length++) {
		uint8_t bytes[128];
		struct rte_mbuf *m;
		struct rte_ipv4_hdr *ip;

		memcpy(bytes, rte_pktmbuf_mtod(whole, void *), length);
		ip = (struct rte_ipv4_hdr *)(bytes + 14);
		ip->total_length = rte_cpu_to_be_16(length - 14);
		ip->hdr_checksum = 0;
		ip->hdr_checksum = rte_ipv4_cksum(ip);
		m = sl_test_bytes(bytes, length);
		assert_non_null(m);
		assert_true(sl_test_one(t, SL_OUTSIDE, m) >= SL_EDGE_DROP);
	}
	sl_test_free(quoted);
	sl_test_free(whole);
	sl_test_end(t);
}

static void test_arp_and_neighbours(void **state)
{
	struct sl_test *t = sl_test_new(firewall_type(), "default: deny\n");
	uint8_t arp[42] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0,
			   1,    8,    6,    0,    1,    8,    0, 6, 4, 0, 1};

	assert_int_equal(sl_test_one(t, SL_INSIDE, sl_test_bytes(arp, sizeof(arp))), SL_ON);
	EXPECT(t, SL_INSIDE, SL_ON, .from = A6, .to = B6, .proto = IPPROTO_ICMPV6, .icmp_type = 135,
	       .ttl = 255);
	EXPECT(t, SL_INSIDE, SL_DROP(FW_BAD_ND), .from = A6, .to = B6, .proto = IPPROTO_ICMPV6,
	       .icmp_type = 135, .ttl = 254);
	assert_int_equal(sl_test_configure(t, "neighbours: rules\n"), 0);
	assert_int_equal(sl_test_one(t, SL_INSIDE, sl_test_bytes(arp, sizeof(arp))),
			 SL_DROP(FW_DEFAULT));
	sl_test_end(t);
}

static void test_timeouts(void **state)
{
	struct sl_test *t = sl_test_new(firewall_type(), "rules: [{allow: any, side: inside}]\n"
							 "udp: 10 s\nudp-stream: 40 s\n"
							 "icmp: 5 s\ngeneric: 1 h\n");

	EXPECT(t, SL_INSIDE, SL_ON, DNS);
	EXPECT(t, SL_INSIDE, SL_ON, .from = A, .to = B, .proto = IPPROTO_ICMP, .icmp_type = 8);
	EXPECT(t, SL_INSIDE, SL_ON, .from = A, .to = B, .proto = 47);
	assert_int_equal(open_sessions(t), 3);
	sl_test_advance(t, 4 * SECOND);
	assert_int_equal(open_sessions(t), 3);
	sl_test_advance(t, 2 * SECOND);
	assert_int_equal(open_sessions(t), 2); /* ICMP went */
	EXPECT(t, SL_INSIDE, SL_ON, DNS);      /* at 6 s */
	sl_test_advance(t, 9 * SECOND);
	assert_int_equal(open_sessions(t), 2);
	EXPECT(t, SL_OUTSIDE, SL_ON, .from = B, .to = A, .sport = 53, .dport = 4000);
	EXPECT(t, SL_INSIDE, SL_ON, DNS); /* a stream now */
	sl_test_advance(t, 39 * SECOND);
	assert_int_equal(open_sessions(t), 2);
	sl_test_advance(t, 2 * SECOND);
	assert_int_equal(open_sessions(t), 1);
	EXPECT(t, SL_OUTSIDE, SL_DROP(FW_DEFAULT), .from = B, .to = A, .sport = 53, .dport = 4000);
	/* Farther than the wheel reaches at once. */
	sl_test_advance(t, 3500 * SECOND);
	assert_int_equal(open_sessions(t), 1);
	for (int i = 0; i < 200; i++)
		sl_test_advance(t, SECOND);
	assert_int_equal(open_sessions(t), 0);
	assert_int_equal(sl_test_counter(t, "expired"), 3);
	sl_test_end(t);
}

static void test_table_full_drop(void **state)
{
	struct sl_test *t = sl_test_new(firewall_type(), "rules: [{allow: any}]\n"
							 "sessions: 16\ntable-full: drop\n");

	for (uint16_t i = 0; i < 16; i++)
		EXPECT(t, SL_INSIDE, SL_ON, .from = A, .to = B, .sport = i + 1, .dport = 53);
	EXPECT(t, SL_INSIDE, SL_DROP(FW_TABLE_FULL), .from = A, .to = B, .sport = 99, .dport = 53);
	EXPECT(t, SL_INSIDE, SL_ON, .from = A, .to = B, .sport = 1, .dport = 53);
	sl_test_advance(t, 60 * SECOND);
	EXPECT(t, SL_INSIDE, SL_ON, .from = A, .to = B, .sport = 99, .dport = 53);
	sl_test_end(t);
}

static void test_table_full_evict(void **state)
{
	struct sl_test *t = sl_test_new(firewall_type(), "rules: [{allow: any, side: inside}]\n"
							 "sessions: 16\n");

	for (uint16_t i = 0; i < 16; i++)
		EXPECT(t, SL_INSIDE, SL_ON, .from = A, .to = B, .sport = i + 1, .dport = 53);
	/* The oldest has a reply, so the second is the oldest that may go. */
	EXPECT(t, SL_OUTSIDE, SL_ON, .from = B, .to = A, .sport = 53, .dport = 1);
	EXPECT(t, SL_INSIDE, SL_ON, .from = A, .to = B, .sport = 99, .dport = 53);
	EXPECT(t, SL_OUTSIDE, SL_DROP(FW_DEFAULT), .from = B, .to = A, .sport = 53, .dport = 2);
	for (uint16_t i = 2; i < 16; i++)
		EXPECT(t, SL_OUTSIDE, SL_ON, .from = B, .to = A, .sport = 53, .dport = i + 1);
	EXPECT(t, SL_OUTSIDE, SL_ON, .from = B, .to = A, .sport = 53, .dport = 99);
	/* All were replied to: nothing may go. */
	EXPECT(t, SL_INSIDE, SL_DROP(FW_TABLE_FULL), .from = A, .to = B, .sport = 5000,
	       .dport = 53);
	assert_int_equal(sl_test_counter(t, "evicted"), 1);
	sl_test_end(t);
}

static void test_sessions_per_source(void **state)
{
	struct sl_test *t = sl_test_new(firewall_type(), "rules: [{allow: any}]\n"
							 "sessions-per-source: 2\n");

	for (int round = 0; round < 2; round++) {
		EXPECT(t, SL_INSIDE, SL_ON, .from = A, .to = B, .sport = 1, .dport = 53);
		EXPECT(t, SL_INSIDE, SL_ON, .from = A, .to = B, .sport = 2, .dport = 53);
		EXPECT(t, SL_INSIDE, SL_DROP(FW_SOURCE_LIMIT), .from = A, .to = B, .sport = 3,
		       .dport = 53);
		EXPECT(t, SL_INSIDE, SL_ON, .from = "10.0.0.2", .to = B, .sport = 3, .dport = 53);
		EXPECT(t, SL_INSIDE, SL_ON, .from = A6, .to = B6, .sport = 3, .dport = 53);
		sl_test_advance(t, 60 * SECOND);
		assert_int_equal(open_sessions(t), 0);
	}
	sl_test_end(t);
}

static void test_limit(void **state)
{
	struct sl_test *t =
		sl_test_new(firewall_type(), "rules: [{allow: udp, limit: 10/s, burst: 3}]\n");

	for (int round = 0; round < 2; round++) {
		uint16_t base = (uint16_t)(100 * (round + 1));

		for (uint16_t i = 0; i < 3; i++)
			EXPECT(t, SL_INSIDE, SL_ON, .from = A, .to = B, .sport = base + i,
			       .dport = 53);
		EXPECT(t, SL_INSIDE, SL_DROP(FW_LIMITED), .from = A, .to = B, .sport = base + 50,
		       .dport = 53);
		/* Open sessions go on. */
		EXPECT(t, SL_INSIDE, SL_ON, .from = A, .to = B, .sport = base, .dport = 53);
		sl_test_advance(t, SECOND / 10 + SECOND / 100);
		EXPECT(t, SL_INSIDE, SL_ON, .from = A, .to = B, .sport = base + 60, .dport = 53);
		EXPECT(t, SL_INSIDE, SL_DROP(FW_LIMITED), .from = A, .to = B, .sport = base + 61,
		       .dport = 53);
		sl_test_advance(t, SECOND);
	}
	sl_test_end(t);
}

static void test_changed_rules_revoke_sessions(void **state)
{
	struct sl_test *t = sl_test_new(firewall_type(), "rules: [{allow: any, side: inside}]\n");

	EXPECT(t, SL_INSIDE, SL_ON, DNS);
	EXPECT(t, SL_INSIDE, SL_ON, .from = A, .to = B, .sport = 1, .dport = 80);
	EXPECT(t, SL_INSIDE, SL_ON, .from = A, .to = B, .proto = IPPROTO_TCP, .sport = 1,
	       .dport = 80, .tcp_flags = RTE_TCP_SYN_FLAG, .seq = 9);
	assert_int_equal(sl_test_configure(t, "rules:\n"
					      "- {drop: udp, dport: 80}\n"
					      "- {allow: udp, from: 10.0.0.0/8, dport: 53}\n"
					      "- {allow: tcp, tcp-flags: 'syn,!ack'}\n"),
			 0);
	/* A reply is judged by the packet that it replies to. */
	EXPECT(t, SL_OUTSIDE, SL_ON, .from = B, .to = A, .sport = 53, .dport = 4000);
	EXPECT(t, SL_INSIDE, SL_ON, DNS);
	EXPECT(t, SL_OUTSIDE, SL_ON, .from = B, .to = A, .proto = IPPROTO_TCP, .sport = 80,
	       .dport = 1, .tcp_flags = RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG, .ack = 10);
	EXPECT(t, SL_OUTSIDE, SL_DROP(FW_REVOKED), .from = B, .to = A, .sport = 80, .dport = 1);
	EXPECT(t, SL_INSIDE, SL_DROP(FW_RULE), .from = A, .to = B, .sport = 1, .dport = 80);
	assert_int_equal(open_sessions(t), 2);
	assert_int_not_equal(sl_test_configure(t, "sessions: 99\n"), 0);
	sl_test_end(t);
}

/* ---- Rejects ---- */

static void test_reject_udp(void **state)
{
	struct sl_test *t = sl_test_new(firewall_type(), "rules: [{reject: any}]\n");
	struct rte_mbuf *m = SL_TEST_PACKET(DNS, .payload = "0123456789", .length = 10, .vlan = 7);
	static const uint8_t expected[] = {
		2,    0,    0, 0,  0, 1, 2,    0, 0,  0, 0, 2, 0x81, 0, 0, 7, 8,  0, /* turned
											round,
											tagged */
		0x45, 0xc0, 0, 66, 0, 0, 0x40, 0, 64, 1, 0, 0, 192,  0, 2, 9, 10, 0, 0,
		1,    3,    3, 0,  0, 0, 0,    0, 0, /* port unreachable */
	};
	uint8_t got[128], quoted[38];
	struct rte_mbuf *answer;

	memcpy(quoted, sl_l3(m), sizeof(quoted));
	assert_int_equal(sl_test_one(t, SL_INSIDE, m), SL_DROP(FW_REJECT));
	answer = sl_test_out(t, SL_INSIDE, SL_BACK, 0);
	assert_non_null(answer);
	assert_null(sl_test_wrong(answer));
	assert_int_equal(answer->pkt_len, 84);
	memcpy(got, rte_pktmbuf_mtod(answer, void *), 84);
	memset(got + 18 + 10, 0, 2); /* checksums were verified above */
	memset(got + 38 + 2, 0, 2);
	assert_memory_equal(got, expected, sizeof(expected));
	assert_memory_equal(got + sizeof(expected), quoted, sizeof(quoted));
	assert_true(sl_packet(answer)->flags & SL_PKT_MADE);
	sl_test_end(t);
}

static void expect_reset(struct sl_test *t, const struct sl_test_packet *packet, uint32_t seq,
			 uint32_t ack, uint8_t flags)
{
	struct rte_mbuf *answer;
	const struct rte_tcp_hdr *tcp;

	assert_int_equal(sl_test_one(t, SL_INSIDE, sl_test_packet(packet)), SL_DROP(FW_REJECT));
	answer = sl_test_out(t, SL_INSIDE, SL_BACK, 0);
	assert_non_null(answer);
	assert_null(sl_test_wrong(answer));
	tcp = sl_tcp(answer);
	assert_int_equal(rte_be_to_cpu_32(tcp->sent_seq), seq);
	assert_int_equal(rte_be_to_cpu_32(tcp->recv_ack), ack);
	assert_int_equal(tcp->tcp_flags, flags);
	assert_int_equal(rte_be_to_cpu_16(tcp->src_port), packet->dport);
	assert_int_equal(rte_be_to_cpu_16(tcp->dst_port), packet->sport);
}

static void test_reject_tcp(void **state)
{
	struct sl_test *t = sl_test_new(firewall_type(), "rules: [{reject: tcp}]\n"
							 "tcp-pickup: true\n");
	struct sl_test_packet syn = {.from = A,
				     .to = B,
				     .proto = IPPROTO_TCP,
				     .sport = 4000,
				     .dport = 80,
				     .seq = 0xffffffff,
				     .tcp_flags = RTE_TCP_SYN_FLAG};
	struct sl_test_packet ack = syn;

	expect_reset(t, &syn, 0, 0, RTE_TCP_RST_FLAG | RTE_TCP_ACK_FLAG);
	syn.length = 5;
	expect_reset(t, &syn, 0, 5, RTE_TCP_RST_FLAG | RTE_TCP_ACK_FLAG);
	syn.from = A6;
	syn.to = B6;
	expect_reset(t, &syn, 0, 5, RTE_TCP_RST_FLAG | RTE_TCP_ACK_FLAG);
	ack.tcp_flags = RTE_TCP_ACK_FLAG;
	ack.ack = 12345;
	expect_reset(t, &ack, 12345, 0, RTE_TCP_RST_FLAG);
	sl_test_end(t);
}

static void test_reject_ipv6_and_with(void **state)
{
	struct sl_test *t =
		sl_test_new(firewall_type(), "rules:\n"
					     "- {reject: udp, dport: 1, with: admin-prohibited}\n"
					     "- {reject: [udp, 47]}\n");
	const struct rte_mbuf *answer;

	EXPECT(t, SL_OUTSIDE, SL_DROP(FW_REJECT), .from = A6, .to = B6, .sport = 1, .dport = 1,
	       .length = 1400);
	answer = sl_test_out(t, SL_OUTSIDE, SL_BACK, 0);
	assert_non_null(answer);
	assert_int_equal(answer->pkt_len, 14 + 1280); /* RFC 4443: no more than the least MTU */
	assert_int_equal(sl_icmp(answer)->icmp_type, 1);
	assert_int_equal(sl_icmp(answer)->icmp_code, 1);
	EXPECT(t, SL_OUTSIDE, SL_DROP(FW_REJECT), .from = A6, .to = B6, .sport = 1, .dport = 2);
	assert_int_equal(sl_icmp(sl_test_out(t, SL_OUTSIDE, SL_BACK, 0))->icmp_code, 4);
	EXPECT(t, SL_OUTSIDE, SL_DROP(FW_REJECT), .from = A, .to = B, .proto = 47);
	assert_int_equal(sl_icmp(sl_test_out(t, SL_OUTSIDE, SL_BACK, 0))->icmp_code, 13);
	sl_test_end(t);
}

static void test_reject_answers_no_multicast_and_no_storm(void **state)
{
	struct sl_test *t = sl_test_new(firewall_type(), "rules: [{reject: any}]\n"
							 "reject-rate: 10/s\n");

	EXPECT(t, SL_INSIDE, SL_DROP(FW_REJECT), .from = A, .to = "224.0.0.5", .dport = 9);
	assert_int_equal(sl_test_count(t, SL_INSIDE, SL_BACK), 0);
	EXPECT(t, SL_INSIDE, SL_DROP(FW_REJECT), .from = "0.0.0.0", .to = B, .dport = 9);
	assert_int_equal(sl_test_count(t, SL_INSIDE, SL_BACK), 0);
	for (int i = 0; i < 100; i++)
		sl_test_push(t, SL_INSIDE, SL_TEST_PACKET(DNS));
	sl_test_run(t);
	assert_in_range(sl_test_count(t, SL_INSIDE, SL_BACK), 1, 2);
	assert_in_range(sl_test_counter(t, "replies-limited"), 98, 99);
	sl_test_end(t);
}

/* ---- Commands, events, configuration ---- */

static void test_commands(void **state)
{
	struct sl_test *t = sl_test_new(firewall_type(), "rules: [{allow: udp}]\n"
							 "accounting: true\n");
	const char *json;

	EXPECT(t, SL_INSIDE, SL_ON, DNS);
	EXPECT(t, SL_OUTSIDE, SL_ON, .from = B, .to = A, .sport = 53, .dport = 4000);
	EXPECT(t, SL_INSIDE, SL_ON, .from = A6, .to = B6, .sport = 5, .dport = 53);
	EXPECT(t, SL_INSIDE, SL_DROP(FW_DEFAULT), .from = A, .to = B, .proto = 47);
	json = sl_test_command(t, "sessions", NULL);
	assert_non_null(json);
	assert_non_null(strstr(json, "10.0.0.1"));
	assert_non_null(strstr(json, "2001:db8::1"));
	assert_non_null(strstr(json, "reply-packets"));
	json = sl_test_command(t, "sessions", "address: 10.0.0.0/8\n");
	assert_non_null(strstr(json, "10.0.0.1"));
	assert_null(strstr(json, "2001:db8::1"));
	json = sl_test_command(t, "rules", NULL);
	assert_non_null(strstr(json, "default"));
	json = sl_test_command(t, "summary", NULL);
	assert_non_null(strstr(json, "sessions-ipv6"));
	assert_non_null(sl_test_command(t, "clear", "address: 10.0.0.1\n"));
	assert_int_equal(open_sessions(t), 0);
	json = sl_test_command(t, "sessions", NULL);
	assert_null(strstr(json, "10.0.0.1"));
	assert_non_null(strstr(json, "2001:db8::1"));
	sl_test_end(t);
}

static void test_log(void **state)
{
	struct sl_test *t = sl_test_new(firewall_type(), "rules: [{allow: udp, log: true}]\n"
							 "log: true\n");

	EXPECT(t, SL_INSIDE, SL_ON, DNS);
	EXPECT(t, SL_INSIDE, SL_ON, DNS);
	EXPECT(t, SL_INSIDE, SL_DROP(FW_DEFAULT), .from = A, .to = B, .proto = 47);
	assert_int_equal(sl_test_event_count(t), 2);
	assert_string_equal(sl_test_event_name(t, 0), "allow");
	assert_non_null(strstr(sl_test_event_json(t, 0), "192.0.2.9"));
	assert_string_equal(sl_test_event_name(t, 1), "drop");
	sl_test_end(t);
}

static void test_bad_configurations(void **state)
{
	const struct sl_node_type *type = firewall_type();

	assert_non_null(strstr(sl_test_refused(type, "rules: [{allow: udp, proto: tcp}]"), "once"));
	assert_non_null(strstr(sl_test_refused(type, "rules: [{allow: icmp, dport: 3}]"), "never"));
	assert_non_null(sl_test_refused(type, "rules: [{allow: udp, drop: tcp}]"));
	assert_non_null(sl_test_refused(type, "rules: [{dport: 3}]"));
	assert_non_null(
		strstr(sl_test_refused(type, "rules: [{reject: udp, with: reset}]"), "TCP"));
	assert_non_null(
		strstr(sl_test_refused(type, "rules: [{allow: tcp, with: reset}]"), "reject"));
	assert_non_null(strstr(sl_test_refused(type, "rules: [{allow: tcp, burst: 3}]"), "limit"));
	assert_non_null(strstr(sl_test_refused(type, "rules: [{allow: tcp, tcp-flags: xyz}]"),
			       "tcp-flags"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules_decide_and_sessions_let_back),
		cmocka_unit_test(test_default_policies),
		cmocka_unit_test(test_burst_of_one_flow_makes_one_session),
		cmocka_unit_test(test_ipv6_and_vlan_are_part_of_the_key),
		cmocka_unit_test(test_icmp_queries),
		cmocka_unit_test(test_other_protocols_have_sessions),
		cmocka_unit_test(test_related_errors),
		cmocka_unit_test(test_related_error_must_go_to_the_sender),
		cmocka_unit_test(test_errors_cut_short),
		cmocka_unit_test(test_arp_and_neighbours),
		cmocka_unit_test(test_timeouts),
		cmocka_unit_test(test_table_full_drop),
		cmocka_unit_test(test_table_full_evict),
		cmocka_unit_test(test_sessions_per_source),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_changed_rules_revoke_sessions),
		cmocka_unit_test(test_reject_udp),
		cmocka_unit_test(test_reject_tcp),
		cmocka_unit_test(test_reject_ipv6_and_with),
		cmocka_unit_test(test_reject_answers_no_multicast_and_no_storm),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_bad_configurations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
