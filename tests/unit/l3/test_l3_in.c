/* SPDX-License-Identifier: BSD-3-Clause */
/* l3-in: what is taken, answered, refused. */
#include "bed.h"

static int setup(void **state)
{
	bed_configure();
	bed_default_routes();
	bed_open(1500);
	return 0;
}

static int teardown(void **state)
{
	bed_close();
	return 0;
}

static void forwards_and_counts_the_hop(void **state)
{
	bed_send(bed.in, fwd4);
	check_only(AT_CHAIN, fwd4_on, 0);
	bed_send(bed.in, fwd6);
	check_only(AT_CHAIN, fwd6_on, 0);
}

static void every_ttl_keeps_the_sum_right(void **state)
{
	for (unsigned int i = 0; i < 5000; i++) {
		struct rte_mbuf *m = vector_packet(fwd4);
		struct rte_ipv4_hdr *ip = sl_ipv4(m);

		ip->time_to_live = (uint8_t)(2 + i % 254);
		ip->packet_id = (uint16_t)rte_rand();
		ip->type_of_service = (uint8_t)rte_rand();
		ip->hdr_checksum = 0;
		ip->hdr_checksum = rte_ipv4_cksum(ip);
		bed_push(bed.in, m);
		check_sums(bed.got[AT_CHAIN][0]);
		bed_forget();
	}
}

/* A sum of zero may be written either way; the carry must go round. */
static void a_sum_of_all_ones_goes_round(void **state)
{
	struct rte_mbuf *m = vector_packet(fwd4);
	struct rte_ipv4_hdr *ip = sl_ipv4(m);

	ip->hdr_checksum = 0;
	ip->packet_id = 0;
	ip->packet_id = rte_ipv4_cksum(ip);
	assert_int_equal(rte_ipv4_cksum(ip), 0);
	ip->hdr_checksum = 0xffff;
	bed_push(bed.in, m);
	check_sums(bed.got[AT_CHAIN][0]);
}

static void answers_pings(void **state)
{
	bed_send(bed.in, ping4);
	check_only(AT_TX, pong4, 0);
	bed_send(bed.in, ping6);
	check_only(AT_TX, pong6, 0);
}

static void expired_ttl_is_told(void **state)
{
	bed_send(bed.in, ttl4);
	check_only(AT_TX, ttl4_error, 0);
	bed_send(bed.in, ttl6);
	check_only(AT_TX, ttl6_error, 0);
	assert_int_equal(bed_drops(bed.in, "ttl-expired"), 2);
}

/* What makes a packet that came with a dead TTL one that nobody may be told about. */
static struct rte_mbuf *dead4(uint32_t source, uint32_t to, uint16_t fragment, uint8_t proto,
			      uint8_t type)
{
	struct rte_mbuf *m = vector_packet(ttl4);
	struct rte_ipv4_hdr *ip = sl_ipv4(m);

	ip->src_addr = rte_cpu_to_be_32(source);
	ip->dst_addr = rte_cpu_to_be_32(to);
	ip->fragment_offset = rte_cpu_to_be_16(fragment);
	ip->next_proto_id = proto;
	*(uint8_t *)(ip + 1) = type;
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	assert_true(sl_packet_parse(m));
	return m;
}

#define PEER ADDR4(192, 0, 2, 10)
#define FAR  ADDR4(203, 0, 113, 5)

static void icmp_rules_of_ipv4(void **state)
{
	static const uint8_t errors[] = {3, 4, 5, 11, 12, 1, 2, 6, 7, 19, 255};
	static const uint8_t queries[] = {0, 8, 13, 14, 17};
	uint64_t expected = 0;

	for (unsigned int i = 0; i < RTE_DIM(errors); i++)
		bed_push(bed.in, dead4(PEER, FAR, 0, IPPROTO_ICMP, errors[i]));
	bed_push(bed.in, dead4(PEER, FAR, 100, IPPROTO_UDP, 0));       /* a later fragment */
	bed_push(bed.in, dead4(ADDR4(192, 0, 2, 255), FAR, 0, 17, 0)); /* a broadcast source */
	bed_push(bed.in, dead4(ADDR4(192, 0, 2, 0), FAR, 0, 17, 0));
	check_none();
	expected = RTE_DIM(errors) + 3;
	assert_int_equal(bed_drops(bed.in, "ttl-expired"), expected);
	for (unsigned int i = 0; i < RTE_DIM(queries); i++)
		bed_push(bed.in, dead4(PEER, FAR, 0, IPPROTO_ICMP, queries[i]));
	bed_push(bed.in, dead4(PEER, FAR, RTE_IPV4_HDR_MF_FLAG, 17, 0)); /* a first fragment */
	assert_int_equal(bed.got_count[AT_TX], RTE_DIM(queries) + 1);
}

static struct rte_mbuf *dead6(const uint8_t *source, uint8_t proto, uint8_t type)
{
	struct rte_mbuf *m = vector_packet(ttl6);
	struct rte_ipv6_hdr *ip = sl_ipv6(m);

	if (source != NULL)
		memcpy(sl_ip6_source(ip), source, 16);
	ip->proto = proto;
	*(uint8_t *)(ip + 1) = type;
	assert_true(sl_packet_parse(m));
	return m;
}

static void icmp_rules_of_ipv6(void **state)
{
	static const uint8_t local[16] = {0xfe, 0x80, [15] = 9};

	for (unsigned int type = 0; type < 128; type++)
		bed_push(bed.in, dead6(NULL, IPPROTO_ICMPV6, (uint8_t)type));
	check_none();
	bed_push(bed.in, dead6(NULL, IPPROTO_ICMPV6, 137));
	check_none();
	bed_push(bed.in, dead6(NULL, IPPROTO_ICMPV6, 128));
	assert_int_equal(bed.got_count[AT_TX], 1);
	bed_forget();
	/* From a link-local address beyond the link: unreachable, beyond scope (RFC 4443 3.1). */
	bed_push(bed.in, dead6(local, IPPROTO_UDP, 0));
	assert_int_equal(bed_drops(bed.in, "link-local"), 1);
	assert_int_equal(bed.punted_count, 1); /* its sender must be asked for first */
	assert_int_equal(sl_icmp(bed.punted[0])->icmp_type, 1);
	assert_int_equal(sl_icmp(bed.punted[0])->icmp_code, 2);
	assert_true(sl_ip6_source(sl_ipv6(bed.punted[0]))[0] == 0xfe);
}

static void errors_have_a_rate(void **state)
{
	bed_close();
	bed_configure();
	bed_default_routes();
	bed.config.icmp_rate = 100;
	bed_open(1500);
	for (unsigned int i = 0; i < 200; i++)
		bed_send(bed.in, ttl4);
	assert_int_equal(bed.got_count[AT_TX], 50);
	bed_later(0.1);
	for (unsigned int i = 0; i < 200; i++)
		bed_send(bed.in, ttl6);
	assert_in_range(bed.got_count[AT_TX], 59, 61);
	assert_int_equal(bed_drops(bed.in, "ttl-expired"), 400);
	for (unsigned int i = 0; i < 300; i++) /* but answers have none */
		bed_send(bed.in, ping4);
	assert_in_range(bed.got_count[AT_TX], 359, 361);
}

static void no_errors_at_rate_zero(void **state)
{
	bed_close();
	bed_configure();
	bed.config.icmp_rate = 0;
	bed_open(1500);
	bed_send(bed.in, ttl4);
	check_none();
}

/* A forwarded packet with other addresses, or in another frame. */
struct odd {
	const char *reason;
	uint32_t source, to;
	uint8_t mac; /* first byte of the destination MAC */
};

static void martians_of_ipv4(void **state)
{
	static const struct odd odd[] = {
		{"martian-source", ADDR4(127, 0, 0, 1), FAR, 2},
		{"martian-source", ADDR4(224, 0, 0, 5), FAR, 2},
		{"martian-source", ADDR4(255, 255, 255, 255), FAR, 2},
		{"martian-source", 0, FAR, 2},
		{"martian-source", ADDR4(192, 0, 2, 1), FAR, 2}, /* our own */
		{"martian-destination", PEER, ADDR4(127, 0, 0, 1), 2},
		{"martian-destination", PEER, 0, 2},
		{"martian-destination", PEER, ADDR4(240, 0, 0, 1), 2},
		{"broadcast", PEER, ADDR4(255, 255, 255, 255), 0xff},
		{"broadcast", PEER, ADDR4(192, 0, 2, 255), 2},
		{"broadcast", PEER, ADDR4(192, 0, 2, 0), 2},
		{"multicast", PEER, ADDR4(224, 0, 0, 1), 1},
		{"group-mac", PEER, FAR, 0xff},
		{"not-for-us", PEER, FAR, 4},
	};

	for (unsigned int i = 0; i < RTE_DIM(odd); i++) {
		struct rte_mbuf *m = vector_packet(fwd4);
		struct rte_ipv4_hdr *ip = sl_ipv4(m);
		uint64_t before = bed_drops(bed.in, odd[i].reason);

		sl_ether(m)->dst_addr.addr_bytes[0] = odd[i].mac;
		ip->src_addr = rte_cpu_to_be_32(odd[i].source);
		ip->dst_addr = rte_cpu_to_be_32(odd[i].to);
		ip->hdr_checksum = 0;
		ip->hdr_checksum = rte_ipv4_cksum(ip);
		assert_true(sl_packet_parse(m));
		bed_push(bed.in, m);
		check_none();
		if (bed_drops(bed.in, odd[i].reason) != before + 1)
			fail_msg("case %u: not dropped as %s", i, odd[i].reason);
	}
}

static void martians_of_ipv6(void **state)
{
	static const struct {
		const char *reason, *source, *to;
	} odd[] = {
		{"martian-source", "::", "2001:db8:ff::5"},
		{"martian-source", "::1", "2001:db8:ff::5"},
		{"martian-source", "ff02::1", "2001:db8:ff::5"},
		{"martian-source", "2001:db8::1", "2001:db8:ff::5"},
		{"martian-destination", "2001:db8::10", "::"},
		{"martian-destination", "2001:db8::10", "::1"},
		{"multicast", "2001:db8::10", "ff02::1"},
		{"multicast", "2001:db8::10", "ff0e::5"},
		{"link-local", "2001:db8::10", "fe80::9"},
	};

	for (unsigned int i = 0; i < RTE_DIM(odd); i++) {
		struct rte_mbuf *m = vector_packet(fwd6);
		struct sl_addr addr;
		uint64_t before = bed_drops(bed.in, odd[i].reason);

		sl_addr_parse(odd[i].source, &addr);
		memcpy(sl_ip6_source(sl_ipv6(m)), addr.bytes, 16);
		sl_addr_parse(odd[i].to, &addr);
		memcpy(sl_ip6_destination(sl_ipv6(m)), addr.bytes, 16);
		bed_push(bed.in, m);
		check_none();
		if (bed_drops(bed.in, odd[i].reason) != before + 1)
			fail_msg("case %u: not dropped as %s", i, odd[i].reason);
	}
}

static void tags_and_strangers(void **state)
{
	uint8_t bytes[128] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 0x81, 0, 0, 5, 0x08, 0};

	bed_push(bed.in, bed_packet(bytes, 64, 0));
	check_dropped(bed.in, "vlan-on-l3");
	bytes[12] = 0x88;
	bytes[13] = 0xb5;
	bed_push(bed.in, bed_packet(bytes, 64, 0));
	check_dropped(bed.in, "not-ip");
	bytes[12] = 0x08;
	bytes[13] = 0x00;
	bed_push(bed.in, bed_packet(bytes, 64, 0));
	check_dropped(bed.in, "malformed");
	check_none();
}

static void source_routes_are_refused(void **state)
{
	static const uint8_t options[8] = {1, 131, 7, 4, 10, 0, 0, 1};
	uint8_t bytes[256];
	uint32_t length = vector_bytes(fwd4, bytes);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(bytes + 14);
	static const uint8_t routing[8] = {17, 0, 0, 1};

	memmove(bytes + 42, bytes + 34, length - 34);
	memcpy(bytes + 34, options, 8);
	ip->version_ihl = 0x47;
	ip->total_length = rte_cpu_to_be_16((uint16_t)(length + 8 - 14));
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	bed_push(bed.in, bed_packet(bytes, length + 8, 0));
	check_dropped(bed.in, "source-route");

	bytes[35] = 7; /* record route is not one */
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	bed_push(bed.in, bed_packet(bytes, length + 8, 0));
	assert_int_equal(bed.got_count[AT_CHAIN], 1);
	bed_forget();

	length = vector_bytes(fwd6, bytes);
	memmove(bytes + 62, bytes + 54, length - 54);
	memcpy(bytes + 54, routing, 8);
	bytes[20] = IPPROTO_ROUTING;
	bytes[19] = (uint8_t)(bytes[19] + 8);
	bed_push(bed.in, bed_packet(bytes, length + 8, 0));
	assert_int_equal(bed_drops(bed.in, "source-route"), 2);
}

static void control_goes_to_main(void **state)
{
	bed_send(bed.in, arp_ask_us);
	bed_send(bed.in, nd_ask_us);
	assert_int_equal(bed.punted_count, 2);
	bed.punt_full = true;
	bed_send(bed.in, arp_ask_us);
	check_dropped(bed.in, "punt-full");
	bed_send(bed.in, nd_far);
	check_dropped(bed.in, "nd-bad");
	check_none();
}

static void other_own_packets_go_on(void **state)
{
	bed_send(bed.in, port4);
	assert_int_equal(bed.got_count[AT_CHAIN], 1);
	bed_send(bed.in, port6);
	assert_int_equal(bed.got_count[AT_CHAIN], 2);
}

/* Any bytes: whatever happens, it is counted. */
static void survives_noise(void **state)
{
	static const enum vector seeds[] = {ping4,      ping6,      fwd4,      fwd6,
					    arp_ask_us, nd_ask_us,  nd_20_is,  ttl4,
					    proto6,     big6_error, ttl4_error};
	uint8_t bytes[2048];

	for (unsigned int i = 0; i < 30000; i++) {
		uint32_t length = vector_bytes(seeds[i % RTE_DIM(seeds)], bytes);
		struct rte_mbuf *m;

		for (unsigned int k = rte_rand() % 6; k > 0; k--)
			bytes[rte_rand() % RTE_MIN(length, 80u)] = (uint8_t)rte_rand();
		if (rte_rand() % 4 == 0)
			length = 14 + (uint32_t)(rte_rand() % (length - 14));
		m = bed_packet(bytes, length, rte_rand() % 3 == 0 ? 16 + rte_rand() % 60 : 0);
		bed_push(rte_rand() % 2 ? bed.reassemble : bed.out, m);
		if (i % 16 == 0)
			bed_main();
		if (i % 64 == 0)
			bed_forget();
		if (rte_mempool_avail_count(bed.pool) < POOL_SIZE / 2)
			bed_wait(100); /* what waits for more fragments leaves */
	}
	bed_wait(100);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(forwards_and_counts_the_hop),
		CASE(every_ttl_keeps_the_sum_right),
		CASE(a_sum_of_all_ones_goes_round),
		CASE(answers_pings),
		CASE(expired_ttl_is_told),
		CASE(icmp_rules_of_ipv4),
		CASE(icmp_rules_of_ipv6),
		CASE(errors_have_a_rate),
		CASE(no_errors_at_rate_zero),
		CASE(martians_of_ipv4),
		CASE(martians_of_ipv6),
		CASE(tags_and_strangers),
		CASE(source_routes_are_refused),
		CASE(control_goes_to_main),
		CASE(other_own_packets_go_on),
		CASE(survives_noise),
	};

	return cmocka_run_group_tests(tests, bed_group_setup, NULL);
}
