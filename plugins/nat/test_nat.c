/* SPDX-License-Identifier: BSD-3-Clause */
/* What becomes of packets: what each RFC asks for, one test each. */
#include "test.h"

/* The hash of the packet is that of its new addresses. */
static void expect_hash(struct sl_test *t, enum sl_side from)
{
	struct rte_mbuf *m = sl_test_take(t, from, SL_ON, 0);
	uint32_t hash = sl_packet_hash(m);

	assert_true(sl_packet_parse(m));
	assert_int_equal(sl_packet_hash(m), hash);
	sl_test_free(m);
}

/* RFC 4787 REQ-1 and the way back, by each protocol with ports. */
static void round_trip(void **state)
{
	static const uint8_t protos[] = {IPPROTO_UDP, IPPROTO_TCP};

	for (unsigned int i = 0; i < 2; i++) {
		struct sl_test *t = sl_test_new(type, BASE);
		unsigned int name = protos[i];
		uint16_t port = send_out(t, protos[i], HOST, 5000, FAR, 53);

		expect_text(t, SL_INSIDE, SL_ON, POOL " %u > " FAR " 53 %u", port, name);
		assert_int_equal(send_in(t, protos[i], FAR, 53, POOL, port, 0), SL_ON);
		expect_text(t, SL_OUTSIDE, SL_ON, FAR " 53 > " HOST " 5000 %u", name);
		/* Now known: the quick way must do the same. */
		assert_int_equal(sl_test_one(t, SL_INSIDE, packet(protos[i], HOST, 5000, FAR, 53)),
				 SL_ON);
		expect_text(t, SL_INSIDE, SL_ON, POOL " %u > " FAR " 53 %u", port, name);
		assert_int_equal(send_in(t, protos[i], FAR, 53, POOL, port, 0), SL_ON);
		expect_text(t, SL_OUTSIDE, SL_ON, FAR " 53 > " HOST " 5000 %u", name);
		expect_hash(t, SL_OUTSIDE);
		assert_int_equal(sl_test_counter(t, "sessions-made"), 1);
		assert_int_equal(sl_test_counter(t, "translated-out"), 2);
		assert_int_equal(sl_test_counter(t, "translated-in"), 2);
		sl_test_end(t);
	}
}

/* RFC 5508 REQ-1: queries by their id; two hosts with one id are told apart. */
static void icmp_query(void **state)
{
	struct sl_test *t = sl_test_new(type, BASE);
	uint16_t id[2];

	for (unsigned int i = 0; i < 2; i++) {
		const char *host = i == 0 ? HOST : "10.0.0.2";

		assert_int_equal(
			sl_test_one(t, SL_INSIDE,
				    SL_TEST_PACKET(.proto = IPPROTO_ICMP, .from = host, .to = FAR,
						   .icmp_type = 8, .icmp_id = 77, .length = 33)),
			SL_ON);
		id[i] = rte_be_to_cpu_16(sl_icmp(out(t, SL_INSIDE, SL_ON))->icmp_ident);
	}
	assert_int_not_equal(id[0], id[1]);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(
			sl_test_one(t, SL_OUTSIDE,
				    SL_TEST_PACKET(.proto = IPPROTO_ICMP, .from = FAR, .to = POOL,
						   .icmp_type = 0, .icmp_id = id[i], .length = 33)),
			SL_ON);
		assert_int_equal(sl_icmp(out(t, SL_OUTSIDE, SL_ON))->icmp_ident,
				 rte_cpu_to_be_16(77));
		assert_int_equal(sl_ipv4(out(t, SL_OUTSIDE, SL_ON))->dst_addr,
				 rte_cpu_to_be_32(0x0a000001 + i));
	}
	assert_int_equal(sl_test_one(t, SL_OUTSIDE,
				     SL_TEST_PACKET(.proto = IPPROTO_ICMP, .from = "192.0.2.9",
						    .to = POOL, .icmp_type = 8, .icmp_id = id[0])),
			 dropped("filtered"));
	assert_int_equal(sl_test_one(t, SL_INSIDE,
				     SL_TEST_PACKET(.proto = IPPROTO_ICMP, .from = HOST, .to = FAR,
						    .icmp_type = 0, .icmp_id = 99)),
			 dropped("no-mapping"));
	assert_int_equal(sl_test_one(t, SL_INSIDE,
				     SL_TEST_PACKET(.proto = IPPROTO_ICMP, .from = HOST, .to = FAR,
						    .icmp_type = 5, .icmp_id = 99)),
			 dropped("unsupported-icmp"));
	sl_test_end(t);
}

/* RFC 4787 REQ-1: one outside port whatever the remote; each protocol its own. */
static void endpoint_independent_mapping(void **state)
{
	struct sl_test *t = sl_test_new(type, BASE);
	uint16_t port = send_out(t, IPPROTO_UDP, HOST, 5000, FAR, 53);

	assert_int_equal(send_out(t, IPPROTO_UDP, HOST, 5000, FAR, 54), port);
	assert_int_equal(send_out(t, IPPROTO_UDP, HOST, 5000, "192.0.2.2", 53), port);
	assert_int_not_equal(send_out(t, IPPROTO_UDP, HOST, 5001, FAR, 53), port);
	assert_int_not_equal(send_out(t, IPPROTO_UDP, "10.0.0.2", 5000, FAR, 53), port);
	assert_int_equal(sl_test_counter(t, "mappings-made"), 3);
	assert_int_equal(sl_test_counter(t, "sessions-made"), 5);
	sl_test_end(t);
}

/* RFC 4787 REQ-8, RFC 5382 REQ-3. */
static void filtering(void **state)
{
	static const char *const modes[] = {"endpoint-independent", "address-dependent",
					    "address-and-port-dependent"};

	for (int mode = 0; mode < 3; mode++) {
		char yaml[200];
		struct sl_test *t;
		uint16_t port, tcp;

		snprintf(yaml, sizeof(yaml), BASE "filtering: %s\n", modes[mode]);
		t = sl_test_new(type, yaml);
		port = send_out(t, IPPROTO_UDP, HOST, 5000, FAR, 53);
		tcp = send_out(t, IPPROTO_TCP, HOST, 5000, FAR, 53);
		assert_int_equal(send_in(t, IPPROTO_UDP, FAR, 53, POOL, port, 0), SL_ON);
		assert_int_equal(send_in(t, IPPROTO_UDP, FAR, 54, POOL, port, 0),
				 mode == 2 ? dropped("filtered") : SL_ON);
		assert_int_equal(send_in(t, IPPROTO_UDP, "192.0.2.2", 53, POOL, port, 0),
				 mode >= 1 ? dropped("filtered") : SL_ON);
		assert_int_equal(send_in(t, IPPROTO_TCP, FAR, 9, POOL, tcp, RTE_TCP_SYN_FLAG),
				 mode == 2 ? dropped("filtered") : SL_ON);
		assert_int_equal(send_in(t, IPPROTO_TCP, FAR, 10, POOL, tcp, RTE_TCP_ACK_FLAG),
				 mode == 2 ? dropped("filtered") : dropped("not-syn"));
		assert_int_equal(send_in(t, IPPROTO_UDP, FAR, 53, POOL, port ^ 2, 0),
				 dropped("no-mapping"));
		/* A permit goes with the last session of that remote, neither earlier nor later. */
		sl_test_advance(t, 60 * SECOND);
		send_out(t, IPPROTO_UDP, HOST, 5000, FAR, 55);
		assert_int_equal(send_in(t, IPPROTO_UDP, FAR, 55, POOL, port, 0), SL_ON);
		sl_test_advance(t, 250 * SECOND);
		send_out(t, IPPROTO_UDP, HOST, 5000, "192.0.2.77", 55);
		assert_int_equal(send_in(t, IPPROTO_UDP, FAR, 60, POOL, port, 0),
				 mode == 2 ? dropped("filtered") : SL_ON);
		sl_test_advance(t, 115 * SECOND);
		send_out(t, IPPROTO_UDP, HOST, 5000, "192.0.2.77", 55);
		sl_test_advance(t, 15 * SECOND);
		assert_int_equal(send_in(t, IPPROTO_UDP, FAR, 61, POOL, port, 0),
				 mode == 0 ? SL_ON : dropped("filtered"));
		sl_test_advance(t, 301 * SECOND);
		assert_int_equal(send_in(t, IPPROTO_UDP, FAR, 54, POOL, port, 0),
				 dropped("no-mapping"));
		sl_test_end(t);
	}
}

static void who_is_translated(void **state)
{
	struct sl_test *t = sl_test_new(type, BASE);

	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, "11.0.0.1", 1, FAR, 2)),
			 dropped("not-ours"));
	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, HOST, 1, "224.0.0.1", 2)),
			 dropped("not-ours"));
	assert_int_equal(send_in(t, IPPROTO_UDP, FAR, 1, HOST, 2, 0), dropped("not-ours"));
	assert_int_equal(send_in(t, IPPROTO_UDP, POOL, 1, POOL, 2, 0), dropped("spoofed"));
	assert_int_equal(sl_test_one(t, SL_INSIDE,
				     SL_TEST_PACKET(.from = "2001:db8::1", .to = "2001:db8::2")),
			 SL_ON);
	assert_int_equal(sl_test_one(t, SL_INSIDE,
				     SL_TEST_PACKET(.from = HOST, .to = FAR, .proto = IPPROTO_GRE)),
			 dropped("unsupported-protocol"));
	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_TCP, HOST, 1, FAR, 2)),
			 dropped("not-syn"));
	assert_int_equal(sl_test_one(t, SL_INSIDE,
				     SL_TEST_PACKET(.from = HOST, .to = FAR, .more = true,
						    .first = true, .length = 64)),
			 dropped("fragment"));
	sl_test_end(t);

	t = sl_test_new(type, BASE "except: 172.16.0.0/12\n");
	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, HOST, 1, "172.16.0.1", 2)),
			 SL_ON);
	expect_text(t, SL_INSIDE, SL_ON, HOST " 1 > 172.16.0.1 2 17");
	assert_int_equal(send_in(t, IPPROTO_UDP, "172.16.0.1", 2, HOST, 1, 0), SL_ON);
	assert_int_equal(send_in(t, IPPROTO_UDP, FAR, 2, HOST, 1, 0), dropped("not-ours"));
	assert_int_equal(sl_test_counter(t, "passed"), 2);
	sl_test_end(t);

	t = sl_test_new(type, BASE "others: pass\n");
	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, "11.0.0.1", 1, FAR, 2)),
			 SL_ON);
	assert_int_equal(send_in(t, IPPROTO_UDP, FAR, 1, HOST, 2, 0), SL_ON);
	expect_text(t, SL_OUTSIDE, SL_ON, FAR " 1 > " HOST " 2 17");
	assert_int_equal(sl_test_counter(t, "passed"), 2);
	sl_test_end(t);
}

/* RFC 4787 REQ-9: with the outside address and port as source. */
static void hairpin(void **state)
{
	struct sl_test *t = sl_test_new(type, BASE "filtering: endpoint-independent\n");
	uint16_t b = send_out(t, IPPROTO_UDP, "10.0.0.2", 6000, FAR, 53), a;

	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, HOST, 5000, POOL, b)),
			 SL_BACK);
	a = rte_be_to_cpu_16(sl_udp(out(t, SL_INSIDE, SL_BACK))->src_port);
	expect_text(t, SL_INSIDE, SL_BACK, POOL " %u > 10.0.0.2 6000 17", a);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(
			sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, "10.0.0.2", 6000, POOL, a)),
			SL_BACK);
		expect_text(t, SL_INSIDE, SL_BACK, POOL " %u > " HOST " 5000 17", b);
	}
	assert_int_equal(send_out(t, IPPROTO_UDP, HOST, 5000, FAR, 53), a);
	assert_int_equal(sl_test_counter(t, "hairpinned"), 4);
	/* Who writes such a source outside is not believed. */
	assert_int_equal(send_in(t, IPPROTO_UDP, POOL, a, POOL, b, 0), dropped("spoofed"));
	sl_test_end(t);

	t = sl_test_new(type, BASE);
	b = send_out(t, IPPROTO_UDP, "10.0.0.2", 6000, FAR, 53);
	a = send_out(t, IPPROTO_UDP, HOST, 5000, FAR, 53);
	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, HOST, 5000, POOL, b)),
			 dropped("filtered"));
	/* It has opened its own filter by that (as peers with ICE do). */
	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, "10.0.0.2", 6000, POOL, a)),
			 SL_BACK);
	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, HOST, 5000, POOL, b)),
			 SL_BACK);
	sl_test_end(t);

	t = sl_test_new(type, BASE "hairpinning: false\n");
	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, HOST, 5000, POOL, 9)),
			 dropped("hairpin-off"));
	assert_int_equal(sl_test_counter(t, "sessions-made"), 0);
	sl_test_end(t);
}

static void forwards(void **state)
{
	struct sl_test *t = sl_test_new(
		type, BASE "forward:\n"
			   "  - {proto: tcp, outside: 198.51.100.1, port: 80, inside: 10.0.0.9, "
			   "inside-port: 8080}\n"
			   "  - {proto: [udp, tcp], outside: 198.51.100.7, port: 5000-5003, "
			   "inside: 10.0.0.8, inside-port: 6000}\n"
			   "  - {proto: tcp, outside: 198.51.100.7, port: 80, inside: 10.0.0.9, "
			   "inside-port: 8080}\n");

	assert_int_equal(send_in(t, IPPROTO_TCP, FAR, 999, POOL, 80, RTE_TCP_SYN_FLAG), SL_ON);
	expect_text(t, SL_OUTSIDE, SL_ON, FAR " 999 > 10.0.0.9 8080 6");
	assert_int_equal(
		sl_test_one(t, SL_INSIDE,
			    SL_TEST_PACKET(.proto = IPPROTO_TCP, .from = "10.0.0.9", .to = FAR,
					   .sport = 8080, .dport = 999,
					   .tcp_flags = RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG)),
		SL_ON);
	expect_text(t, SL_INSIDE, SL_ON, POOL " 80 > " FAR " 999 6");
	assert_int_equal(send_in(t, IPPROTO_UDP, FAR, 999, "198.51.100.7", 5003, 0), SL_ON);
	expect_text(t, SL_OUTSIDE, SL_ON, FAR " 999 > 10.0.0.8 6003 17");
	assert_int_equal(send_in(t, IPPROTO_UDP, FAR, 999, "198.51.100.7", 5004, 0),
			 dropped("no-mapping"));
	/* The same remote port to the same server by another outside address: not both. */
	assert_int_equal(send_in(t, IPPROTO_TCP, FAR, 999, "198.51.100.7", 80, RTE_TCP_SYN_FLAG),
			 dropped("tuple-in-use"));
	assert_int_equal(send_in(t, IPPROTO_TCP, FAR, 998, "198.51.100.7", 80, RTE_TCP_SYN_FLAG),
			 SL_ON);
	assert_int_equal(send_out(t, IPPROTO_TCP, "10.0.0.9", 8080, "192.0.2.77", 7), 80);
	assert_int_equal(sl_ipv4(out(t, SL_INSIDE, SL_ON))->src_addr, rte_cpu_to_be_32(0xc6336401));
	/* What the server sends by itself leaves by its port, and inside hosts reach it. */
	assert_int_equal(send_out(t, IPPROTO_UDP, "10.0.0.8", 6001, FAR, 7), 5001);
	assert_int_equal(
		sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, HOST, 1, "198.51.100.7", 5000)),
		SL_BACK);
	pass_hours(t, 800);
	assert_int_equal(send_in(t, IPPROTO_UDP, FAR, 1000, "198.51.100.7", 5003, 0), SL_ON);
	assert_int_equal(sl_test_counter(t, "mappings-ended"), 1);
	sl_test_end(t);
}

static void one_to_one(void **state)
{
	struct sl_test *t =
		sl_test_new(type, "one-to-one:\n"
				  "  - {outside: 198.51.100.16/29, inside: 10.1.0.8/29}\n"
				  "  - {outside: 198.51.100.9, inside: 10.2.0.1}\n");
	static const uint8_t protos[] = {IPPROTO_UDP, IPPROTO_TCP, IPPROTO_GRE, IPPROTO_ESP,
					 IPPROTO_SCTP};

	for (unsigned int i = 0; i < 5; i++) {
		assert_int_equal(
			sl_test_one(t, SL_INSIDE, packet(protos[i], "10.1.0.10", 1, FAR, 2)),
			SL_ON);
		assert_int_equal(sl_ipv4(out(t, SL_INSIDE, SL_ON))->src_addr,
				 rte_cpu_to_be_32(0xc6336412));
		assert_int_equal(
			sl_test_one(t, SL_OUTSIDE, packet(protos[i], FAR, 2, "198.51.100.18", 1)),
			SL_ON);
		assert_int_equal(sl_ipv4(out(t, SL_OUTSIDE, SL_ON))->dst_addr,
				 rte_cpu_to_be_32(0x0a01000a));
	}
	assert_int_equal(sl_test_one(t, SL_OUTSIDE,
				     SL_TEST_PACKET(.proto = IPPROTO_ICMP, .from = FAR,
						    .to = "198.51.100.9", .icmp_type = 8)),
			 SL_ON);
	assert_int_equal(sl_ipv4(out(t, SL_OUTSIDE, SL_ON))->dst_addr,
			 rte_cpu_to_be_32(0x0a020001));
	/* Between two of them. */
	assert_int_equal(
		sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, "10.1.0.8", 1, "198.51.100.9", 2)),
		SL_BACK);
	expect_text(t, SL_INSIDE, SL_BACK, "198.51.100.16 1 > 10.2.0.1 2 17");
	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, "10.9.0.1", 1, FAR, 2)),
			 dropped("pool-exhausted"));
	assert_int_equal(sl_test_counter(t, "sessions-made"), 0);
	sl_test_end(t);
}

/* RFC 5508 section 4, both ways; sl_test_wrong() checks the outer sums, this the quoted ones. */
static void check_quote(const struct rte_mbuf *m, const char *quoted)
{
	uint8_t bytes[600] = {0};
	uint16_t at = sl_packet(m)->l4 + 8, length = (uint16_t)(m->pkt_len - at);
	struct rte_mbuf *inner;
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(bytes + 14);

	bytes[12] = 8;
	memcpy(bytes + 14, rte_pktmbuf_mtod_offset(m, const uint8_t *, at), length);
	assert_int_equal(rte_ipv4_cksum(ip), 0);
	if (rte_be_to_cpu_16(ip->total_length) != length)
		return;
	inner = sl_test_bytes(bytes, 14 + length);
	assert_null(sl_test_wrong(inner));
	assert_string_equal(sl_test_text(inner), quoted);
	sl_test_free(inner);
}

static void icmp_errors(void **state)
{
	static const uint8_t types[] = {3, 11, 12, 4};
	struct sl_test *t = sl_test_new(type, BASE);
	struct rte_mbuf *sent, *received, *m;
	char ping[100];
	uint16_t port;

	for (unsigned int i = 0; i < 4; i++) {
		/* A router outside about what a host sent. */
		port = send_out(t, IPPROTO_UDP, HOST, 5000, FAR, 53);
		sent = sl_test_take(t, SL_INSIDE, SL_ON, 0);
		m = sl_test_icmp_error(sent, "203.0.113.1", types[i], 0);
		assert_int_equal(sl_test_one(t, SL_OUTSIDE, m), SL_ON);
		assert_int_equal(sl_ipv4(out(t, SL_OUTSIDE, SL_ON))->dst_addr,
				 rte_cpu_to_be_32(0x0a000001));
		check_quote(out(t, SL_OUTSIDE, SL_ON), HOST " 5000 > " FAR " 53 17");
		sl_test_free(sent);

		/* The host about what it received. */
		assert_int_equal(send_in(t, IPPROTO_UDP, FAR, 53, POOL, port, 0), SL_ON);
		received = sl_test_take(t, SL_OUTSIDE, SL_ON, 0);
		m = sl_test_icmp_error(received, i == 0 ? HOST : "10.77.0.1", types[i], 0);
		assert_int_equal(sl_test_one(t, SL_INSIDE, m), SL_ON);
		assert_int_equal(sl_ipv4(out(t, SL_INSIDE, SL_ON))->src_addr,
				 rte_cpu_to_be_32(0xc6336401));
		{
			char text[100];

			snprintf(text, sizeof(text), FAR " 53 > " POOL " %u 17", port);
			check_quote(out(t, SL_INSIDE, SL_ON), text);
		}
		sl_test_free(received);
	}
	/* Of a ping. */
	m = SL_TEST_PACKET(.proto = IPPROTO_ICMP, .from = HOST, .to = FAR, .icmp_type = 8,
			   .icmp_id = 5, .length = 20);
	snprintf(ping, sizeof(ping), "%s", sl_test_text(m));
	assert_int_equal(sl_test_one(t, SL_INSIDE, m), SL_ON);
	sent = sl_test_take(t, SL_INSIDE, SL_ON, 0);
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, sl_test_icmp_error(sent, FAR, 11, 0)), SL_ON);
	check_quote(out(t, SL_OUTSIDE, SL_ON), ping);
	/* Believed only with right sums; never without a mapping. */
	m = sl_test_icmp_error(sent, FAR, 11, 0);
	rte_pktmbuf_mtod(m, uint8_t *)[m->pkt_len - 1] ^= 1;
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, m), dropped("bad-checksum"));
	sl_test_free(sent);
	sent = packet(IPPROTO_UDP, POOL, 9, FAR, 53);
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, sl_test_icmp_error(sent, FAR, 3, 3)),
			 dropped("no-mapping"));
	sl_test_free(sent);
	/* They do not keep a session alive. */
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 0);
	sl_test_end(t);

	t = sl_test_new(type, "one-to-one: {outside: 198.51.100.9, inside: 10.2.0.1}\n");
	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_TCP, "10.2.0.1", 5, FAR, 6)),
			 SL_ON);
	sent = sl_test_take(t, SL_INSIDE, SL_ON, 0);
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, sl_test_icmp_error(sent, FAR, 3, 4)), SL_ON);
	check_quote(out(t, SL_OUTSIDE, SL_ON), "10.2.0.1 5 > " FAR " 6 6");
	sl_test_free(sent);
	sl_test_end(t);
}

/* RFC 768 and RFC 1624: no checksum stays none; sums that come out as zero. */
static void udp_checksums(void **state)
{
	struct sl_test *t = sl_test_new(type, BASE);
	unsigned int zeros = 0;

	assert_int_equal(sl_test_one(t, SL_INSIDE,
				     SL_TEST_PACKET(.from = HOST, .to = FAR, .sport = 5000,
						    .dport = 53, .no_checksum = true)),
			 SL_ON);
	assert_int_equal(sl_udp(out(t, SL_INSIDE, SL_ON))->dgram_cksum, 0);
	for (uint32_t i = 0; i < 65536; i++) {
		uint16_t word = (uint16_t)i;
		struct rte_mbuf *m = SL_TEST_PACKET(.from = HOST, .to = FAR, .sport = 5000,
						    .dport = 53, .payload = &word, .length = 2);

		assert_int_equal(sl_test_one(t, SL_INSIDE, m), SL_ON);
		zeros += sl_udp(out(t, SL_INSIDE, SL_ON))->dgram_cksum == 0xffff;
		assert_int_not_equal(sl_udp(out(t, SL_INSIDE, SL_ON))->dgram_cksum, 0);
	}
	assert_true(zeros > 0);
	sl_test_end(t);
}

/* Flows whose first three packets come in one burst, those of all flows in turn: one session each,
 * and all three leave alike. Then, from outside, bursts of remotes that nobody has sent to. */
static void bursts_of_new_flows(void **state)
{
	static const char *const configs[] = {
		BASE,
		BASE "preserve-port: true\n",
		BASE "block-size: 64\nblocks-per-subscriber: 4\n",
		BASE "filtering: address-dependent\n",
	};
	enum { FLOWS = 40, TIMES = 3 };

	for (unsigned int c = 0; c < RTE_DIM(configs); c++) {
		struct sl_test *t = sl_test_new(type, configs[c]);
		uint16_t port[FLOWS] = {0};

		for (unsigned int i = 0; i < TIMES * FLOWS; i++)
			sl_test_push(t, SL_INSIDE,
				     packet(IPPROTO_UDP, HOST, (uint16_t)(5000 + i % FLOWS), FAR,
					    (uint16_t)(53 + i % 2)));
		sl_test_run(t);
		assert_int_equal(sl_test_count(t, SL_INSIDE, SL_ON), TIMES * FLOWS);
		for (unsigned int i = 0; i < TIMES * FLOWS; i++) {
			const struct rte_mbuf *m = sl_test_out(t, SL_INSIDE, SL_ON, i);

			if (i < FLOWS)
				port[i] = sl_udp(m)->src_port;
			assert_int_equal(sl_udp(m)->src_port, port[i % FLOWS]);
		}
		assert_int_equal(sl_test_counter(t, "sessions-made"), FLOWS);
		assert_int_equal(sl_test_counter(t, "mappings-made"), FLOWS);
		sl_test_clear(t);
		for (unsigned int i = 0; i < TIMES * FLOWS; i++)
			sl_test_push(t, SL_OUTSIDE,
				     packet(IPPROTO_UDP, FAR, (uint16_t)(100 + i % FLOWS), POOL,
					    rte_be_to_cpu_16(port[7])));
		sl_test_run(t);
		if (strstr(configs[c], "address-dependent") != NULL) {
			assert_int_equal(sl_test_count(t, SL_OUTSIDE, SL_ON), TIMES * FLOWS);
			assert_int_equal(sl_test_counter(t, "sessions-made"), 2 * FLOWS);
		}
		sl_test_end(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(icmp_query),
		cmocka_unit_test(endpoint_independent_mapping),
		cmocka_unit_test(filtering),
		cmocka_unit_test(who_is_translated),
		cmocka_unit_test(hairpin),
		cmocka_unit_test(forwards),
		cmocka_unit_test(one_to_one),
		cmocka_unit_test(icmp_errors),
		cmocka_unit_test(udp_checksums),
		cmocka_unit_test(bursts_of_new_flows),
	};

	return cmocka_run_group_tests(tests, load, NULL);
}
