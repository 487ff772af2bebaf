/* SPDX-License-Identifier: BSD-3-Clause */
/* What happens to packets: the three modes, both IP versions, ICMP, and what is no service's. */
#include "test.h"

#define WEB6                                                                          \
	"services:\n"                                                                 \
	"  - {name: web, address: \"2001:db8::1\", port: 80, backends: "              \
	"[{address: \"fd00::5\", port: 8080}]}\n"                                     \
	"  - {name: any, address: \"2001:db8::1\", proto: udp, backends: [{address: " \
	"\"fd00::6\"}]}\n"

static void dnat_ipv4(void **state)
{
	struct sl_test *t = sl_test_new(type, service(5, 5, "", ""));

	assert_int_equal(syn(t, 4000), 5);
	expect(t, SL_INSIDE, SL_ON, "198.51.100.7 4000 > 10.0.0.5 8080 6");
	assert_int_equal(send_packet(t, SL_OUTSIDE, IPPROTO_TCP, "10.0.0.5", 8080, CLIENT, 4000,
				     RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG),
			 SL_ON);
	expect(t, SL_OUTSIDE, SL_ON, "192.0.2.1 80 > 198.51.100.7 4000 6");
	/* Established now: the quick way. Checksums are verified by the harness. */
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ack(t, 4000), 5);
		assert_int_equal(send_packet(t, SL_OUTSIDE, IPPROTO_TCP, "10.0.0.5", 8080, CLIENT,
					     4000, RTE_TCP_ACK_FLAG),
				 SL_ON);
		expect(t, SL_OUTSIDE, SL_ON, "192.0.2.1 80 > 198.51.100.7 4000 6");
	}
	assert_int_equal(sl_test_counter(t, "balanced"), 4);
	assert_int_equal(sl_test_counter(t, "returned"), 4);
	assert_int_equal(sl_test_counter(t, "sessions-made"), 1);
	sl_test_end(t);
}

static void dnat_ipv6(void **state)
{
	struct sl_test *t = sl_test_new(type, WEB6);

	for (int i = 0; i < 3; i++) {
		assert_int_equal(host_of(t, "2001:db8:7::7", 4000, "2001:db8::1", 80,
					 i == 0 ? RTE_TCP_SYN_FLAG : RTE_TCP_ACK_FLAG),
				 5);
		expect(t, SL_INSIDE, SL_ON, "2001:db8:7::7 4000 > fd00::5 8080 6");
		assert_int_equal(send_packet(t, SL_OUTSIDE, IPPROTO_TCP, "fd00::5", 8080,
					     "2001:db8:7::7", 4000,
					     i == 0 ? RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG
						    : RTE_TCP_ACK_FLAG),
				 SL_ON);
		expect(t, SL_OUTSIDE, SL_ON, "2001:db8::1 80 > 2001:db8:7::7 4000 6");
	}
	for (int i = 0; i < 2; i++) {
		assert_int_equal(send_packet(t, SL_INSIDE, IPPROTO_UDP, "2001:db8:7::7", 9,
					     "2001:db8::1", 53, 0),
				 SL_ON);
		expect(t, SL_INSIDE, SL_ON, "2001:db8:7::7 9 > fd00::6 53 17");
		assert_int_equal(send_packet(t, SL_OUTSIDE, IPPROTO_UDP, "fd00::6", 53,
					     "2001:db8:7::7", 9, 0),
				 SL_ON);
		expect(t, SL_OUTSIDE, SL_ON, "2001:db8::1 53 > 2001:db8:7::7 9 17");
	}
	sl_test_end(t);
}

/* Zero is no checksum (RFC 768), and stays so. */
static void udp_without_checksum(void **state)
{
	struct sl_test *t = sl_test_new(type, "services: {name: dns, address: 192.0.2.1, proto: "
					      "udp, port: 53, backends: {address: 10.0.0.5, "
					      "port: 5353}}");

	for (int i = 0; i < 2; i++) {
		assert_int_equal(sl_test_one(t, SL_INSIDE,
					     SL_TEST_PACKET(.from = CLIENT, .to = VIP, .sport = 9,
							    .dport = 53, .no_checksum = true)),
				 SL_ON);
		expect(t, SL_INSIDE, SL_ON, "198.51.100.7 9 > 10.0.0.5 5353 17");
		assert_int_equal(sl_udp(out(t, SL_INSIDE, SL_ON))->dgram_cksum, 0);
	}
	sl_test_end(t);
}

/* ESP and SCTP: the address alone; the checksum of SCTP does not cover it. */
static void other_protocols(void **state)
{
	struct sl_test *t = sl_test_new(
		type, "services: {name: all, address: 192.0.2.1, proto: any, backends: {address: "
		      "10.0.0.5}}");

	for (int i = 0; i < 2; i++) {
		assert_int_equal(send_packet(t, SL_INSIDE, IPPROTO_ESP, CLIENT, 0, VIP, 0, 0),
				 SL_ON);
		expect(t, SL_INSIDE, SL_ON, "198.51.100.7 0 > 10.0.0.5 0 50");
		assert_int_equal(
			send_packet(t, SL_OUTSIDE, IPPROTO_ESP, "10.0.0.5", 0, CLIENT, 0, 0),
			SL_ON);
		expect(t, SL_OUTSIDE, SL_ON, "192.0.2.1 0 > 198.51.100.7 0 50");
		assert_int_equal(send_packet(t, SL_INSIDE, IPPROTO_SCTP, CLIENT, 7, VIP, 8, 0),
				 SL_ON);
		expect(t, SL_INSIDE, SL_ON, "198.51.100.7 7 > 10.0.0.5 8 132");
	}
	assert_int_equal(send_packet(t, SL_INSIDE, IPPROTO_UDPLITE, CLIENT, 7, VIP, 8, 0),
			 dropped("unsupported-protocol"));
	sl_test_end(t);
}

static void direct_return(void **state)
{
	struct sl_test *t = sl_test_new(
		type, "services: {name: web, address: 192.0.2.1, port: 80, mode: direct, "
		      "backends: {mac: \"02:00:00:00:00:55\"}}\nsource-mac: \"02:00:00:00:00:66\"");
	const struct rte_mbuf *m;

	for (int i = 0; i < 3; i++) {
		assert_int_equal(send_packet(t, SL_INSIDE, IPPROTO_TCP, CLIENT, 4000, VIP, 80,
					     i == 0 ? RTE_TCP_SYN_FLAG : RTE_TCP_ACK_FLAG),
				 SL_ON);
		m = out(t, SL_INSIDE, SL_ON);
		assert_string_equal(sl_test_text(m), "198.51.100.7 4000 > 192.0.2.1 80 6");
		assert_int_equal(sl_ether(m)->dst_addr.addr_bytes[5], 0x55);
		assert_int_equal(sl_ether(m)->src_addr.addr_bytes[5], 0x66);
	}
	/* Should the answer come by here after all, it passes as it is, and counts. */
	assert_int_equal(
		send_packet(t, SL_OUTSIDE, IPPROTO_TCP, VIP, 80, CLIENT, 4000, RTE_TCP_ACK_FLAG),
		SL_ON);
	expect(t, SL_OUTSIDE, SL_ON, "192.0.2.1 80 > 198.51.100.7 4000 6");
	assert_int_equal(sl_test_counter(t, "returned"), 1);
	sl_test_end(t);
}

#define TUNNEL(vip, backend)                                                             \
	"services: {name: web, address: \"" vip "\", port: 80, mode: tunnel, backends: " \
	"{address: \"" backend "\"}}\ntunnel-source: [10.9.9.9, \"fd09::9\"]\nmtu: 1400"

/* All four of IPv4 and IPv6 in IPv4 and IPv6. */
static void tunnel(void **state)
{
	static const struct {
		const char *yaml, *client, *vip;
		uint8_t outer, inner;
	} cases[] = {
		{TUNNEL(VIP, "10.0.0.5"), CLIENT, VIP, 4, IPPROTO_IPIP},
		{TUNNEL(VIP, "fd00::5"), CLIENT, VIP, 6, IPPROTO_IPIP},
		{TUNNEL("2001:db8::1", "10.0.0.5"), "2001:db8:7::7", "2001:db8::1", 4,
		 IPPROTO_IPV6},
		{TUNNEL("2001:db8::1", "fd00::5"), "2001:db8:7::7", "2001:db8::1", 6, IPPROTO_IPV6},
	};

	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct sl_test *t = sl_test_new(type, cases[i].yaml);
		struct rte_mbuf *m =
			SL_TEST_PACKET(.proto = IPPROTO_TCP, .from = cases[i].client,
				       .to = cases[i].vip, .sport = 4000, .dport = 80, .vlan = 7,
				       .dscp = 10, .length = 100, .tcp_flags = RTE_TCP_SYN_FLAG);
		uint32_t length = m->pkt_len, overhead = cases[i].outer == 4 ? 20 : 40;
		uint8_t inner[256];
		const struct rte_mbuf *o;
		const uint8_t *ip;

		memcpy(inner, sl_l3(m), length - 18);
		assert_int_equal(sl_test_one(t, SL_INSIDE, m), SL_ON);
		o = out(t, SL_INSIDE, SL_ON);
		ip = (const uint8_t *)sl_l3(o);
		assert_int_equal(o->pkt_len, length + overhead);
		assert_int_equal(sl_packet(o)->family, cases[i].outer);
		assert_int_equal(sl_packet(o)->vlan, 7);
		assert_int_equal(sl_packet(o)->proto, cases[i].inner);
		if (cases[i].outer == 4) {
			assert_int_equal(ip[1], 40);
			assert_int_equal(ip[2] << 8 | ip[3], o->pkt_len - 18);
			assert_int_equal(ip[6], 0x40);
			assert_int_equal(ip[8], 64);
			assert_memory_equal(ip + 12, "\x0a\x09\x09\x09\x0a\x00\x00\x05", 8);
		} else {
			assert_int_equal(ip[0], 0x62);
			assert_int_equal(ip[1], 0x80);
			assert_int_equal(ip[4] << 8 | ip[5], o->pkt_len - 18 - 40);
			assert_int_equal(ip[7], 64);
			assert_int_equal(ip[9], 0x09);
			assert_int_equal(ip[39], 5);
		}
		assert_memory_equal(ip + overhead, inner, length - 18);
		sl_test_end(t);
	}
}

static void tunnel_too_long(void **state)
{
	struct sl_test *t = sl_test_new(type, TUNNEL(VIP, "10.0.0.5"));
	const struct rte_mbuf *m;
	struct rte_mbuf *most =
		SL_TEST_PACKET(.proto = IPPROTO_TCP, .from = CLIENT, .to = VIP, .sport = 1,
			       .dport = 80, .length = 1340, .dont_fragment = true);

	assert_int_equal(sl_test_one(t, SL_INSIDE, most), SL_ON);
	assert_int_equal(sl_packet(out(t, SL_INSIDE, SL_ON))->flags & SL_PKT_REASSEMBLED, 0);
	assert_int_equal(sl_test_one(t, SL_INSIDE,
				     SL_TEST_PACKET(.proto = IPPROTO_TCP, .from = CLIENT, .to = VIP,
						    .sport = 1, .dport = 80, .length = 1341,
						    .dont_fragment = true)),
			 dropped("too-big"));
	m = out(t, SL_INSIDE, SL_BACK);
	assert_string_equal(sl_test_text(m), "192.0.2.1 0 > 198.51.100.7 3 1");
	assert_int_equal(((const uint8_t *)sl_l4(m))[6] << 8 | ((const uint8_t *)sl_l4(m))[7],
			 1380);
	/* What may be fragmented is left to the port. */
	assert_int_equal(sl_test_one(t, SL_INSIDE,
				     SL_TEST_PACKET(.proto = IPPROTO_TCP, .from = CLIENT, .to = VIP,
						    .sport = 1, .dport = 80, .length = 1400)),
			 SL_ON);
	m = out(t, SL_INSIDE, SL_ON);
	assert_int_equal(sl_ipv4(m)->fragment_offset, 0);
	assert_int_not_equal(sl_ipv4(m)->packet_id, 0);
	assert_true((sl_packet(m)->flags & SL_PKT_REASSEMBLED) != 0);
	assert_int_equal(sl_packet(m)->frag_max, 1400);
	sl_test_end(t);
}

static void echo(void **state)
{
	struct sl_test *t = sl_test_new(type, service(5, 5, "", ""));
	struct sl_test *f = sl_test_new(type, service(5, 5, "", "echo: forward"));
	struct sl_test *six = sl_test_new(type, WEB6);

	assert_int_equal(
		sl_test_one(t, SL_INSIDE,
			    SL_TEST_PACKET(.proto = IPPROTO_ICMP, .from = CLIENT, .to = VIP,
					   .icmp_type = 8, .icmp_id = 77, .ttl = 3)),
		SL_BACK);
	expect(t, SL_INSIDE, SL_BACK, "192.0.2.1 77 > 198.51.100.7 0 1");
	assert_int_equal(sl_ipv4(out(t, SL_INSIDE, SL_BACK))->time_to_live, 64);
	assert_int_equal(
		sl_test_one(six, SL_INSIDE,
			    SL_TEST_PACKET(.proto = IPPROTO_ICMPV6, .from = "2001:db8::7",
					   .to = "2001:db8::1", .icmp_type = 128, .icmp_id = 77)),
		SL_BACK);
	expect(six, SL_INSIDE, SL_BACK, "2001:db8::1 77 > 2001:db8::7 129 58");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
			sl_test_one(f, SL_INSIDE,
				    SL_TEST_PACKET(.proto = IPPROTO_ICMP, .from = CLIENT, .to = VIP,
						   .icmp_type = 8, .icmp_id = 77)),
			SL_ON);
		expect(f, SL_INSIDE, SL_ON, "198.51.100.7 77 > 10.0.0.5 8 1");
		assert_int_equal(
			sl_test_one(f, SL_OUTSIDE,
				    SL_TEST_PACKET(.proto = IPPROTO_ICMP, .from = "10.0.0.5",
						   .to = CLIENT, .icmp_type = 0, .icmp_id = 77)),
			SL_ON);
		expect(f, SL_OUTSIDE, SL_ON, "192.0.2.1 77 > 198.51.100.7 0 1");
	}
	sl_test_end(t);
	sl_test_end(f);
	sl_test_end(six);
}

/* Quoted headers and the error's own other end; checksums are the harness's matter. */
static void errors_about_dnat(void **state)
{
	static const struct {
		const char *yaml, *client, *vip, *backend, *router;
		uint8_t type, proto;
	} cases[] = {
		{NULL, CLIENT, VIP, "10.0.0.5", "10.0.0.254", 3, IPPROTO_ICMP},
		{WEB6, "2001:db8:7::7", "2001:db8::1", "fd00::5", "fd00::ffff", 1, IPPROTO_ICMPV6},
	};

	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct sl_test *t = sl_test_new(
			type, cases[i].yaml != NULL ? cases[i].yaml : service(5, 5, "", ""));
		struct rte_mbuf *quoted, *error;
		char text[160];
		const struct rte_mbuf *m;
		const uint8_t *inner;
		uint32_t header = i == 0 ? 20 : 40;

		assert_int_equal(
			host_of(t, cases[i].client, 4000, cases[i].vip, 80, RTE_TCP_SYN_FLAG), 5);
		quoted = sl_test_take(t, SL_INSIDE, SL_ON, 0);
		error = sl_test_icmp_error(quoted, cases[i].router, cases[i].type, 1);
		sl_test_free(quoted);
		assert_int_equal(sl_test_one(t, SL_OUTSIDE, error), SL_ON);
		m = out(t, SL_OUTSIDE, SL_ON);
		snprintf(text, sizeof(text), "%s 0 > %s %u %u", cases[i].vip, cases[i].client,
			 cases[i].type, cases[i].proto);
		assert_string_equal(sl_test_text(m), text);
		inner = (const uint8_t *)sl_l4(m) + 8;
		/* The quoted packet is what the client sent, to the last bit. */
		quoted = SL_TEST_PACKET(.proto = IPPROTO_TCP, .from = cases[i].client,
					.to = cases[i].vip, .sport = 4000, .dport = 80,
					.tcp_flags = RTE_TCP_SYN_FLAG, .length = 40);
		assert_memory_equal(inner, sl_l3(quoted), header + 60);
		sl_test_free(quoted);

		assert_int_equal(send_packet(t, SL_OUTSIDE, IPPROTO_TCP, cases[i].backend, 8080,
					     cases[i].client, 4000,
					     RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG),
				 SL_ON);
		quoted = sl_test_take(t, SL_OUTSIDE, SL_ON, 0);
		error = sl_test_icmp_error(quoted, cases[i].client, cases[i].type, 1);
		sl_test_free(quoted);
		assert_int_equal(sl_test_one(t, SL_INSIDE, error), SL_ON);
		m = out(t, SL_INSIDE, SL_ON);
		snprintf(text, sizeof(text), "%s 0 > %s %u %u", cases[i].client, cases[i].backend,
			 cases[i].type, cases[i].proto);
		assert_string_equal(sl_test_text(m), text);
		quoted = SL_TEST_PACKET(.proto = IPPROTO_TCP, .from = cases[i].backend,
					.to = cases[i].client, .sport = 8080, .dport = 4000,
					.tcp_flags = RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG,
					.length = 40);
		assert_memory_equal((const uint8_t *)sl_l4(m) + 8, sl_l3(quoted), header + 60);
		sl_test_free(quoted);
		assert_int_equal(sl_test_counter(t, "icmp-errors"), 2);
		sl_test_end(t);
	}
}

/* About nothing that is known: to the service dropped, elsewhere it passes. */
static void errors_about_nothing(void **state)
{
	struct sl_test *t = sl_test_new(type, service(5, 5, "", ""));
	struct rte_mbuf *other =
		SL_TEST_PACKET(.from = VIP, .to = CLIENT, .sport = 80, .dport = 4000);
	struct rte_mbuf *far = SL_TEST_PACKET(.from = "198.51.100.9", .to = "10.0.0.9");

	assert_int_equal(sl_test_one(t, SL_INSIDE, sl_test_icmp_error(other, CLIENT, 3, 3)),
			 dropped("unrelated"));
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, sl_test_icmp_error(far, "10.0.0.9", 3, 3)),
			 SL_ON);
	sl_test_free(other);
	sl_test_free(far);
	sl_test_end(t);
}

/* A router on the way to a backend says that the tunnel is too narrow: the client is told. */
static void errors_about_tunnels(void **state)
{
	struct sl_test *t = sl_test_new(type, TUNNEL(VIP, "10.0.0.5"));
	struct rte_mbuf *quoted, *error;
	const struct rte_mbuf *m;

	assert_int_equal(sl_test_one(t, SL_INSIDE,
				     SL_TEST_PACKET(.proto = IPPROTO_TCP, .from = CLIENT, .to = VIP,
						    .sport = 4000, .dport = 80, .length = 1300)),
			 SL_ON);
	quoted = sl_test_take(t, SL_INSIDE, SL_ON, 0);
	error = SL_TEST_PACKET(.from = "10.0.0.254", .to = "10.9.9.9", .proto = IPPROTO_ICMP,
			       .icmp_type = 3, .icmp_code = 4, .icmp_seq = 1300,
			       .payload = sl_l3(quoted), .length = 200);
	sl_test_free(quoted);
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, error), dropped("tunnel-error"));
	m = out(t, SL_OUTSIDE, SL_ON);
	assert_string_equal(sl_test_text(m), "192.0.2.1 0 > 198.51.100.7 3 1");
	assert_int_equal(((const uint8_t *)sl_l4(m))[1], 4);
	assert_int_equal(((const uint8_t *)sl_l4(m))[6] << 8 | ((const uint8_t *)sl_l4(m))[7],
			 1280);
	sl_test_end(t);
}

static void not_ours(void **state)
{
	struct sl_test *t = sl_test_new(type, service(5, 5, "", ""));
	struct rte_mbuf *fragments[4];

	assert_int_equal(send_packet(t, SL_INSIDE, IPPROTO_TCP, CLIENT, 1, VIP, 81, 0), SL_ON);
	expect(t, SL_INSIDE, SL_ON, "198.51.100.7 1 > 192.0.2.1 81 6");
	assert_int_equal(send_packet(t, SL_INSIDE, IPPROTO_UDP, CLIENT, 1, VIP, 80, 0), SL_ON);
	assert_int_equal(send_packet(t, SL_INSIDE, IPPROTO_TCP, CLIENT, 1, "192.0.2.2", 80, 0),
			 SL_ON);
	assert_int_equal(send_packet(t, SL_OUTSIDE, IPPROTO_TCP, "10.0.0.5", 9999, CLIENT, 1, 0),
			 SL_ON);
	expect(t, SL_OUTSIDE, SL_ON, "10.0.0.5 9999 > 198.51.100.7 1 6");
	assert_int_equal(sl_test_one(t, SL_INSIDE, SL_TEST_PACKET(.ethertype = 0x0806)), SL_ON);
	assert_int_equal(sl_test_counter(t, "passed"), 5);
	assert_int_equal(sl_test_fragment(SL_TEST_PACKET(.proto = IPPROTO_TCP, .from = CLIENT,
							 .to = VIP, .dport = 80, .length = 100),
					  64, fragments, 4),
			 2);
	assert_int_equal(sl_test_one(t, SL_INSIDE, fragments[0]), dropped("fragment"));
	assert_int_equal(sl_test_one(t, SL_INSIDE, fragments[1]), dropped("fragment"));
	sl_test_end(t);
}

static void nobody_there(void **state)
{
	struct sl_test *t = sl_test_new(
		type, "services: {name: web, address: 192.0.2.1, port: 80, backends: []}");
	struct sl_test *r = sl_test_new(type, service(5, 5, "    no-backend: reject\n", ""));
	const struct rte_mbuf *m;

	assert_int_equal(
		send_packet(t, SL_INSIDE, IPPROTO_TCP, CLIENT, 1, VIP, 80, RTE_TCP_SYN_FLAG),
		dropped("no-backend"));
	assert_non_null(sl_test_command(r, "drain", "backend: \"10.0.0.5:8080\""));
	assert_int_equal(
		send_packet(r, SL_INSIDE, IPPROTO_TCP, CLIENT, 1, VIP, 80, RTE_TCP_SYN_FLAG),
		dropped("no-backend"));
	m = out(r, SL_INSIDE, SL_BACK);
	assert_string_equal(sl_test_text(m), "192.0.2.1 80 > 198.51.100.7 1 6");
	assert_int_equal(sl_packet(m)->tcp_flags, RTE_TCP_RST_FLAG | RTE_TCP_ACK_FLAG);
	sl_test_end(t);
	sl_test_end(r);
}

/* The chain may be written the other way round. */
static void clients_outside(void **state)
{
	struct sl_test *t = sl_test_new(type, service(5, 5, "", "clients: outside"));

	assert_int_equal(
		send_packet(t, SL_OUTSIDE, IPPROTO_TCP, CLIENT, 4000, VIP, 80, RTE_TCP_SYN_FLAG),
		SL_ON);
	expect(t, SL_OUTSIDE, SL_ON, "198.51.100.7 4000 > 10.0.0.5 8080 6");
	assert_int_equal(send_packet(t, SL_INSIDE, IPPROTO_TCP, "10.0.0.5", 8080, CLIENT, 4000, 0),
			 SL_ON);
	expect(t, SL_INSIDE, SL_ON, "192.0.2.1 80 > 198.51.100.7 4000 6");
	sl_test_end(t);
}

/* Both directions and errors about either come to one worker. */
static void spread(void **state)
{
	struct sl_test *t = sl_test_new(type, service(5, 5, "", ""));
	const struct sl_instance *instance = sl_test_instance(t);

	for (uint16_t port = 1000; port < 1064; port++) {
		struct rte_mbuf *in = SL_TEST_PACKET(.proto = IPPROTO_TCP, .from = CLIENT,
						     .to = VIP, .sport = port, .dport = 80);
		struct rte_mbuf *inside =
			SL_TEST_PACKET(.proto = IPPROTO_TCP, .from = CLIENT, .to = "10.0.0.5",
				       .sport = port, .dport = 8080);
		struct rte_mbuf *back = SL_TEST_PACKET(.proto = IPPROTO_TCP, .from = "10.0.0.5",
						       .to = CLIENT, .sport = 8080, .dport = port);
		struct rte_mbuf *seen = SL_TEST_PACKET(.proto = IPPROTO_TCP, .from = VIP,
						       .to = CLIENT, .sport = 80, .dport = port);
		struct rte_mbuf *error = sl_test_icmp_error(inside, "10.0.0.254", 3, 1);
		struct rte_mbuf *other = sl_test_icmp_error(seen, "203.0.113.1", 11, 0);
		uint32_t worker = type->spread(instance, in, SL_INSIDE, 8) % 8;

		assert_int_equal(type->spread(instance, back, SL_OUTSIDE, 8) % 8, worker);
		assert_int_equal(type->spread(instance, error, SL_OUTSIDE, 8) % 8, worker);
		assert_int_equal(type->spread(instance, other, SL_INSIDE, 8) % 8, worker);
		sl_test_free(in);
		sl_test_free(inside);
		sl_test_free(back);
		sl_test_free(seen);
		sl_test_free(error);
		sl_test_free(other);
	}
	sl_test_end(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dnat_ipv4),
		cmocka_unit_test(dnat_ipv6),
		cmocka_unit_test(udp_without_checksum),
		cmocka_unit_test(other_protocols),
		cmocka_unit_test(direct_return),
		cmocka_unit_test(tunnel),
		cmocka_unit_test(tunnel_too_long),
		cmocka_unit_test(echo),
		cmocka_unit_test(errors_about_dnat),
		cmocka_unit_test(errors_about_nothing),
		cmocka_unit_test(errors_about_tunnels),
		cmocka_unit_test(not_ours),
		cmocka_unit_test(nobody_there),
		cmocka_unit_test(clients_outside),
		cmocka_unit_test(spread),
	};

	return cmocka_run_group_tests(tests, load, NULL);
}
