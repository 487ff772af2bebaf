/* SPDX-License-Identifier: BSD-3-Clause */
/* Into tunnels and out of them: bytes, fields, drops. */
#include "test_vxlan.h"

static const struct vx_bytes {
	uint8_t flags, reserved[2], next, vni[3], reserved2;
} * vxlan_of(const struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod_offset(m, const struct vx_bytes *, sl_packet(m)->payload);
}

/* Send a frame; what came out carries exactly it. */
static struct rte_mbuf *carries(struct sl_test *t, struct rte_mbuf *m)
{
	uint8_t before[4000], after[4000];
	uint16_t length = bytes_of(m, before, sizeof(before));
	struct rte_mbuf *sent;

	assert_int_equal(sl_test_one(t, SL_INSIDE, m), SL_ON);
	sent = out(t, SL_INSIDE, SL_ON);
	assert_int_equal(bytes_of(sent, after, sizeof(after)),
			 length + sl_packet(sent)->payload + 8);
	assert_memory_equal(after + sl_packet(sent)->payload + 8, before, length);
	return sent;
}

static void header_ipv4(void **state)
{
	struct sl_test *t = sl_test_new(type, BASE);
	const struct rte_mbuf *sent = carries(t, frame(MAC_A, MAC_ALL));
	const struct rte_ipv4_hdr *ip = sl_ipv4(sent);

	assert_int_equal(ip->fragment_offset, rte_cpu_to_be_16(0x4000));
	assert_int_equal(ip->packet_id, 0);
	assert_int_equal(ip->time_to_live, 64);
	assert_int_equal(ip->type_of_service, 0);
	assert_int_equal(sl_udp(sent)->dst_port, rte_cpu_to_be_16(4789));
	assert_in_range(rte_be_to_cpu_16(sl_udp(sent)->src_port), 49152, 65535);
	assert_int_equal(sl_udp(sent)->dgram_cksum, 0);
	assert_string_equal(strchr(sl_test_text(sent), '>'), "> 192.0.2.2 4789 17");
	assert_memory_equal(vxlan_of(sent), "\x08\0\0\0\0\0\x64\0", 8);
	sl_test_end(t);

	t = sl_test_new(type, BASE "udp-checksum: true\nttl: 9\ndscp: 46\ndont-fragment: false\n"
				   "port: 8472\nsource-ports: 7-7\n"
				   "underlay: {source: \"02:00:00:00:00:05\", destination: "
				   "\"02:00:00:00:00:06\", vlan: 7}\n");
	for (uint16_t id = 0; id < 3; id++) {
		sent = carries(t, frame(MAC_A, MAC_ALL));
		ip = sl_ipv4(sent);
		assert_int_equal(ip->packet_id, rte_cpu_to_be_16(id));
	}
	assert_int_equal(ip->fragment_offset, 0);
	assert_int_equal(ip->time_to_live, 9);
	assert_int_equal(ip->type_of_service, 46 << 2);
	assert_int_not_equal(sl_udp(sent)->dgram_cksum, 0);
	assert_int_equal(sl_udp(sent)->src_port, rte_cpu_to_be_16(7));
	assert_int_equal(sl_udp(sent)->dst_port, rte_cpu_to_be_16(8472));
	assert_int_equal(sl_packet(sent)->vlan, 7);
	assert_int_equal(sl_ether(sent)->dst_addr.addr_bytes[5], 6);
	assert_int_equal(sl_ether(sent)->src_addr.addr_bytes[5], 5);
	sl_test_end(t);
}

/* The harness takes IPv6 without a UDP checksum for a mistake. */
static const struct sl_test_options any_bytes = {.any_bytes = true};

static void header_ipv6(void **state)
{
	struct sl_test *t = sl_test_new(type, BASE6 "dscp: 46\n");
	const struct rte_mbuf *sent = carries(t, frame(MAC_A, MAC_ALL));

	assert_int_not_equal(sl_udp(sent)->dgram_cksum, 0);
	assert_int_equal(sl_ipv6(sent)->hop_limits, 64);
	assert_int_equal(sl_ipv6(sent)->vtc_flow, rte_cpu_to_be_32(0x6b800000));
	assert_string_equal(strchr(sl_test_text(sent), '>'), "> 2001:db8::2 4789 17");
	sl_test_end(t);

	t = sl_test_new_with(type, BASE6 "zero-checksum: true\n", &any_bytes);
	sent = carries(t, frame(MAC_A, MAC_ALL));
	assert_int_equal(sl_udp(sent)->dgram_cksum, 0);
	sl_test_end(t);
}

/* The flow chooses the source port, the packet does not; many flows use many ports. */
static void entropy(void **state)
{
	struct sl_test *t = sl_test_new(type, BASE "source-ports: 50000-50063\n");
	unsigned int seen[64] = {0}, used = 0;

	for (unsigned int i = 0; i < 512; i++) {
		uint16_t port = 0;

		for (unsigned int again = 0; again < 2; again++) {
			struct rte_mbuf *m =
				SL_TEST_PACKET(.from = "10.0.0.1", .to = "10.0.0.2",
					       .sport = (uint16_t)(1000 + i), .dport = 80,
					       .length = (uint16_t)(10 + again));

			assert_int_equal(sl_test_one(t, SL_INSIDE, m), SL_ON);
			if (again == 1)
				assert_int_equal(port, sl_udp(out(t, SL_INSIDE, SL_ON))->src_port);
			port = sl_udp(out(t, SL_INSIDE, SL_ON))->src_port;
		}
		assert_in_range(rte_be_to_cpu_16(port), 50000, 50063);
		used += seen[rte_be_to_cpu_16(port) - 50000]++ == 0;
	}
	assert_true(used > 56);
	sl_test_end(t);
}

/* A frame goes through two of them and comes out as it was. */
static void round_trip(const char *here, const char *there, struct rte_mbuf *m)
{
	struct sl_test *a = sl_test_new_with(type, here, &any_bytes);
	struct sl_test *b = sl_test_new(type, there);
	uint8_t before[4000], after[4000];
	uint16_t length = bytes_of(m, before, sizeof(before));

	assert_int_equal(sl_test_one(a, SL_INSIDE, m), SL_ON);
	m = sl_test_take(a, SL_INSIDE, SL_ON, 0);
	assert_int_equal(sl_test_one(b, SL_OUTSIDE, m), SL_ON);
	m = out(b, SL_OUTSIDE, SL_ON);
	assert_int_equal(bytes_of(m, after, sizeof(after)), length);
	assert_memory_equal(before, after, length);
	assert_int_equal(sl_packet(m)->mark, 100);
	assert_int_equal(sl_packet(m)->frag_max, 0);
	sl_test_end(a);
	sl_test_end(b);
}

#define THERE  "vni: 100\nlocal: 192.0.2.2\npeers: 192.0.2.1\n"
#define THERE6 "vni: 100\nlocal: \"2001:db8::2\"\npeers: \"2001:db8::1\"\n"

static void round_trips(void **state)
{
	uint8_t bytes[200], short_frame[14] = {2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 8, 0x88, 0xb5};
	struct rte_mbuf *m;
	uint16_t length;

	round_trip(BASE, THERE, frame(MAC_A, MAC_B));
	round_trip(BASE6, THERE6, frame(MAC_A, MAC_B));
	round_trip(BASE6 "zero-checksum: true\n", THERE6 "zero-checksum: true\n",
		   frame(MAC_A, MAC_B));
	round_trip(BASE "udp-checksum: true\n", THERE, frame(MAC_A, MAC_B));
	round_trip(BASE "gpe: true\n", THERE "gpe: true\n", frame(MAC_A, MAC_B));
	round_trip(BASE "vlan-tags: keep\n", THERE "vlan-tags: keep\n",
		   SL_TEST_PACKET(.from = "10.0.0.1", .to = "10.0.0.2", .vlan = 5, .outer = 6));
	round_trip(BASE, THERE, SL_TEST_PACKET(.from = "fd00::1", .to = "fd00::2", .length = 1300));
	round_trip(BASE, THERE, SL_TEST_PACKET(.ethertype = 0x88b5, .length = 46));
	round_trip(BASE, THERE, sl_test_bytes(short_frame, sizeof(short_frame)));
	/* No headroom but what is there, no tailroom; segments of one byte and more. */
	m = frame(MAC_A, MAC_B);
	length = bytes_of(m, bytes, sizeof(bytes));
	sl_test_free(m);
	round_trip(BASE "udp-checksum: true\n", THERE, sl_test_exact(bytes, length));
	for (uint16_t size = 1; size < length; size += 7)
		round_trip(BASE6, THERE6, sl_test_segments(bytes, length, size));
}

/* Any headroom will do, and none; frames begin at even addresses, as their headers want. */
static void headroom(void **state)
{
	for (unsigned int six = 0; six < 2; six++) {
		struct sl_test *t = sl_test_new(type, six ? BASE6 : BASE);

		for (uint16_t room = 0; room <= 128; room += 2) {
			struct rte_mbuf *m = frame(MAC_A, MAC_ALL);

			m->data_off -= 128 - room;
			memmove(rte_pktmbuf_mtod(m, char *),
				rte_pktmbuf_mtod(m, char *) + 128 - room, m->data_len);
			carries(t, m);
		}
		/* And no tailroom: the frame's end goes to another segment. */
		uint8_t bytes[400];
		struct rte_mbuf *m = SL_TEST_PACKET(.from = "10.0.0.1", .to = "10.0.0.2",
						    .length = 300, .dst_mac = MAC_ALL);
		uint16_t length = bytes_of(m, bytes, sizeof(bytes));

		sl_test_free(m);
		carries(t, sl_test_exact(bytes, length));
		sl_test_end(t);
	}
}

static void drop(const char *yaml, const char *reason, struct rte_mbuf *m)
{
	struct sl_test *t = sl_test_new(type, yaml);

	assert_int_equal(sl_test_one(t, SL_OUTSIDE, m), dropped(reason));
	sl_test_end(t);
}

static struct rte_mbuf *damaged(struct rte_mbuf *m, uint16_t at)
{
	uint8_t bytes[2000];
	uint16_t length = bytes_of(m, bytes, sizeof(bytes));

	sl_test_free(m);
	bytes[at] ^= 0x10;
	return sl_test_bytes(bytes, length);
}

static void drops(void **state)
{
	static const uint8_t no_source[60] = {2, 0, 0, 0, 0, 1};

	drop(BASE, "bad-flags", WRAP(frame(MAC_B, MAC_A), .zero = true));
	drop(BASE, "bad-flags", WRAP(frame(MAC_B, MAC_A), .flags = 0x77));
	drop(BASE, "unknown-vni", WRAP(frame(MAC_B, MAC_A), .vni = 101));
	drop(BASE, "short", wrap_bytes(no_source, 13, (struct outer){0}));
	drop(BASE, "bad-inner", wrap_bytes(no_source, 60, (struct outer){0}));
	drop(BASE, "bad-inner", WRAP(frame("03:00:00:00:00:01", MAC_A), 0));
	drop(BASE, "inner-vlan",
	     WRAP(SL_TEST_PACKET(.from = "10.0.0.1", .to = "10.0.0.2", .vlan = 5), 0));
	drop(BASE "accept: peers\n", "unknown-peer", WRAP(frame(MAC_B, MAC_A), .from = PEER2));
	drop(BASE "others: drop\n", "not-ours", WRAP(frame(MAC_B, MAC_A), .port = 4790));
	drop(BASE "others: drop\n", "not-ours", WRAP(frame(MAC_B, MAC_A), .to = PEER2));
	drop(BASE "gpe: true\n", "bad-flags",
	     WRAP(frame(MAC_B, MAC_A), .flags = 0x1c, .next = 3, .port = 4790));
	drop(BASE "gpe: true\n", "oam",
	     WRAP(frame(MAC_B, MAC_A), .flags = 0x0d, .next = 3, .port = 4790));
	drop(BASE "gpe: true\n", "unsupported-protocol",
	     WRAP(frame(MAC_B, MAC_A), .flags = 0x0c, .next = 4, .port = 4790));
	drop(BASE "gpe: true\n", "bad-inner",
	     WRAP(frame(MAC_B, MAC_A), .flags = 0x0c, .next = 1, .port = 4790));
	drop(BASE, "bad-checksum", damaged(WRAP(frame(MAC_B, MAC_A), 0), 90));
	drop(BASE, "ecn", WRAP(frame(MAC_B, MAC_A), .tos = 3));
	drop(BASE, "fragment",
	     SL_TEST_PACKET(.from = PEER, .to = US, .sport = 9, .dport = 4789, .more = true,
			    .first = true, .length = 80));
}

/* UDP over IPv6 without a checksum: by hand. */
static void zero_checksum(void **state)
{
	struct sl_test *t;
	struct rte_mbuf *m;

	for (unsigned int allowed = 0; allowed < 2; allowed++) {
		t = sl_test_new_with(type, allowed ? BASE6 "zero-checksum: true\n" : BASE6,
				     &any_bytes);
		m = WRAP(frame(MAC_B, MAC_A), .from = PEER6, .to = US6);

		sl_udp(m)->dgram_cksum = 0;
		assert_int_equal(sl_test_one(t, SL_OUTSIDE, m),
				 allowed ? SL_ON : dropped("zero-checksum"));
		sl_test_end(t);
	}
	t = sl_test_new_with(type, BASE, &any_bytes);
	m = WRAP(frame(MAC_B, MAC_A), .no_checksum = true);

	assert_int_equal(sl_test_one(t, SL_OUTSIDE, m), SL_ON);
	m = damaged(WRAP(frame(MAC_B, MAC_A), 0), 90);
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, m), dropped("bad-checksum"));
	m = WRAP(frame(MAC_B, MAC_A), 0);
	sl_udp(m)->dgram_len = rte_cpu_to_be_16(15);
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, m), dropped("short"));
	m = WRAP(frame(MAC_B, MAC_A), 0);
	sl_udp(m)->dgram_len = rte_cpu_to_be_16(2000);
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, m), dropped("short"));
	sl_test_end(t);
}

/* Reserved flags are ignored (RFC 7348, section 5); padding behind the packet goes. */
static void lenient(void **state)
{
	struct sl_test *t = sl_test_new(type, BASE);
	struct rte_mbuf *m = WRAP(frame(MAC_B, MAC_A), .flags = 0xff, .next = 0xff);

	assert_int_equal(sl_test_one(t, SL_OUTSIDE, m), SL_ON);
	m = WRAP(frame(MAC_B, MAC_A), 0);
	memset(rte_pktmbuf_append(m, 9), 0x55, 9);
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, m), SL_ON);
	assert_int_equal(out(t, SL_OUTSIDE, SL_ON)->pkt_len, 14 + 28 + 40);
	/* What is not for us goes on as it is. */
	m = frame(MAC_B, MAC_A);
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, m), SL_ON);
	assert_int_equal(sl_test_counter(t, "passed"), 1);
	assert_int_equal(sl_test_counter(t, "decapsulated"), 2);
	sl_test_end(t);
}

/* Our own packets come back in errors of the underlay: those do not go inside. */
static void underlay_errors(void **state)
{
	for (unsigned int six = 0; six < 2; six++) {
		struct sl_test *t = sl_test_new(type, six ? BASE6 : BASE);
		struct rte_mbuf *sent, *error;

		assert_int_equal(sl_test_one(t, SL_INSIDE, frame(MAC_A, MAC_ALL)), SL_ON);
		sent = out(t, SL_INSIDE, SL_ON);
		error = sl_test_icmp_error(sent, six ? "2001:db8::9" : "192.0.2.9", six ? 2 : 3,
					   six ? 0 : 4);
		assert_int_equal(sl_test_one(t, SL_OUTSIDE, error), dropped("underlay-error"));
		sl_test_end(t);
	}
}

/* RFC 6040, figure 4. Rows: inner; columns: outer. 4: dropped. */
static void ecn(void **state)
{
	static const uint8_t table[4][4] = {/* outer: not-ECT, ECT(1), ECT(0), CE */
					    [0] = {0, 0, 0, 4},
					    [1] = {1, 1, 1, 3},
					    [2] = {2, 1, 2, 3},
					    [3] = {3, 3, 3, 3}};

	for (unsigned int i = 0; i < 32; i++) {
		struct sl_test *t = sl_test_new(type, BASE);
		uint8_t inner = i >> 2 & 3, outer = i & 3, want = table[inner][outer];
		bool six = i >= 16;
		struct rte_mbuf *m = six ? SL_TEST_PACKET(.from = "fd00::1", .to = "fd00::2")
					 : frame(MAC_B, MAC_A);
		int edge;

		set_tos(m, 0xb8 | inner);
		edge = sl_test_one(t, SL_OUTSIDE, WRAP(m, .tos = outer));
		assert_int_equal(edge, want == 4 ? dropped("ecn") : SL_ON);
		if (want == 4) {
			sl_test_end(t);
			continue;
		}
		m = out(t, SL_OUTSIDE, SL_ON);
		assert_int_equal(six ? rte_be_to_cpu_32(sl_ipv6(m)->vtc_flow) >> 20 & 0xff
				     : sl_ipv4(m)->type_of_service,
				 0xb8 | want);
		sl_test_end(t);
	}
}

static void inherits(void **state)
{
	static const struct {
		const char *yaml;
		uint8_t tos, ttl;
	} cases[] = {
		{BASE, 0x02, 64},
		{BASE "ecn: false\n", 0, 64},
		{BASE "inherit-dscp: true\n", 0xba, 64},
		{BASE "inherit-dscp: true\necn: false\n", 0xb8, 64},
		{BASE "dscp: 1\n", 0x06, 64},
		{BASE "inherit-ttl: true\nttl: 7\n", 0x02, 33},
	};

	for (unsigned int i = 0; i < 2 * RTE_DIM(cases); i++) {
		struct sl_test *t = sl_test_new(type, cases[i / 2].yaml);
		struct rte_mbuf *m =
			i & 1 ? SL_TEST_PACKET(.from = "fd00::1", .to = "fd00::2", .ttl = 33)
			      : SL_TEST_PACKET(.from = "10.0.0.1", .to = "10.0.0.2", .ttl = 33);
		const struct rte_ipv4_hdr *ip;

		set_tos(m, 0xba);
		ip = sl_ipv4(carries(t, m));
		assert_int_equal(ip->type_of_service, cases[i / 2].tos);
		assert_int_equal(ip->time_to_live, cases[i / 2].ttl);
		/* A frame that is not IP has nothing to take it from. */
		ip = sl_ipv4(carries(t, SL_TEST_PACKET(.ethertype = 0x88b5, .length = 46)));
		assert_int_equal(ip->time_to_live, i / 2 == 5 ? 7 : 64);
		assert_int_equal(ip->type_of_service, i / 2 == 4 ? 4 : 0);
		sl_test_end(t);
	}
}

/* 1500 - 20 - 8 - 8 - 14 leave 1450 bytes for inner IP; IPv6 outside 20 less. */
static void too_big(void **state)
{
	static const char *const yaml[] = {BASE, BASE6, BASE "mtu: 1400\n",
					   BASE "vlan-tags: keep\n", BASE};
	static const uint16_t fits[] = {1450, 1430, 1350, 1446, 1450};

	for (unsigned int i = 0; i < 2 * RTE_DIM(yaml); i++) {
		struct sl_test *t = sl_test_new(type, yaml[i / 2]);
		bool six = i & 1;
		uint16_t most = fits[i / 2], vlan = i / 2 >= 3 ? 5 : 0, mtu;
		const char *from = six ? "fd00::1" : "10.0.0.1", *to = six ? "fd00::2" : "10.0.0.2";
		uint16_t header = six ? 48 : 28;
		struct rte_mbuf *m;

		m = SL_TEST_PACKET(.from = from, .to = to, .length = most - header,
				   .dont_fragment = true, .vlan = vlan);
		assert_int_equal(sl_test_one(t, SL_INSIDE, m), SL_ON);
		m = SL_TEST_PACKET(.from = from, .to = to, .length = most - header + 1,
				   .dont_fragment = true, .vlan = vlan);
		assert_int_equal(sl_test_one(t, SL_INSIDE, m), dropped("too-big"));
		m = out(t, SL_INSIDE, SL_BACK);
		memcpy(&mtu, (const uint8_t *)sl_icmp(m) + 6, 2);
		assert_int_equal(rte_be_to_cpu_16(mtu), most);
		assert_int_equal(sl_icmp(m)->icmp_type, six ? 2 : 3);
		assert_int_equal(sl_packet(m)->vlan, vlan);
		/* Neither about errors, nor without DF, nor more than the rate. */
		m = SL_TEST_PACKET(.from = "10.0.0.1", .to = "10.0.0.2", .length = 1500);
		assert_int_equal(sl_test_one(t, SL_INSIDE, m), dropped("too-big"));
		assert_int_equal(sl_test_count(t, SL_INSIDE, SL_BACK), 0);
		m = SL_TEST_PACKET(.from = from, .to = to, .length = 1500, .dont_fragment = true);
		assert_int_equal(sl_test_one(t, SL_INSIDE, m), dropped("too-big"));
		assert_int_equal(sl_test_count(t, SL_INSIDE, SL_BACK), 0);
		sl_test_advance(t, SECOND / 50);
		m = SL_TEST_PACKET(.from = from, .to = to, .length = 1500, .dont_fragment = true);
		assert_int_equal(sl_test_one(t, SL_INSIDE, m), dropped("too-big"));
		assert_int_equal(sl_test_counter(t, "too-big-replies"), 2);
		sl_test_end(t);
	}
}

static void gpe_ip(void **state)
{
	struct sl_test *t = sl_test_new(
		type, BASE "gpe: true\npayload: ip\ninside: {source: \"02:00:00:00:00:0a\"}\n");
	static const char *const from[] = {"10.0.0.1", "fd00::1"}, *const to[] = {"10.0.0.2",
										  "fd00::2"};

	for (unsigned int i = 0; i < 2; i++) {
		struct rte_mbuf *m = SL_TEST_PACKET(.from = from[i], .to = to[i], .length = 30);
		uint8_t before[200], after[200];
		uint16_t length = bytes_of(m, before, sizeof(before));

		assert_int_equal(sl_test_one(t, SL_INSIDE, m), SL_ON);
		m = out(t, SL_INSIDE, SL_ON);
		assert_int_equal(vxlan_of(m)->flags, 0x0c);
		assert_int_equal(vxlan_of(m)->next, i + 1);
		assert_int_equal(m->pkt_len, 50 + length - 14);
		assert_memory_equal(rte_pktmbuf_mtod_offset(m, char *, 50), before + 14,
				    length - 14);
		m = wrap_bytes(before + 14, length - 14,
			       (struct outer){.flags = 0x0c, .next = i + 1, .port = 4790});
		assert_int_equal(sl_test_one(t, SL_OUTSIDE, m), SL_ON);
		m = out(t, SL_OUTSIDE, SL_ON);
		assert_int_equal(bytes_of(m, after, sizeof(after)), length);
		assert_memory_equal(before + 12, after + 12, length - 12);
		assert_int_equal(after[11], 0x0a);
	}
	assert_int_equal(
		sl_test_one(t, SL_INSIDE, SL_TEST_PACKET(.ethertype = 0x88b5, .length = 46)),
		dropped("not-ip"));
	sl_test_end(t);
}

#define TUNNELS                                                             \
	"local: 192.0.2.1\npeers: 192.0.2.2\nvlan-tags: keep\ntunnels:\n"   \
	"- {vni: 1, path: red}\n- {vni: 2, path: blue, peers: 192.0.2.3}\n" \
	"- {vni: 3, vlan: 30}\n- {vni: 4, path: red, vlan: 40}\n"

static const char *const paths[] = {"red", "blue", NULL};

static uint32_t vni_of(struct sl_test *t, uint16_t vlan)
{
	struct rte_mbuf *m = SL_TEST_PACKET(.from = "10.0.0.1", .to = "10.0.0.2", .vlan = vlan,
					    .dst_mac = MAC_ALL);
	const struct vx_bytes *vxlan;

	if (sl_test_one(t, SL_INSIDE, m) != SL_ON)
		return 0;
	m = out(t, SL_INSIDE, SL_ON);
	vxlan = vxlan_of(m);
	/* The tag that chose the tunnel is gone. */
	assert_int_equal(m->pkt_len, 50 + 14 + 28 + (vlan != 0 && vxlan->vni[2] < 3 ? 4 : 0));
	return vxlan->vni[2];
}

static void tunnels(void **state)
{
	struct sl_test_options options = {.paths = paths, .own_path = 1};
	struct sl_test *t = sl_test_new_with(type, TUNNELS, &options);
	struct rte_mbuf *m;

	assert_int_equal(vni_of(t, 0), 1);
	assert_int_equal(vni_of(t, 7), 1);
	assert_int_equal(vni_of(t, 30), 3);
	assert_int_equal(vni_of(t, 40), 4);
	/* Out of a tunnel to its path, with its tag. */
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, WRAP(frame(MAC_B, MAC_A), .vni = 1)), SL_ON);
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, WRAP(frame(MAC_B, MAC_A), .vni = 2)),
			 SL_EDGE_FIRST + 1);
	assert_int_equal(sl_packet(out(t, SL_OUTSIDE, SL_EDGE_FIRST + 1))->mark, 2);
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, WRAP(frame(MAC_B, MAC_A), .vni = 4)), SL_ON);
	m = out(t, SL_OUTSIDE, SL_ON);
	assert_int_equal(sl_packet(m)->vlan, 40);
	assert_int_equal(m->pkt_len, 14 + 4 + 28 + 40);
	sl_test_end(t);

	options.own_path = 2;
	t = sl_test_new_with(type, TUNNELS, &options);
	assert_int_equal(vni_of(t, 0), 2);
	assert_int_equal(vni_of(t, 40), 2);
	sl_test_end(t);

	options.own_path = 0;
	t = sl_test_new_with(type, TUNNELS, &options);
	assert_int_equal(vni_of(t, 30), 3);
	assert_int_equal(vni_of(t, 0), 0);
	assert_int_equal(sl_test_drops(t, "no-tunnel"), 1);
	sl_test_end(t);
}

static void strips_tags(void **state)
{
	struct sl_test *t = sl_test_new(type, BASE);
	struct rte_mbuf *m =
		SL_TEST_PACKET(.from = "10.0.0.1", .to = "10.0.0.2", .vlan = 5, .outer = 6,
			       .length = 40, .dst_mac = MAC_ALL, .src_mac = MAC_A);
	struct rte_mbuf *plain = frame(MAC_A, MAC_ALL);
	uint8_t bytes[200], want[200];
	uint16_t length = bytes_of(plain, want, sizeof(want));

	assert_int_equal(sl_test_one(t, SL_INSIDE, m), SL_ON);
	assert_int_equal(bytes_of(out(t, SL_INSIDE, SL_ON), bytes, sizeof(bytes)), 50 + length);
	assert_memory_equal(bytes + 50, want, 34);
	sl_test_free(plain);
	sl_test_end(t);
}

static void refused(void **state)
{
	static const char *const cases[][2] = {
		{"vni: 1\npeers: 192.0.2.2\n", "local"},
		{"local: 192.0.2.1\npeers: 192.0.2.2\n", "vni"},
		{"vni: 16777216\nlocal: 192.0.2.1\n", "16777215"},
		{"vni: 1\nlocal: 224.0.0.1\n", "unicast"},
		{BASE "udp-checksum: true\nzero-checksum: true\n", "IPv6"},
		{BASE6 "udp-checksum: true\n", "IPv4"},
		{BASE6 "dont-fragment: true\n", "IPv4"},
		{"vni: 1\nlocal: 192.0.2.1\npeers: \"2001:db8::1\"\n", "family"},
		{"vni: 1\nlocal: 192.0.2.1\npeers: 239.0.0.1\n", "unicast"},
		{"vni: 1\nlocal: 192.0.2.1\npeers: 192.0.2.1\n", "itself"},
		{"vni: 1\nlocal: 192.0.2.1\npeers: [192.0.2.2, 192.0.2.2]\n", "twice"},
		{"vni: 1\nlocal: 192.0.2.1\nlearn: false\n", "needs"},
		{BASE "payload: ip\n", "gpe"},
		{"vni: 1\nlocal: 192.0.2.1\ngpe: true\npayload: ip\n", "one peer"},
		{"local: 192.0.2.1\ntunnels: [{vni: 1}, {vni: 2}]\n", "apart"},
		{"local: 192.0.2.1\ntunnels: [{vni: 1, vlan: 1}, {vni: 1}]\n", "already"},
		{BASE "stations: {mac: \"02:00:00:00:00:01\", vni: 7, peer: 192.0.2.2}\n",
		 "no tunnel"},
		{BASE "stations: {mac: \"03:00:00:00:00:01\", vni: 100, peer: 192.0.2.2}\n",
		 "unicast"},
	};

	for (unsigned int i = 0; i < RTE_DIM(cases); i++) {
		const char *said = sl_test_refused(type, cases[i][0]);

		if (strstr(said, cases[i][1]) == NULL)
			fail_msg("%s\nsaid: %s\nexpected: %s", cases[i][0], said, cases[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_ipv4),     cmocka_unit_test(header_ipv6),
		cmocka_unit_test(entropy),         cmocka_unit_test(round_trips),
		cmocka_unit_test(headroom),        cmocka_unit_test(drops),
		cmocka_unit_test(zero_checksum),   cmocka_unit_test(lenient),
		cmocka_unit_test(underlay_errors), cmocka_unit_test(ecn),
		cmocka_unit_test(inherits),        cmocka_unit_test(too_big),
		cmocka_unit_test(gpe_ip),          cmocka_unit_test(tunnels),
		cmocka_unit_test(strips_tags),     cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, load, NULL);
}
